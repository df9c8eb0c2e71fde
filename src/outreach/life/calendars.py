"""A calendar that ends while a worker runs: the gate holds by itself, and it is said once a day."""

from datetime import date, timedelta

from outreach.compliance.calendars import endings
from outreach.life.parts import Parts
from outreach.logs import Log

log = Log(__name__)


class Calendars:
    """Watches the calendars of one process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: date | None = None

    def watch(self) -> None:
        """Say which are over, unless that was said today."""
        now = self._parts.clock.now()
        if self._told == now.date():
            return
        for ending in endings(self._parts.policies.packs.values(), now, timedelta(0)):
            self._told = now.date()
            log.error(
                "calendar_ended", place=ending.place, calendar=ending.name, last=f"{ending.last}"
            )
