"""Loops: rounds that beat, falls told once, silence that shows."""

import asyncio

import asyncpg
import pytest
from redis.exceptions import ReadOnlyError

from outreach import loops as module
from outreach.clock import monotonic
from outreach.loops import Loop, Loops, is_away


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.01)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


async def test_a_full_round_goes_on_at_once() -> None:
    stopping, loops = asyncio.Event(), Loops()
    left = [5, 5, 5, 0]

    async def step() -> int:
        if len(left) == 1:
            stopping.set()
        return left.pop(0)

    started = monotonic()
    await loops.every("seal", 60.0, step, stopping, full=5)
    (loop,) = loops
    assert (loop.rounds, loop.falls, loop.state) == (4, 0, "ok")
    assert monotonic() - started < 30


async def test_a_fall_and_its_healing_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stopping, loops = asyncio.Event(), Loops()
    rounds = 0

    async def step() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 6:
            raise ZeroDivisionError
        stopping.set()

    await loops.every("reconcile", 0.0, step, stopping)
    (loop,) = loops
    assert (loop.falls, loop.rounds, loop.fallen) == (5, 1, "")
    assert told(caplog) == [
        "fell cause=reconcile loop=reconcile error=ZeroDivisionError",
        "healed cause=reconcile",
    ]


async def test_falling_again_later_is_told_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops, loop = Loops(), Loop("feed", "postgresql", 30)
    now = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    for pause in (0.0, 5.0, 40.0):
        now += pause
        loops.fell(loop, ZeroDivisionError())
        loops.beat(loop)
    assert len([line for line in told(caplog) if line.startswith("fell ")]) == 2


async def test_a_server_that_goes_away_is_one_fault_however_many_it_fells(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    loops = Loops()
    feed, stops, seal = (Loop(name, "postgresql", 30) for name in ("feed", "stops", "seal"))
    loops.fell(feed, asyncpg.AdminShutdownError())
    for loop in (feed, stops, seal):
        loops.fell(loop, ConnectionRefusedError())
    loops.beat(feed)
    loops.beat(stops)
    assert told(caplog) == ["fell cause=postgresql loop=feed error=AdminShutdownError"]
    loops.beat(seal)
    assert told(caplog)[1:] == ["healed cause=postgresql"]


async def test_away_is_not_silent_and_a_fault_of_its_own_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loops, now = Loops(), monotonic()
    away, broken = Loop("feed", "postgresql", 30), Loop("seal", "postgresql", 30)
    monkeypatch.setattr(module, "monotonic", lambda: now + 31)
    loops.fell(away, ConnectionRefusedError())
    loops.fell(broken, ZeroDivisionError())
    assert (away.state, broken.state) == ("fallen", "silent")


def test_what_passes_by_itself() -> None:
    for error in (
        ReadOnlyError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.InterfaceError("closed"),
        TimeoutError(),
        FileNotFoundError(2, "no socket"),
    ):
        assert is_away(error)
    for error in (FileNotFoundError(2, "no file", "out/box"), asyncpg.RaiseError(), KeyError()):
        assert not is_away(error)
