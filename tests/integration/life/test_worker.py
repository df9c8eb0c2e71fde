"""The worker: bells from PostgreSQL, whatever happens to Redis, and a clean stop."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from life_rig import AT_ONCE, House, Person, open_house, until
from peers import Switchboard, switchboard, taken
from redis.asyncio import Redis

from outreach.domain.contact import Channel
from outreach.domain.notice import Lane, Purpose
from outreach.life import feed
from outreach.proof.verify import verify
from outreach.worker import run_worker

pytestmark = pytest.mark.timeout(90)


@asynccontextmanager
async def working(house: House) -> AsyncIterator[asyncio.Event]:
    """A worker process' inside, stopped cleanly at the end."""
    stopping = asyncio.Event()
    task = asyncio.create_task(run_worker(house.parts, house.redis_url, stopping))
    try:
        yield stopping
    finally:
        stopping.set()
        await asyncio.wait_for(task, 30)


async def many(house: House, count: int) -> list[Person]:
    people = [Person() for _ in range(count)]
    await house.people(*people)
    await house.submit(*[await house.request(person) for person in people])
    return people


def once_each(house: House, count: int) -> None:
    tokens = Counter(entry.token for entry in house.book())
    assert len(tokens) == count
    assert set(tokens.values()) <= {1}


NOTICE = """creditor_id debtor_id account_ids purpose channel currency contact_point_id lane route
    due_at expires_at created_at actor"""

# ------------------------------------------------------------------------------------ the feed


class Bells:
    def __init__(self) -> None:
        self.rung: list[tuple[str, str, int]] = []

    async def ring(self, lane: str, route: str, slot: int) -> None:
        self.rung.append((lane, route, slot))


async def test_a_bell_a_chunk_and_never_more_than_slots(house: House) -> None:
    house.set(chunk=2, slots=2)
    bells = Bells()
    assert await feed.feed_once(house.parts, bells.ring) == 0
    await many(house, 2)
    assert await feed.feed_once(house.parts, bells.ring) == 1
    await many(house, 1)
    assert await feed.feed_once(house.parts, bells.ring) == 2
    await many(house, 9)
    assert await feed.feed_once(house.parts, bells.ring) == 2
    assert set(bells.rung) == {("bulk", "sms", 0), ("bulk", "sms", 1)}


async def test_each_lane_and_route_has_its_own_bells(house: House) -> None:
    house.set(chunk=1, slots=2)
    person = Person()
    await house.people(person)
    for _ in range(6):
        await house.notice(person, Channel.EMAIL)
        await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
    await house.notice(person, lane=Lane.URGENT)
    bells = Bells()
    await feed.feed_once(house.parts, bells.ring)
    assert set(bells.rung) == {
        ("bulk", "email", 0),
        ("bulk", "email", 1),
        ("letters", "letters", 0),
        ("urgent", "sms", 0),
    }


async def test_no_bell_for_what_waits_or_is_stopped(house: House) -> None:
    """What a stop covers hides nothing else, however much of it stands in front."""
    house.set(chunk=1)
    (person,) = await many(house, 1)
    copied = ", ".join(NOTICE.split())
    await house.execute(
        f"""with more as (
                insert into notices (id, idempotency_key, {copied})
                select gen_random_uuid(), 'more:' || i, {copied}
                from notices cross join generate_series(1, 10000) i returning *)
            insert into due (notice_id, lane, route, creditor_id, due_at)
            select id, lane, route, creditor_id, due_at - interval '1 hour' from more"""
    )
    await house.notice(person, Channel.EMAIL)
    later = await house.notice(person, Channel.EMAIL)
    await house.execute(
        "update due set due_at = $2 where notice_id = $1", later, house.now + timedelta(hours=1)
    )
    await house.execute("insert into stops values ('channel:sms', 'u', 'r', now())")
    bells = Bells()
    await feed.feed_once(house.parts, bells.ring)
    assert bells.rung == [("bulk", "email", 0)]
    await house.execute("delete from stops")
    await house.notice(person, lane=Lane.URGENT)
    await feed.feed_once(house.parts, bells.ring)
    assert ("urgent", "sms", 0) in bells.rung, "a one-off is heard over any campaign"
    await house.execute("insert into stops values ('all', 'u', 'r', now())")
    assert await feed.feed_once(house.parts, bells.ring) == 0


# ---------------------------------------------------------------------------------- the worker


async def test_the_whole_loop_at_rest(clean_url: str, redis_url: str, tmp_path: Path) -> None:
    """Three channels, receipts and replies, one worker: everything applied, sealed and verified."""
    world: dict[str, object] = {"delay": AT_ONCE, "replies": {"已还款": 0.5}, "repeats": 0.5}
    async with open_house(clean_url, redis_url, tmp_path, world=world, http=True) as house:
        house.set(carriers=tuple(_quick(c) for c in house.settings.carriers))
        people = [Person() for _ in range(9)]
        await house.people(*people)
        for person, channel in zip(people, list(Channel) * 3, strict=True):
            letter = channel is Channel.LETTER
            purpose = Purpose.DEMAND_LETTER if letter else Purpose.OVERDUE_NOTICE
            await house.notice(person, channel, purpose)
        async with working(house):

            async def delivered() -> bool:
                count = await house.fetchval(
                    "select count(*) from notices where state = 'sent' and delivery = 'delivered'"
                )
                return count == 9 and await house.at_rest()

            await until(delivered, 30)
        assert await house.fetchval("select count(*) from unsealed") == 0
        report = await verify(house.parts.pool, house.parts.masters)
        assert not report.problems
        assert report.events > 9 * 3


