"""When: hours of the debtor's own clock, closed days, a time zone that is known."""

from dataclasses import dataclass
from datetime import date, time, timedelta

from outreach.compliance.facts import Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.rule import Check, NoParams, Rule, Values
from outreach.compliance.window import DAY, EVERY_DAY, Window, local_time, zone_named
from outreach.domain.contact import Channel

RECHECK = timedelta(hours=24)
"""When what nobody knows the calendar for is looked at again."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Send from ``opens`` to before ``closes``, on ISO weekdays ``days``; retries until ``last``.

    Without ``closes`` it is open until midnight.

    Not on the days ``closed``, nor after ``known_to``, up to which they are known; in a pack both
    come from a ``calendar``. With ``binds_answers = false`` only ``last`` binds an answer to the
    debtor's own message; with ``yields = true`` hours agreed with the debtor stand instead.
    """

    opens: time = time.min
    closes: time | None = None
    last: time | None = None
    days: tuple[int, ...] = EVERY_DAY
    closed: frozenset[date] = frozenset()
    known_to: date = date.max
    binds_answers: bool = True
    yields: bool = False

    def __post_init__(self) -> None:
        closes, last = _closing(self.closes), _closing(self.last or self.closes)
        if not _minute(self.opens) < closes <= last:
            raise ValueError("opens before closes, and closes not after last")
        if not self.days or not set(self.days) <= set(EVERY_DAY):
            raise ValueError("days from 1 (Monday) to 7 (Sunday), at least one")

    def window(self, answers: bool) -> Window:
        last = _closing(self.last or self.closes)
        if answers and not self.binds_answers:
            return Window(0, last, last, EVERY_DAY)
        opens, closes = _minute(self.opens), _closing(self.closes)
        return Window(opens, closes, last, self.days, self.closed, self.known_to)


def agreed_window(facts: Facts) -> Window | None:
    """The hours agreed with the debtor, if any that ever open; a letter has none (T-06)."""
    if facts.agreed is None or facts.channel is Channel.LETTER:
        return None
    closes = _minute(facts.agreed.closes)
    window = Window(_minute(facts.agreed.opens), closes, closes)
    return window if window.ever_opens else None


def window_of(facts: Facts, params: Hours) -> Window:
    """What a rule of hours leaves open for these facts."""
    agreed = agreed_window(facts) if params.yields else None
    return agreed or params.window(facts.answers_debtor)


def _hours(facts: Facts, rule: Rule[Hours]) -> Finding | None:
    zone = zone_named(facts.zone)
    if zone is None:
        return None  # the check ``zone`` objects
    window, local = window_of(facts, rule.params), local_time(facts.now, facts.zone)
    if window.is_open(local):
        return None
    known = local.date() <= window.known_to
    wait = window.next_open(facts.now, zone) if known else facts.now + RECHECK
    return rule.finding(_hours_inputs(facts, rule.params), wait)


def _hours_inputs(facts: Facts, params: Hours) -> Values:
    window, local = window_of(facts, params), local_time(facts.now, facts.zone)
    day = local.date()
    return {
        "date": f"{day}",
        "local": f"{local:%H:%M}",
        "weekday": "一二三四五六日"[local.weekday()],
        "opens": _clock(window.opens),
        "closes": _clock(window.closes),
        "agreed": int(params.yields and agreed_window(facts) is not None),
        "closed": int(day in window.closed or day > window.known_to),
    }


def _zone(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    if zone_named(facts.zone) is not None:
        return None
    return rule.finding(_zone_inputs(facts, rule.params))


def _zone_inputs(facts: Facts, _: NoParams) -> Values:
    return {"zone": facts.zone if zone_named(facts.zone) else "?"}


HOURS = Check(
    _hours,
    _hours_inputs,
    frozenset({"date", "local", "weekday", "opens", "closes", "agreed", "closed"}),
    Hours,
    frozenset({Effect.HOLD}),
)
ZONE = Check(_zone, _zone_inputs, frozenset({"zone"}))


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _closing(wall: time | None) -> int:
    return DAY if wall is None else _minute(wall)


def _clock(minute: int) -> str:
    return "24:00" if minute == DAY else f"{minute // 60:02}:{minute % 60:02}"
