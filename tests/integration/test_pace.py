"""Pace on a real Redis: never more than a carrier bears, whoever asks; nobody starved."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from outreach.clock import monotonic
from outreach.pace import Breaker, Limits, Pace, Told, Turn, Why

FREE = Limits(rate=None, burst=1, places=16, breaker_failures=3, breaker_seconds=10)
LEASE = 60.0
GOOD, BAD, SLOWER = Told(ok=1), Told(failed=1), Told(throttled=1)


class Hand:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
def hand() -> Hand:
    return Hand()


class Carrier:
    """One carrier's turns, by a clock that is moved by hand."""

    def __init__(self, pace: Pace, hand: Hand) -> None:
        self._pace, self._hand = pace, hand
        self.limits = FREE

    async def turn(
        self, holder: str = "a", want: int = 32, *, urgent: bool = False, told: Told | None = None
    ) -> Turn:
        return await self._pace.turn("c", holder, want, urgent, self.limits, told)

    async def granted(self, holder: str = "a", want: int = 32, **how: bool) -> int:
        return (await self.turn(holder, want, **how)).granted

    async def leave(self, holder: str = "a", told: Told | None = None) -> None:
        await self._pace.leave("c", holder, self.limits, told)

    async def state(self) -> Breaker:
        return (await self._pace.status({"c": self.limits}))["c"].state

    def wait(self, seconds: float) -> None:
        self._hand.now += seconds


@pytest.fixture
def carrier(redis: Redis, hand: Hand) -> Carrier:
    return Carrier(Pace(redis, LEASE, hand), hand)


# ------------------------------------------------------------------------------------- tokens


async def test_the_bucket_starts_empty_and_fills_at_its_rate(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, rate=100, burst=50)
    first = await carrier.turn()
    assert (first.granted, first.why) == (0, Why.RATE)
    carrier.wait(first.wait)
    assert await carrier.granted() == 10, "a tenth of a second's worth at a time"
    carrier.wait(3600)
    assert await carrier.granted(want=100) == 45, "no more than a burst, less the urgent lane's"
    assert await carrier.granted(want=100, urgent=True) == 5


