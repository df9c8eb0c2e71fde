"""Houses to try a notice's life in."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from life_rig import House, everybody, open_house

from outreach.embedded import Urls

WORDS = ("青岚银行", "退订", "本人", "还款", "周五", "金额", "投诉", "U+")
"""What stands in every notice, and what people answer here."""

EMPTY = """do $$ declare name text; begin
    for name in select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and not relispartition and relname not in ('alembic_version', 'eras')
        order by oid desc -- what refers to another table was made after it
    loop execute format('delete from %I', name); end loop;
    delete from eras where previous is not null; -- nobody ever recovered it
    update eras set ended_at = null; end $$"""


@pytest.fixture(autouse=True)
def _nothing_personal_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test did, and at whatever level it was logged."""
    everybody.clear()
    caplog.set_level(logging.DEBUG)
    yield
    formatter = logging.Formatter("%(name)s %(message)s")
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    lines = "\n".join(formatter.format(record) for record in records)
    secrets = {secret for person in everybody for secret in person.secrets}
    assert not [secret for secret in (*secrets, *WORDS) if secret in lines], lines


@pytest.fixture(scope="session")
def one_database(servers: Urls, migrated: str) -> str:
    """A database for all these tests: making one takes longer than most of them."""

    async def create() -> None:
        admin = await asyncpg.connect(servers.database)
        await admin.execute("create database life template template_outreach")
        await admin.close()

    with ThreadPoolExecutor(1) as thread:  # whatever loop the test itself may have
        thread.submit(asyncio.run, create()).result()
    return migrated.replace("/template_outreach?", "/life?")


@pytest.fixture
async def clean_url(one_database: str) -> AsyncIterator[str]:
    """It, emptied after the test. A test that changes the schema takes ``database_url``."""
    yield one_database
    conn = await asyncpg.connect(one_database)
    await conn.execute(EMPTY)
    await conn.close()


@pytest.fixture
async def house(clean_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Everything arrives, and nothing comes back."""
    async with open_house(clean_url, redis_url, tmp_path) as opened:
        yield opened


Command = Callable[..., Awaitable[str]]


@pytest.fixture
def commands(
    house: House, clean_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[..., str]], Command]:
    """Makes of ``outreach`` or ``refused`` the command in this house."""
    for name, value in (
        ("DATA_DIR", str(house.folder)),
        ("DATABASE_URL", clean_url),
        ("REDIS_URL", redis_url),
        ("CLOCK_OFFSET_SECONDS", str(house.settings.clock_offset_seconds)),
    ):
        monkeypatch.setenv(f"OUTREACH_{name}", value)

    def made(run: Callable[..., str]) -> Command:
        async def command(*arguments: str) -> str:
            return await asyncio.to_thread(run, *arguments)  # it brings a loop of its own

        return command

    return made


@pytest.fixture
async def open_doors(clean_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The same, with our doors open to callbacks and mail."""
    async with open_house(clean_url, redis_url, tmp_path, http=True) as opened:
        yield opened


@pytest.fixture
async def own_house(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """With open doors and a database of its own, whose schema a test may break."""
    async with open_house(database_url, redis_url, tmp_path, http=True) as opened:
        yield opened
