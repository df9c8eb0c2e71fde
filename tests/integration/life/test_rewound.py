"""A database that forgot what was sent: nothing leaves until a person has said what it forgot."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from life_rig import House, Person, open_house, until
from test_worker import many, working

from outreach import bootstrap
from outreach.bootstrap import open_parts
from outreach.clock import Clock
from outreach.db import eras, migrate
from outreach.db.eras import Era, Server
from outreach.db.pool import open_pool
from outreach.domain.contact import Channel
from outreach.domain.errors import ConfigurationError, Conflict, InvalidInput, Rewound
from outreach.domain.notice import Purpose
from outreach.embedded import Embedded, places
from outreach.ids import new_id
from outreach.life import receipts, reconcile, recover
from outreach.life.letters import LettersOut
from outreach.life.marks import PLACES, Mark, MarkFile, read_all
from outreach.life.watermark import MARKS, Memory, Watermark, objection
from outreach.portfolio.answers import read_answers
from outreach.proof.verify import verify
from outreach.settings import MailHouseSettings

HERE = Server(7, 1)


def era(*, recovered: bool = False, server: Server = HERE, age: float = 0) -> Era:
    return Era(new_id(), server, Clock().now() - timedelta(seconds=age), recovered)


def a_mark(at: Era, server: Server = HERE, event: UUID | None = None) -> Mark:
    now = Clock().now()
    return Mark(server, at.id, now, (event, now) if event else None)


# ------------------------------------------------------------------------------------ the decision


def test_what_agrees_is_sent_from() -> None:
    now = era()
    memory = Memory(HERE, now, {now.id}, set())
    assert objection([], memory) is None
    assert objection([a_mark(now, event=new_id()), a_mark(now)], memory) is None


@pytest.mark.parametrize("server", [Server(8, 1), Server(7, 2)])
def test_another_cluster_or_timeline_is_refused_even_without_a_mark(server: Server) -> None:
    now = era()
    assert objection([], Memory(server, now, {now.id}, set()))
    here = era(server=server)
    assert objection([a_mark(here)], Memory(server, here, {here.id}, set()))


def test_a_lost_event_an_unknown_era_and_no_era_are_refused() -> None:
    now, event = era(), new_id()
    memory = Memory(HERE, now, {now.id}, {event})
    assert "is not in it" in (objection([a_mark(now, event=event)], memory) or "")
    assert "before it was last recovered" in (objection([a_mark(era())], memory) or "")
    assert "restored" in (objection([], Memory(HERE, None, {now.id}, set())) or "")


def test_a_recovery_answers_the_marks_before_it_and_no_later_ones() -> None:
    first, event = era(age=20), new_id()
    lost = a_mark(first, Server(8, 3), event)
    later = era(recovered=True)
    assert objection([lost], Memory(HERE, later, {first.id, later.id}, {event})) is None
    assert objection([a_mark(era())], Memory(HERE, later, {later.id}, set()))
    before = era(recovered=True, age=20)
    assert objection([lost], Memory(HERE, before, {before.id, first.id}, {event}))


# ------------------------------------------------------------------------------------ the file


def test_a_file_holds_the_last_marks_and_outlives_its_process(tmp_path: Path) -> None:
    now = era()
    file = MarkFile(tmp_path, HERE, now, [])
    at = Clock().now()
    ids = [new_id() for _ in range(PLACES * 3)]
    for each in ids:
        file.note(each, at)
    assert {m.event for m in read_all(tmp_path)} == {(i, at) for i in ids[-PLACES:]}
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert len(file.path.read_bytes()) == PLACES * 256
    file.close()


def test_a_damaged_file_is_not_taken_for_silence(tmp_path: Path) -> None:
    file = MarkFile(tmp_path, HERE, era(), [])
    file.path.write_bytes(file.path.read_bytes().replace(b"[7,1", b"[8,1"))
    with pytest.raises(ConfigurationError, match="damaged"):
        read_all(tmp_path)
    file.close()


# ------------------------------------------------------------------------- against a real database


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def refused(watermark: Watermark, conn: asyncpg.Connection) -> str:
    with pytest.raises(Rewound) as raised:
        await watermark.check(conn)
    assert "outreach recover" in raised.value.remedy
    return raised.value.message


async def test_the_first_start_is_free_and_marks_of_the_dead_are_merged(
    conn: asyncpg.Connection, tmp_path: Path
) -> None:
    for _ in range(3):
        watermark = Watermark(tmp_path)
        await watermark.check(conn)
        await watermark.check(conn)
        assert len(list(tmp_path.iterdir())) == 1
        watermark.close()
    living, other = Watermark(tmp_path), Watermark(tmp_path)
    await living.check(conn)
    await other.check(conn)
    assert len(list(tmp_path.iterdir())) == 2
    living.close()
    other.close()


async def test_an_empty_database_has_no_past(empty_database_url: str, tmp_path: Path) -> None:
    watermark = Watermark(tmp_path)
    await (await open_pool(empty_database_url, 1, init=watermark.check)).close()
    assert not list(tmp_path.iterdir())


async def test_a_mark_survives_three_starts_and_still_accuses(
    conn: asyncpg.Connection, tmp_path: Path
) -> None:
    first = Watermark(tmp_path)
    await first.check(conn)
    await conn.execute(
        """insert into contact_events (id, at, kind, stream, creditor_id, actor, data)
           values ($1, $2, 'sending', 's', 'c', 'a', '{}')""",
        event := new_id(),
        at := Clock().now(),
    )
    first.note(event, at)
    first.close()
    for _ in range(3):
        again = Watermark(tmp_path)
        await again.check(conn)
        again.close()
    await conn.execute("delete from contact_events")
    assert "is not in it" in await refused(Watermark(tmp_path), conn)


async def test_identity_in_the_database_itself(conn: asyncpg.Connection, tmp_path: Path) -> None:
    here = await eras.server(conn)
    assert here is not None
    assert here == (await eras.current(conn)).server  # type: ignore[union-attr]
    await conn.execute("update eras set timeline = timeline - 1")
    assert "timeline" in await refused(Watermark(tmp_path), conn)
    await conn.execute("update eras set timeline = timeline + 1, system_identifier = 1")
    assert "cluster" in await refused(Watermark(tmp_path), conn)
    await conn.execute("update eras set ended_at = now()")
    assert "restored" in await refused(Watermark(tmp_path), conn)


# ------------------------------------------------------------------- a true rewind, under a worker


class Past:
    """A database as it was: a copy to go back to, as a restore over it would."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = url.partition("?")[0].rpartition("/")[2]
        self._admin = url.replace(f"/{self._name}?", "/outreach?")

    async def keep(self) -> None:
        await self._do(
            f"alter database {self._name} allow_connections false",
            self._hang_up,
            f"create database {self._name}_past template {self._name}",
            f"alter database {self._name} allow_connections true",
        )

    async def return_(self) -> None:
        await self._do(
            f"drop database {self._name} with (force)",
            f"create database {self._name} template {self._name}_past",
        )

    async def forget(self) -> None:
        await self._do(f"drop database if exists {self._name}_past with (force)")

    @property
    def _hang_up(self) -> str:
        sessions = f"pg_stat_activity where datname = '{self._name}'"
        return f"select pg_terminate_backend(pid, 10000) from {sessions}"

    async def _do(self, *statements: str) -> None:
        admin = await asyncpg.connect(self._admin)
        try:
            for statement in statements:
                await admin.execute(statement)
        finally:
            await admin.close()


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    past = Past(database_url)
    yield past
    await past.forget()