def _quick(carrier: object) -> object:
    soon = {"batch_seconds": 0.1} if hasattr(carrier, "batch_seconds") else {}
    return carrier.model_copy(update=soon)  # type: ignore[attr-defined]


async def test_redis_flushed_and_cut_off_in_mid_run(house: House) -> None:
    """It holds bells only: they are rung again, and nothing is lost or sent twice."""
    house.set(chunk=4, feed_seconds=0.1)
    await many(house, 120)
    redis = Redis.from_url(house.redis_url)
    async with working(house):
        for part in (20, 50, 80):

            async def so_far(part: int = part) -> bool:
                return len(house.book()) >= part

            await until(so_far)
            await redis.flushall()
            await redis.client_kill_filter(_type="normal", skipme=True)

        async def all_sent() -> bool:
            return await house.fetchval("select count(*) from notices where state = 'sent'") == 120

        await until(all_sent, 40)
    await redis.aclose()
    once_each(house, 120)
    assert await house.fetchval("select count(*) from uncertain") == 0
    assert await house.fetchval("select count(*) from claims") == 0


async def test_postgresql_drops_every_connection_in_mid_run(
    house: House, clean_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on with new ones by itself, says so once at most, and each notice goes once."""
    house.set(chunk=4, feed_seconds=0.1, lease_seconds=3.0)
    await many(house, 60)
    admin = await asyncpg.connect(clean_url)
    async with working(house):
        for part in (10, 20, 30):

            async def so_far(part: int = part) -> bool:
                return len(house.book()) >= part

            await until(so_far)
            await admin.execute(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()"""
            )

        async def settled() -> bool:
            moving = "select count(*) from notices where state not in ('sent', 'uncertain')"
            return await admin.fetchval(moving) == 0

        await until(settled, 40)

        def told(action: str) -> list[str]:
            lines = [record.getMessage() for record in caplog.records]
            return [line for line in lines if line.startswith(action)]

        async def healed() -> bool:
            return len(told("healed ")) == len(told("fell "))

        await until(healed)
    await admin.close()
    once_each(house, 60)
    assert len(told("fell ")) <= 1
    assert all("cause=postgresql" in line for line in told("fell "))
    assert not told("lane_broke_off")


async def test_no_redis_at_the_start(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It waits for it, says so once, and works when it is there."""
    await many(house, 3)
    real = house.redis_url
    house.redis_url = "redis://127.0.0.1:1/0"
    async with working(house):

        async def told() -> bool:
            return "fell cause=redis loop=bells" in caplog.text

        await until(told)
    assert house.book() == []
    house.redis_url = real
    async with working(house):

        async def sent() -> bool:
            return len(house.book()) == 3

        await until(sent)
    assert len([r for r in caplog.records if r.getMessage().startswith("fell ")]) == 1


async def test_a_stop_finishes_what_is_on_the_wire(
    clean_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Told to stop in mid-chunk: what was sent is recorded, what was not begun stays due."""
    async with (
        switchboard() as board,
        open_house(clean_url, redis_url, tmp_path, twilio_url=board.url) as house,
    ):
        house.set(chunk=4, slots=1)
        await many(house, 12)
        stopping = asyncio.Event()
        _stop_at(board, 2, stopping)
        task = asyncio.create_task(run_worker(house.parts, house.redis_url, stopping))
        await asyncio.wait_for(task, 30)
        rows = await house.fetch("select state, count(*) from notices group by 1")
        assert {row["state"]: row["count"] for row in rows} == {"sent": 4, "pending": 8}
        assert len(board.forms) == 4
        assert await house.fetchval("select count(*) from claims") == 0
        assert await house.fetchval("select count(*) from unsealed") == 0
        assert await house.fetchval("select count(*) from due") == 8


def _stop_at(board: Switchboard, number: int, stopping: asyncio.Event) -> None:
    def answer(form: dict[str, str]) -> object:
        if len(board.forms) == number:
            stopping.set()
        return taken(form)

    board.answer = answer  # type: ignore[assignment]


async def test_a_broken_lane_says_what_broke_and_not_whose(
    own_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of a database may quote what they were given."""
    house = own_house
    (person,) = await many(house, 1)
    await house.execute(
        """create function refuse() returns trigger language plpgsql as
           $$ begin raise 'refused: {}'; end $$""".replace("{}", person.phone)
    )
    await house.execute(
        """create trigger refuse before insert on contact_events
           for each row execute function refuse()"""
    )
    async with working(house):

        async def told() -> bool:
            return "lane_broke_off lane=bulk route=sms error=RaiseError" in caplog.text

        await until(told)
        await house.execute("drop trigger refuse on contact_events")

        async def sent() -> bool:
            return len(house.book()) == 1

        await until(sent)
    assert person.phone not in caplog.text
    assert not [r for r in caplog.records if r.levelno >= logging.CRITICAL]


async def test_two_workers_and_a_sealer_each(house: House) -> None:
    house.set(chunk=4)
    await many(house, 60)
    async with working(house), working(house):

        async def all_sent() -> bool:
            return await house.fetchval("select count(*) from notices where state = 'sent'") == 60

        await until(all_sent)
    once_each(house, 60)
    report = await verify(house.parts.pool, house.parts.masters)
    assert not report.problems
    assert report.unsealed == 0


async def test_what_holds_everything_is_written_out_in_a_word(house: House) -> None:
    """Python writes out a task's result at unasked times: word lists of megabytes, or keys."""
    parts = house.parts
    for each in (parts, parts.wording, parts.content, parts.policies):
        assert len(repr(each)) < 100
