"""Any course of turns, by a clock that is moved by hand, against a simple account of the rules."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from redis.asyncio import Redis

from outreach.pace import Breaker, Limits, Pace, Told

LEASE = 5.0
LIMITS = Limits(rate=7.5, burst=25, places=6, breaker_failures=3, breaker_seconds=2)
HOLDERS = ("a", "b", "c", "urgent-1", "urgent-2")
LEFT = 2  # of 25 tokens bulk leaves a tenth; of 6 places 1

told = st.sampled_from(
    [
        None,
        Told(ok=3),
        Told(ok=1, unused=2),
        Told(unused=99),
        Told(failed=1),
        Told(failed=2),
        Told(ok=1, failed=2),
        Told(throttled=1),
        Told(throttled=1, retry_after=1.5),
        Told(refused_account=True),
    ]
)


class Account:
    """The rules, told plainly, for a carrier that is asked by one turn after the other."""

    def __init__(self) -> None:
        self.tokens = Fraction(0)
        self.granted: dict[str, int] = {}
        self.places: dict[str, tuple[int, float]] = {}
        self.paused_until, self.pause = 0.0, 0.0
        self.state, self.until, self.cool, self.failures = Breaker.CLOSED, 0.0, 0.0, 0
        self.probe: tuple[str, float] | None = None

    def pass_time(self, now: float, by: float) -> None:
        rate, burst = Fraction(LIMITS.rate or 0), Fraction(LIMITS.burst)
        self.tokens = min(burst, self.tokens + rate * Fraction(round(by * 1000), 1000))
        for holder in [h for h, (_, until) in self.places.items() if until <= now]:
            del self.places[holder], self.granted[holder]

    def hear(self, now: float, holder: str, told: Told) -> None:
        """What became of the holder's last grant, which is over."""
        back = min(told.unused, self.granted.pop(holder, 0))
        self.places.pop(holder, None)
        self.tokens = min(Fraction(LIMITS.burst), self.tokens + back)
        if self.state is Breaker.OPEN and now >= self.until:
            self.state = Breaker.HALF_OPEN
        probed = self.probe is not None and self.probe[0] == holder
        if self.probe and (probed or now >= self.probe[1]):
            self.probe = None
        self._judge(now, told, probed)
        if told.retry_after is not None:
            self.paused_until = max(self.paused_until, now + told.retry_after)
        elif told.throttled and now >= self.paused_until:
            self.pause = min(30, max(1, self.pause * 2))
            self.paused_until = now + self.pause
        elif told.ok and not told.throttled and now >= self.paused_until:
            self.pause = 0

    def _judge(self, now: float, told: Told, probed: bool) -> None:
        wrong = told.refused_account
        match self.state:
            case Breaker.CLOSED:
                self.failures = 0 if told.ok else self.failures + told.failed
                wrong = wrong or self.failures >= LIMITS.breaker_failures
            case Breaker.HALF_OPEN if probed:
                wrong = wrong or told.failed > 0
                if told.ok and not wrong:
                    self.state, self.cool, self.failures = Breaker.CLOSED, 0, 0
            case _:
                return
        if wrong:
            self.cool = min(600, self.cool * 2 or LIMITS.breaker_seconds)
            self.state, self.until = Breaker.OPEN, now + self.cool

    @property
    def in_use(self) -> int:
        return sum(places for places, _ in self.places.values())

    def shut(self, now: float) -> bool:
        return self.state is Breaker.OPEN or now < self.paused_until or self.probe is not None

    def grant(self, now: float, holder: str, granted: int, places: int) -> None:
        if granted:
            self.tokens -= granted
            self.granted[holder] = granted
            self.places[holder] = places, now + LEASE
            if self.state is Breaker.HALF_OPEN:
                self.probe = holder, now + LEASE


class Turns(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._now = 1_000_000.0
        self._redis = Redis.from_url(self.url)
        self._pace = Pace(self._redis, LEASE, lambda: self._now)
        self._runner.run(self._redis.flushdb())
        self._account = Account()

    def teardown(self) -> None:
        self._runner.run(self._redis.aclose())
        self._runner.close()

    @rule(by=st.sampled_from([0.001, 0.04, 0.3, 1.0, 2.5, 6.0, 40.0]))
    def time_passes(self, by: float) -> None:
        self._now = round(self._now + by, 3)
        self._account.pass_time(self._now, by)

    @rule(holder=st.sampled_from(HOLDERS), want=st.integers(1, 32), told=told)
    def takes_a_turn(self, holder: str, want: int, told: Told | None) -> None:
        account, now, urgent = self._account, self._now, holder.startswith("urgent")
        turn = self._runner.run(self._pace.turn("c", holder, want, urgent, LIMITS, told))
        account.hear(now, holder, told or Told())
        assert turn.state is account.state
        assert turn.granted <= max(0, account.tokens - (0 if urgent else LEFT))
        assert turn.places <= max(0, LIMITS.places - account.in_use - (0 if urgent else 1))
        assert 0 <= turn.places <= turn.granted <= want
        assert (turn.granted > 0) == (turn.places > 0) == (turn.wait == 0)
        if account.shut(now):
            assert turn.granted == 0
        if account.state is Breaker.HALF_OPEN:
            assert turn.granted <= 1
        account.grant(now, holder, turn.granted, turn.places)

    @rule(holder=st.sampled_from(HOLDERS), told=told)
    def leaves(self, holder: str, told: Told | None) -> None:
        self._runner.run(self._pace.leave("c", holder, LIMITS, told))
        self._account.hear(self._now, holder, told or Told())

    @rule()
    def redis_is_wiped(self) -> None:
        self._runner.run(self._redis.flushall())
        self._account = Account()

    @rule(holder=st.sampled_from(HOLDERS))
    def who_keeps_asking_is_served(self, holder: str) -> None:
        """Nobody else comes any more: whatever happened before, it goes on."""
        for seconds in (1.0,) * 20 + (40.0,) * 20:
            self.time_passes(seconds)
            self.takes_a_turn(holder, 1, Told(ok=self._account.granted.get(holder, 0)))
            if self._account.granted.get(holder):
                return
        raise AssertionError("never served")

    @rule()
    def it_is_looked_at(self) -> None:
        account, now = self._account, self._now
        status = self._runner.run(self._pace.status({"c": LIMITS}))["c"]
        lapsed = account.state is Breaker.OPEN and now >= account.until
        assert status.state is (Breaker.HALF_OPEN if lapsed else account.state)
        assert status.in_flight == account.in_use
        assert status.paused == pytest.approx(max(0, account.paused_until - now), abs=1e-3)


@pytest.fixture
def on_redis(redis_url: str) -> type[Turns]:
    Turns.url = redis_url
    return Turns


def test_the_script_keeps_the_account(on_redis: type[Turns]) -> None:
    run_state_machine_as_test(
        on_redis,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
