"""Facts of an ordinary overdue account that nothing stands against, to be changed one at a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outreach.compliance.facts import (
    AccountFacts,
    AgencyFacts,
    Contact,
    Facts,
    PointFacts,
    StandingFact,
)
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register

POLICIES = Path(__file__).parents[3] / "config" / "policies"
ZONES = {
    Jurisdiction.MAINLAND: "Asia/Shanghai",
    Jurisdiction.HONG_KONG: "Asia/Hong_Kong",
    Jurisdiction.TAIWAN: "Asia/Taipei",
}
TODAY = date(2026, 11, 23)
MONDAY = f"{TODAY} 11:00"
GOOD_POINT = PointFacts(
    verified=True, origin=Origin.CONTRACT, opted_out=False, dead=False, wrong_person=False
)


def at(wall: str, zone: str = "Asia/Shanghai") -> datetime:
    """The instant of ``YYYY-MM-DD HH:MM`` on a wall clock."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day(days_ago: int) -> date:
    """So many days before the Monday of the facts."""
    return TODAY - timedelta(days=days_ago)


def point(**fields: Any) -> PointFacts:
    return replace(GOOD_POINT, **fields)


def agency(**fields: Any) -> AgencyFacts:
    """One of a kind that every place allows, long under contract, published and told of."""
    ordinary: dict[str, Any] = {
        "id": "agency-1",
        "kind": AgencyKind.LAW_FIRM,
        "since": day(400),
        "listed_on": day(390),
        "told_on": day(100),
    }
    return AgencyFacts(**ordinary | fields)


def account(
    role: Role = Role.PRIMARY,
    settled: bool = False,
    age: timedelta = timedelta(0),
    dpd: int = 40,
    overdue: int = 100_000,
    paid_since: bool = False,
    agency: AgencyFacts | None = None,
    interrupted: Mapping[Interruption, date] | None = None,
) -> AccountFacts:
    return AccountFacts(
        role=role,
        settled=settled,
        balance_as_of=at(MONDAY) - age,
        dpd=dpd,
        overdue=overdue,
        paid_since=paid_since,
        agency=agency,
        interrupted=interrupted or {},
    )


def standing(kind: Standing, days_ago: float = 0, expires_in: float | None = None) -> StandingFact:
    now = at(MONDAY)
    expires_at = None if expires_in is None else now + timedelta(days=expires_in)
    return StandingFact(kind, now - timedelta(days=days_ago), expires_at)


def contacts(
    count: int,
    channel: Channel = Channel.SMS,
    ago: timedelta = timedelta(0),
    purpose: Purpose | None = None,
) -> tuple[Contact, ...]:
    """So many contacts so long before the Monday of the facts."""
    return (Contact(at(MONDAY) - ago, channel, purpose),) * count


def facts(place: Jurisdiction = Jurisdiction.MAINLAND, **changes: Any) -> Facts:
    """A Monday at 11:00 in the debtor's own place, an overdue notice by SMS, all filed."""
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
        "filed": frozenset(Register),
    }
    return Facts(**ordinary | changes)