async def test_slow_rates_lose_nothing_to_rounding(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, rate=0.5, burst=1)
    gone = 0
    for _ in range(10_000 // 7):
        gone += await carrier.granted(want=1)
        carrier.wait(0.007)
    assert gone == 4


async def test_what_was_not_used_goes_back(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, rate=10, burst=40)
    await carrier.turn()
    carrier.wait(10)
    assert await carrier.granted(want=30) == 30
    again = await carrier.turn(want=30, told=Told(ok=10, unused=20))
    assert again.granted == 26  # 40 - 30 + 20, less the urgent lane's 4


async def test_who_waits_for_tokens_gets_the_next(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, rate=10, burst=10)
    assert await carrier.granted("patient") == 0
    carrier.wait(0.25)
    assert await carrier.granted("quick") == 0, "one is left beside the urgent lane's: not for it"
    assert await carrier.granted("patient") == 1


async def test_without_a_rate_whole_waves_are_granted(carrier: Carrier) -> None:
    """What would go in a last wave, half empty, waits for the next turn."""
    turn = await carrier.turn(want=32)
    assert (turn.granted, turn.places) == (30, 15)
    turn = await carrier.turn(want=10, told=Told(ok=30))
    assert (turn.granted, turn.places) == (10, 10)


async def test_a_turn_told_twice_gives_back_once(carrier: Carrier) -> None:
    """The answer to a turn may be lost on the way and the turn asked for again."""
    carrier.limits = replace(FREE, rate=0.01, burst=100)
    await carrier.turn()
    carrier.wait(10_000)
    assert await carrier.granted(want=40) == 40
    told = Told(ok=10, unused=30)
    lost = await carrier.turn(want=20, told=told)
    again = await carrier.turn(want=20, told=told)
    assert lost.granted == again.granted == 20
    rest = await carrier.turn("b", want=100, urgent=True)
    assert rest.granted == 100 - 10 - 20


async def test_many_holders_never_exceed_rate_and_burst(redis_url: str, redis: Redis) -> None:
    limits = replace(FREE, rate=2000, burst=100, places=256)
    gone = 0

    async def work(name: str) -> None:
        nonlocal gone
        async with Redis.from_url(redis_url) as own:
            pace, told = Pace(own, LEASE), None
            for number in range(60):
                turn = await pace.turn("c", name, 32, name == "h0", limits, told)
                unused = turn.granted if number % 7 == 0 else 0
                told = Told(ok=turn.granted - unused, unused=unused)
                gone += turn.granted - unused
            await pace.leave("c", name, limits, told)

    began = monotonic()
    await asyncio.gather(*(work(f"h{number}") for number in range(12)))
    assert 0 < gone <= 2000 * (monotonic() - began) + 100
    status = (await Pace(redis, LEASE).status({"c": limits}))["c"]
    assert (status.in_flight, status.holders) == (0, 0)


# ------------------------------------------------------------------------------------- places


async def test_many_holders_never_exceed_the_places(redis_url: str) -> None:
    limits = replace(FREE, places=10)
    in_flight, most, turns = 0, 0, dict.fromkeys(range(15), 0)

    async def work(number: int) -> None:
        nonlocal in_flight, most
        async with Redis.from_url(redis_url) as own:
            pace = Pace(own, LEASE)
            deadline = monotonic() + 30
            while turns[number] < 5:  # everybody gets there, though there are fewer places
                assert monotonic() < deadline, "starved"
                turn = await pace.turn("c", f"h{number}", 8, number == 0, limits)
                in_flight += turn.places
                most = max(most, in_flight)
                await asyncio.sleep(0 if turn.granted else turn.wait)
                turns[number] += turn.granted > 0
                in_flight -= turn.places
            await pace.leave("c", f"h{number}", limits)

    await asyncio.gather(*map(work, turns))
    assert 1 < most <= 10


async def test_a_second_worker_gets_its_share_at_the_firsts_next_turn(carrier: Carrier) -> None:
    assert (await carrier.turn("a")).places == 15
    refused = await carrier.turn("b")
    assert (refused.granted, refused.why) == (0, Why.PLACES)
    carrier.wait(refused.wait)
    assert (await carrier.turn("a")).places == 7
    assert (await carrier.turn("b")).places == 8
    assert (await carrier.turn("a")).places == 7
    await carrier.leave("b")
    assert (await carrier.turn("a")).places == 15


async def test_one_place_goes_round(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, places=1)
    had = []
    for number in range(12):
        name = "abc"[number % 3]
        if (await carrier.turn(name)).granted:
            had.append(name)
        carrier.wait(0.01)
    assert set(had) == {"a", "b", "c"}


async def test_a_dead_holders_places_come_back_after_a_lease(carrier: Carrier) -> None:
    await carrier.turn("dead")
    carrier.wait(LEASE - 1)
    assert await carrier.granted("b", want=16) == 0
    carrier.wait(1)
    assert (await carrier.turn("b", want=16)).places == 15


async def test_who_waited_and_died_is_not_waited_for(carrier: Carrier) -> None:
    carrier.limits = replace(FREE, places=1)
    await carrier.turn("a")
    await carrier.turn("dead", urgent=True)
    assert await carrier.granted("a") == 0, "the other comes first"
    carrier.wait(2)
    assert await carrier.granted("a") > 0


async def test_bulk_leaves_the_last_share_to_the_urgent_lane(carrier: Carrier) -> None:
    assert (await carrier.turn("bulk")).places == 15
    assert (await carrier.turn("urgent", urgent=True)).places == 1
    assert await carrier.granted("more", urgent=True) == 0
    assert await carrier.granted("bulk") == 0, "an urgent holder waits"
    assert (await carrier.turn("more", urgent=True)).places == 8
    assert (await carrier.turn("bulk")).places == 5  # a third of what bulk may have


# ---------------------------------------------------------------------------------- the pause


async def test_a_pause_lasts_as_long_as_the_carrier_asks(carrier: Carrier) -> None:
    await carrier.turn("a")
    paused = await carrier.turn("a", told=replace(SLOWER, retry_after=7))
    assert (paused.granted, paused.wait, paused.why) == (0, 7, Why.PAUSE)
    carrier.wait(6.9)
    assert await carrier.granted("b", urgent=True) == 0
    carrier.wait(0.1)
    assert await carrier.granted("b") > 0


async def test_a_pause_doubles_until_something_succeeds(carrier: Carrier) -> None:
    waits = []
    for _ in range(7):
        await carrier.turn()
        waits.append((await carrier.turn(told=SLOWER)).wait)
        assert (await carrier.turn("late", told=SLOWER)).wait == waits[-1], "it counts once"
        carrier.wait(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert (await carrier.turn(told=GOOD)).granted > 0
    assert (await carrier.turn(told=SLOWER)).wait == 1


async def test_throttling_is_no_failure(carrier: Carrier) -> None:
    for _ in range(20):
        carrier.wait((await carrier.turn(told=SLOWER)).wait)
    assert await carrier.state() is Breaker.CLOSED


# -------------------------------------------------------------------------------- the breaker


async def test_the_breaker_walks_through_all_its_states(carrier: Carrier) -> None:
    await carrier.turn(told=replace(BAD, failed=2))
    await carrier.turn(told=Told(ok=1, failed=9))
    assert await carrier.state() is Breaker.CLOSED, "a success between them"
    await carrier.turn(told=replace(BAD, failed=2))
    opened = await carrier.turn(told=BAD)
    assert (opened.granted, opened.wait, opened.state, opened.why) == (0, 10, "open", "breaker")

    carrier.wait(9.9)
    assert await carrier.granted("b", urgent=True) == 0
    carrier.wait(0.1)
    assert await carrier.state() is Breaker.HALF_OPEN
    probe = await carrier.turn("a")
    assert (probe.granted, probe.places, probe.state) == (1, 1, "half_open")
    assert (await carrier.turn("b", told=GOOD)).granted == 0, "one probe; late words are none"
    again = await carrier.turn("a", told=BAD)
    assert (again.granted, again.wait, again.state) == (0, 20, "open")

    carrier.wait(20)
    assert await carrier.granted("b") == 1
    closed = await carrier.turn("b", told=GOOD)
    assert (closed.places, closed.state) == (15, "closed")
    await carrier.turn("b", told=replace(BAD, failed=2))
    assert (await carrier.turn("b", told=BAD)).wait == 10, "the cool-down begins anew"


async def test_a_refused_account_opens_at_once(carrier: Carrier) -> None:
    await carrier.turn()
    refused = await carrier.turn(told=Told(ok=30, refused_account=True))
    assert (refused.granted, refused.state) == (0, "open")


async def test_a_probe_that_was_not_used_is_for_another(carrier: Carrier) -> None:
    await carrier.turn(told=replace(BAD, failed=3))
    carrier.wait(10)
    assert await carrier.granted("a") == 1
    await carrier.leave("a", Told(unused=1))
    assert await carrier.granted("b") == 1


async def test_a_probe_that_died_is_for_another_after_a_lease(carrier: Carrier) -> None:
    await carrier.turn(told=replace(BAD, failed=3))
    carrier.wait(10)
    assert await carrier.granted("dead") == 1
    assert await carrier.granted("b") == 0
    carrier.wait(LEASE)
    assert await carrier.granted("b") == 1


async def test_the_cool_down_has_an_end(carrier: Carrier) -> None:
    turn = await carrier.turn(told=replace(BAD, failed=3))
    for _ in range(10):
        carrier.wait(turn.wait)
        assert await carrier.granted() == 1
        turn = await carrier.turn(told=BAD)
    assert turn.wait == 600


# ------------------------------------------------------------------------------ losing Redis


async def test_after_a_loss_the_bucket_is_empty_and_the_breaker_closed(
    carrier: Carrier, redis: Redis
) -> None:
    carrier.limits = replace(FREE, rate=10, burst=30)
    await carrier.turn()
    carrier.wait(10)
    assert await carrier.granted(want=5) == 5
    await carrier.turn(told=replace(BAD, failed=3))
    await redis.flushall()
    assert await carrier.state() is Breaker.CLOSED
    lost = await carrier.turn(told=Told(unused=5))
    assert (lost.granted, lost.why, lost.state) == (0, Why.RATE, "closed")


async def test_the_script_is_brought_again_when_redis_forgets_it(
    carrier: Carrier, redis: Redis
) -> None:
    await carrier.turn()
    await redis.script_flush()
    assert await carrier.granted() > 0


async def test_without_redis_nothing_is_granted() -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as away:
        with pytest.raises(RedisError):
            await Pace(away, LEASE).turn("c", "a", 1, False, FREE)


async def test_redis_own_clock_moves_the_bucket(redis: Redis) -> None:
    limits = replace(FREE, rate=1000, burst=1000)
    pace = Pace(redis, LEASE)
    gone, deadline = 0, monotonic() + 20
    while gone < 50:
        assert monotonic() < deadline
        turn = await pace.turn("c", "a", 100, True, limits)
        gone += turn.granted
        await asyncio.sleep(turn.wait)
    status = (await pace.status({"c": limits, "unheard": limits}))["c"]
    assert status.tokens is not None
    assert 0 <= status.tokens <= 1000
    assert (status.state, status.paused, status.holders) == (Breaker.CLOSED, 0, 1)
