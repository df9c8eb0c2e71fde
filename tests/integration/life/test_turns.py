"""Turns in the loop: a route's carriers stand in for each other, and none is asked too much."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from life_rig import House, Person, open_house
from peers import Switchboard, answered, switchboard, taken

from outreach.channels.registry import build
from outreach.domain.events import EventKind
from outreach.domain.notice import Lane
from outreach.pace import Breaker, limits_of
from outreach.settings import TwilioSettings

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def boards() -> AsyncIterator[tuple[Switchboard, Switchboard]]:
    async with switchboard() as first, switchboard() as second:
        yield first, second


@pytest.fixture
async def house(
    clean_url: str, redis_url: str, tmp_path: Path, boards: tuple[Switchboard, Switchboard]
) -> AsyncIterator[House]:
    """Two carriers of SMS: ``twilio`` takes what it can, ``second`` stands in."""
    first, second = boards
    async with open_house(clean_url, redis_url, tmp_path, twilio_url=first.url) as house:
        twilio = settings_of(house)
        spare = twilio.model_copy(update={"name": "second", "base_url": second.url})
        route = house.settings.routes[0]
        route = route.model_copy(update={"carriers": {"twilio": 1, "second": 0}})
        house.set(carriers=(*house.settings.carriers, spare))
        house.parts.routes["sms"] = route  # type: ignore[index]
        secrets = {name: value.get_secret_value() for name, value in house.settings.secrets.items()}
        adapter = build(
            spare,
            tokens=house.parts.tokens,
            public_url=house.settings.public_url,
            clock=house.parts.clock,
            secrets=secrets,
        )
        await adapter.open()
        house.use(adapter)  # type: ignore[arg-type]
        yield house
        await adapter.close()


def settings_of(house: House, name: str = "twilio") -> TwilioSettings:
    found = next(each for each in house.settings.carriers if each.name == name)
    assert isinstance(found, TwilioSettings)
    return found


def limit(house: House, name: str, **values: object) -> None:
    """Change what a carrier bears."""
    house.set(
        carriers=tuple(
            each.model_copy(update=values) if each.name == name else each
            for each in house.settings.carriers
        )
    )


async def due(house: House, count: int) -> list[Person]:
    people = [Person() for _ in range(count)]
    await house.people(*people)
    for person in people:
        await house.notice(person)
    return people


async def carriers_used(house: House) -> Counter[str]:
    rows = await house.fetch(
        "select data->>'carrier' as name from contact_events where kind='sent'"
    )
    return Counter(row["name"] for row in rows)


async def test_the_spare_is_left_alone_while_the_first_can(
    house: House, boards: tuple[Switchboard, Switchboard]
) -> None:
    await due(house, 5)
    assert await house.dispatch() == 5
    assert [len(board.forms) for board in boards] == [5, 0]
    assert await carriers_used(house) == {"twilio": 5}


async def test_an_open_breaker_sends_the_rest_by_the_spare(
    house: House, boards: tuple[Switchboard, Switchboard], caplog: pytest.LogCaptureFixture
) -> None:
    """What failed is not sent again by the other: only what is due is, and by its own attempt."""
    limit(house, "twilio", breaker_failures=4)
    house.set(chunk=4)
    boards[0].answer = answered(500, 20500)
    await due(house, 12)
    assert await house.dispatch() == 12
    assert [len(board.forms) for board in boards] == [4, 8]
    status = await house.pace.status({"twilio": limits_of(settings_of(house))})
    assert status["twilio"].state is Breaker.OPEN
    counts = await house.fetch("select state, count(*) as n from notices group by 1")
    assert {row["state"]: row["n"] for row in counts} == {"uncertain": 4, "sent": 8}
    assert caplog.text.count("breaker carrier=twilio state=open") == 1


async def test_a_probe_closes_the_breaker(
    house: House, boards: tuple[Switchboard, Switchboard]
) -> None:
    limit(house, "twilio", breaker_failures=1, breaker_seconds=0.05)
    house.parts.routes["sms"] = house.parts.routes["sms"].model_copy(  # type: ignore[index]
        update={"carriers": {"twilio": 1}}
    )
    broken = answered(500, 20500)
    boards[0].answer = lambda form: broken(form) if len(boards[0].forms) == 1 else taken(form)
    house.set(chunk=1)
    await due(house, 6)
    assert await house.dispatch() == 6
    counts = await house.fetch("select state, count(*) as n from notices group by 1")
    assert {row["state"]: row["n"] for row in counts} == {"uncertain": 1, "sent": 5}
    status = await house.pace.status({"twilio": limits_of(settings_of(house))})
    assert status["twilio"].state is Breaker.CLOSED


async def test_a_spent_quota_moves_on_to_the_spare(
    house: House, boards: tuple[Switchboard, Switchboard], caplog: pytest.LogCaptureFixture
) -> None:
    """Only what was put on the wire is counted, and never more than the quota."""
    limit(house, "twilio", daily_quota=3)
    house.set(chunk=2)
    await due(house, 7)
    assert await house.dispatch() == 7
    assert [len(board.forms) for board in boards] == [3, 4]
    assert await house.fetchval("select taken from carrier_days where carrier = 'twilio'") == 3
    assert caplog.text.count("quota_spent carrier=twilio") == 1


async def test_what_was_not_sent_is_given_back(house: House) -> None:
    limit(house, "twilio", daily_quota=100)
    people = await due(house, 3)
    await house.mark(people[0], "dead_at")
    assert await house.dispatch() == 2
    assert await house.fetchval("select taken from carrier_days where carrier = 'twilio'") == 2


async def test_places_are_kept(house: House, boards: tuple[Switchboard, Switchboard]) -> None:
    """Several slots and lanes at once: never more in flight than the carrier bears."""
    limit(house, "twilio", concurrency=3)
    house.set(chunk=4)
    await due(house, 24)
    people = [Person() for _ in range(4)]
    await house.people(*people)
    for person in people:
        await house.notice(person, lane=Lane.URGENT)
    runs = [house.dispatch(lane=lane) for lane in (Lane.BULK, Lane.BULK, Lane.URGENT)]
    assert sum(await asyncio.gather(*runs)) == 28
    assert 1 <= boards[0].most_at_once <= 3


async def test_nothing_is_claimed_while_redis_is_away(house: House) -> None:
    """What is in hand is recorded all the same."""
    await due(house, 2)
    house.set(chunk=1)
    sending = house.parts.carriers["twilio"].send

    async def and_redis_goes(message: object) -> object:
        outcome = await sending(message)  # type: ignore[arg-type]
        house.redis.connection_pool.connection_kwargs["path"] = "/nowhere"
        await house.redis.connection_pool.disconnect()
        house.redis.connection_pool.reset()
        return outcome

    house.parts.carriers["twilio"].send = and_redis_goes  # type: ignore[method-assign,assignment]
    assert await house.dispatch() == 1
    counts = await house.fetch("select state, count(*) as n from notices group by 1")
    assert {row["state"]: row["n"] for row in counts} == {"sent": 1, "pending": 1}
    assert await house.fetchval("select count(*) from claims") == 0
    kinds = await house.fetch("select kind from contact_events where notice_id is not null")
    assert Counter(row["kind"] for row in kinds) == {EventKind.SENDING: 1, EventKind.SENT: 1}