@asynccontextmanager
async def sending_house(url: str, redis_url: str, folder: Path) -> AsyncIterator[House]:
    """A house whose parts are those of a worker process."""
    async with open_house(url, redis_url, folder, sends=True) as house:
        yield house


async def count(house: House, state: str) -> int:
    found = await house.fetchval("select count(*) from notices where state = $1", state)
    assert isinstance(found, int)
    return found


async def test_a_worker_that_lives_through_a_restore_sends_nothing_until_recovered(
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    past: Past,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with sending_house(database_url, redis_url, tmp_path) as house:
        house.set(feed_seconds=0.1)
        await many(house, 6)
        await past.keep()
        async with working(house):

            async def all_sent() -> bool:
                return len(house.book()) == 6 and await count(house, "sent") == 6

            await until(all_sent)
            caplog.clear()
            await past.return_()

            async def told() -> bool:
                return "database_rewound" in caplog.text

            await until(told)
            async with open_parts(house.settings, database_url) as parts:
                office = House(parts, redis_url, house.redis, tmp_path, "")
                assert await count(office, "pending") == 6
                with pytest.raises(Rewound):
                    await house.fetchval("select 1")
                plan = await recover.plan(office.parts, None)
                assert plan.objection
                assert plan.total == 6
                assert len(house.book()) == 6, "nothing was sent a second time"
                done, _ = await recover.recover(office.parts, plan, "user:op", "restored")
                assert done == 6
                assert await count(office, "uncertain") == 6

            async def goes_on() -> bool:
                return "database_recovered" in caplog.text

            await until(goes_on)
            fresh = await many(house, 3)

            async def fresh_sent() -> bool:
                return len(house.book()) == 9 and await count(house, "sent") == 3

            await until(fresh_sent)
            assert len(fresh) == 3
        assert await count(house, "uncertain") == 6
        assert caplog.text.count("database_rewound") == 1
        assert "together they fail (Rewound)" not in caplog.text
        assert not (await verify(house.parts.pool, house.parts.masters)).problems


async def test_point_in_time_recovery_is_seen_by_its_timeline(tmp_path: Path) -> None:
    """A cluster of its own, recovered from its write-ahead log as an operator would."""
    folder = Path(tempfile.mkdtemp(prefix="outreach-rewound-"))
    folder.chmod(0o711)
    try:
        async with Embedded(folder, fast=True) as urls:
            await migrate.upgrade(urls.database)
            conn = await asyncpg.connect(urls.database)
            watermark = Watermark(tmp_path)
            await watermark.check(conn)
            watermark.close()
            await conn.close()
        cluster = places(folder).cluster
        (cluster / "recovery.signal").touch()
        with (cluster / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = '/bin/false'\n")
        shutil.chown(cluster / "recovery.signal", cluster.stat().st_uid)
        async with Embedded(folder, fast=True) as urls:
            conn = await asyncpg.connect(urls.database)
            await until(lambda: promoted(conn))
            assert "timeline 2, not 1" in await refused(Watermark(tmp_path), conn)
            assert "timeline 2, not 1" in await refused(Watermark(tmp_path / "none"), conn)
            here = await eras.server(conn)
            assert here is not None
            await eras.begin(conn, new_id(), here, None, "user:op", "recovered")
            await watermark.check(conn)
            watermark.close()
            await conn.close()
    finally:
        where = places(folder)
        for path in (where.sockets, where.home, folder):
            shutil.rmtree(path, ignore_errors=True)


async def promoted(conn: asyncpg.Connection) -> bool:
    return not await conn.fetchval("select pg_is_in_recovery()")


async def test_a_worker_that_starts_waits_and_says_so_once(
    house: House,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "WATCH_SECONDS", 0.02)
    conn = await asyncpg.connect(database_url)
    here = await eras.server(conn)
    assert here is not None
    await eras.end(conn)
    waiting = asyncio.create_task(
        bootstrap.wait_until_fit(house.settings, database_url, asyncio.Event())
    )

    async def told() -> bool:
        return "database_rewound" in caplog.text

    await until(told)
    await eras.begin(conn, new_id(), here, None, "user:op", "recovered")
    await asyncio.wait_for(waiting, 10)
    await conn.close()
    assert caplog.text.count("database_rewound") == 1
    assert "database_recovered" in caplog.text


# ------------------------------------------------------------------------------------- recovering


async def test_only_what_may_have_gone_is_doubted_and_a_late_receipt_settles_it(
    open_doors: House,
) -> None:
    house = open_doors
    due, held, worthless = [(await house.a_notice())[1] for _ in range(3)]
    await house.execute(
        "update due set due_at = $2 where notice_id = $1", held, house.now + timedelta(hours=1)
    )
    async with house.parts.pool.acquire() as conn:
        newest = await eras.newest_event(conn)
    assert newest is not None
    await house.execute("update notices set expires_at = $2 where id = $1", worthless, newest[1])
    plan = await recover.plan(house.parts, None)
    assert (plan.total, plan.objection) == (1, None)
    assert await house.state(due) == ("pending", "none"), "planning changes nothing"
    assert await recover.recover(house.parts, plan, "user:op", "restored") == (
        1,
        await house.fetchval("select id from eras where ended_at is null"),
    )
    row = await house.look(due)
    assert (row["state"], row["attempt"], row["queued"], row["code"]) == (
        "uncertain",
        1,
        None,
        "recovered",
    )
    told = (await house.events(due))[-1]
    assert (told.kind, told.actor, told.data["code"]) == ("uncertain", "user:op", "recovered")
    assert [(await house.state(n))[0] for n in (held, worthless)] == ["pending", "pending"]
    await house.post(house.status(due, 2, "delivered"))
    await house.apply()
    assert await house.state(due) == ("sent", "delivered"), "of a later attempt, forgotten too"


async def test_broken_off_and_run_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover, "BATCH", 2)
    await many(house, 5)
    await house.execute("insert into stops values ('all', 'u', 'r', now())")
    before = await house.fetchval("select id from eras where ended_at is null")
    plan = await recover.plan(house.parts, None)

    def killed(done: int, total: int) -> None:
        assert total == 5
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await recover.recover(house.parts, plan, "user:op", "restored", killed)
    assert await count(house, "uncertain") == 4
    assert await house.fetchval("select id from eras where ended_at is null") == before
    plan = await recover.plan(house.parts, None)
    assert plan.total == 1
    done, era = await recover.recover(house.parts, plan, "user:op", "restored")
    assert (done, await count(house, "uncertain")) == (1, 5)
    assert await house.fetchval("select id from eras where ended_at is null") == era
    events = await house.fetchval("select count(*) from contact_events where kind = 'uncertain'")
    assert events == 5


async def test_letters_in_a_batch_that_may_have_been_closed(house: House) -> None:
    person = Person()
    await house.people(person)
    letter = await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
    await LettersOut(house.parts).collect("letters")
    assert (await house.look(letter))["batch_id"] is not None
    plan = await recover.plan(house.parts, None)
    assert plan.doubtful == (("qinglan-bank", "letter", 1),)
    await recover.recover(house.parts, plan, "user:op", "restored")
    row = await house.look(letter)
    assert (row["state"], row["batch_id"], row["attempt"]) == ("uncertain", None, 1)
    assert await house.fetchval("select count(*) from letter_batches where closed_at is null") == 0
    mail_house = next(c for c in house.settings.carriers if isinstance(c, MailHouseSettings))
    (mail_house.inbox / "ack-1.csv").write_text(
        f"letter_id,result,reason,sha256\n{letter},accepted,,{'0' * 64}\n"
    )
    await receipts.collect_files(house.parts)
    await house.apply()
    assert (await house.state(letter))[0] == "sent", "the mail house knows it by its id"


async def test_refusals(house: House) -> None:
    await many(house, 1)
    with pytest.raises(InvalidInput, match="newest event"):
        await recover.plan(house.parts, house.now + timedelta(days=1))
    plan = await recover.plan(house.parts, None)
    with pytest.raises(InvalidInput, match="reason"):
        await recover.recover(house.parts, plan, "user:op", " ")


async def test_nothing_lost_is_not_believed_against_a_mark(house: House) -> None:
    async with house.parts.pool.acquire() as conn:
        here, now = await eras.server(conn), await eras.current(conn)
    assert here
    assert now
    folder = house.folder / MARKS
    folder.mkdir()
    file = MarkFile(folder, here, now, [])
    begun = await recover.nothing_lost(house.parts, "user:op", "switch-over")
    assert await house.fetchval("select id from eras where ended_at is null") == begun
    file.note(new_id(), Clock().now())
    with pytest.raises(Conflict, match="1 commits"):
        await recover.nothing_lost(house.parts, "user:op", "switch-over")
    file.close()
    await house.execute("update eras set ended_at = now() where ended_at is null")
    with pytest.raises(Conflict, match="restored"):
        await recover.nothing_lost(house.parts, "user:op", "switch-over")


# ------------------------------------------------------------------------- settling many at once


async def test_a_file_of_answers_settles_all_or_none(house: House, tmp_path: Path) -> None:
    await many(house, 3)
    await recover.recover(house.parts, await recover.plan(house.parts, None), "user:op", "restored")
    numbers = [row["number"] for row in await house.fetch("select number from notices order by 1")]
    path = tmp_path / "answers.csv"

    def write(*results: str) -> None:
        rows = [f"{n},{r}" for n, r in zip(numbers, results, strict=True)]
        path.write_text("\n".join(["通知,结果", *rows]) + "\n", encoding="utf-8")

    async def settle(*, dry_run: bool = False) -> list[tuple[int, str]]:
        answers = read_answers(path)
        return await reconcile.resolve_all(
            house.parts, answers, "user:op", "the carrier's list", dry_run=dry_run
        )

    write("已发", "maybe", "not-sent")
    with pytest.raises(InvalidInput, match="row 3: neither"):
        await settle()
    write("已发", "SENT", "未发")
    assert await settle(dry_run=True) == []
    assert await count(house, "uncertain") == 3
    assert await settle() == []
    states = [await count(house, state) for state in ("sent", "pending", "uncertain")]
    assert states == [2, 1, 0]
    assert [row for row, _ in await settle()] == [2, 3, 4], "settled already: nothing is taken"
    assert await house.dispatch() == 1, "through the gate, as the next attempt"
