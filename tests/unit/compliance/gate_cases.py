"""Facts of an ordinary overdue account that nothing stands against, to be changed one at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outreach.compliance.facts import AccountFacts, Contact, Facts, PointFacts, StandingFact
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose

ZONES = {
    Jurisdiction.MAINLAND: "Asia/Shanghai",
    Jurisdiction.HONG_KONG: "Asia/Hong_Kong",
    Jurisdiction.TAIWAN: "Asia/Taipei",
}
MONDAY = "2026-11-23 11:00"
GOOD_POINT = PointFacts(
    verified=True, origin=Origin.CONTRACT, opted_out=False, dead=False, wrong_person=False
)


def at(wall: str, zone: str = "Asia/Shanghai") -> datetime:
    """The instant of ``YYYY-MM-DD HH:MM`` on a wall clock."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def account(
    role: Role = Role.PRIMARY, settled: bool = False, age: timedelta = timedelta(0)
) -> AccountFacts:
    return AccountFacts(role, settled, at(MONDAY) - age, 40, 100_000)


def standing(kind: Standing, days_ago: float = 0, expires_in: float | None = None) -> StandingFact:
    now = at(MONDAY)
    expires_at = None if expires_in is None else now + timedelta(days=expires_in)
    return StandingFact(kind, now - timedelta(days=days_ago), expires_at)


def contacts(count: int, channel: Channel = Channel.SMS, ago: timedelta = timedelta(0)) -> Any:
    """So many contacts so long before the Monday of the facts."""
    return tuple(Contact(at(MONDAY) - ago, channel) for _ in range(count))


def facts(place: Jurisdiction = Jurisdiction.MAINLAND, **changes: Any) -> Facts:
    """A Monday at 11:00 in the debtor's own place, an overdue notice by SMS."""
    zone = changes.get("zone", ZONES[place])
    ordinary: dict[str, Any] = {
        "now": at(MONDAY, ZONES[place]),
        "zone": zone,
        "jurisdiction": place,
        "purpose": Purpose.OVERDUE_NOTICE,
        "channel": Channel.SMS,
        "accounts": (account(),),
        "standings": (),
        "point": GOOD_POINT,
        "contacts": (),
        "value_contacts": (),
        "balance_max_age": timedelta(hours=26),
        "spread": 4242,
    }
    return Facts(**ordinary | changes)
