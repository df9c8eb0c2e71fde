"""Calendars that end: after its last day nobody knows what is closed, and the gate holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from outreach.compliance.pack import Pack
from outreach.compliance.policy_file import line_of
from outreach.compliance.window import local_time
from outreach.domain.debtor import HOME_ZONE, Jurisdiction
from outreach.domain.errors import ConfigurationError

SOON = timedelta(days=60)
"""So long before its end a calendar is spoken of."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A calendar, the ``line`` that says its last day, and whether that is over."""

    place: Jurisdiction
    name: str
    last: date
    line: int
    over: bool

    @property
    def error(self) -> ConfigurationError:
        """What a process says that does not start for it."""
        ends = "ended" if self.over else "ends"
        return ConfigurationError(
            f"{self.place}.toml, line {self.line}, key calendars.{self.name}.known_to: "
            f"the calendar {ends} on {self.last}",
            "expected: the closed days of the time after, and a later known_to; "
            "without them what its rules concern is held",
        )


def endings(packs: Iterable[Pack], now: datetime, within: timedelta = SOON) -> Iterator[Ending]:
    """The calendars that are over at ``now``, in their own place, or will be soon."""
    for pack in packs:
        today = local_time(now, HOME_ZONE[pack.jurisdiction]).date()
        for name, calendar in pack.calendars.items():
            if calendar.known_to - today < within:
                line = line_of(pack.source, ("calendars", name, "known_to"))
                over = calendar.known_to < today
                yield Ending(pack.jurisdiction, name, calendar.known_to, line, over)


def require_calendars(packs: Iterable[Pack], now: datetime) -> None:
    """Raise ``ConfigurationError`` for a calendar that is over."""
    for ending in endings(packs, now, timedelta(0)):
        raise ending.error
