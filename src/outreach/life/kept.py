"""The facts a notice went on, kept small in its ``sending`` event, and read back to judge it again.

Contacts are not kept: the history holds them, and one debtor's events must not tell that somebody
else with the same phone was written to. Amounts are not kept either: no envelope holds one.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from outreach.compliance.facts import (
    AccountFacts,
    AgencyFacts,
    AgreedHours,
    Contact,
    Facts,
    PointFacts,
    StandingFact,
)
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register

NOT_KEPT = 2**53
"""Stands for an overdue amount: more than any tolerance."""

_FLAGS = ("verified", "opted_out", "dead", "wrong_person", "documented")


def kept_facts(facts: Facts) -> dict[str, object]:
    """As an event's data holds them: flat and short, for nearly always nothing is unusual."""
    limit = facts.balance_max_age
    kept: dict[str, object] = {
        "zone": facts.zone,
        "place": str(facts.jurisdiction),
        "point": _point(facts.point),
        "max_age": limit.days * 86400 + limit.seconds,
        "accounts": ";".join([_account(account, facts.now) for account in facts.accounts]),
    }
    if facts.filed:
        kept["filed"] = _filed(facts.filed)
    if facts.standings or facts.answers_debtor or facts.agreed or facts.released:
        kept |= _of_the_debtor(facts)
    for account in facts.accounts:
        if account.agency is not None or account.interrupted:
            return kept | _of_the_accounts(facts)
    return kept


@lru_cache(maxsize=64)
def _filed(filed: frozenset[Register]) -> str:
    return " ".join(sorted(filed))


def _point(point: PointFacts) -> str:
    """``origin flag ...``, among them a usage that is not personal."""
    kept = point.origin + ""
    if point.usage is not Usage.PERSONAL:
        kept += f" {point.usage}"
    if point.verified:
        kept += " verified"
    if point.documented:
        kept += " documented"
    if point.opted_out:
        kept += " opted_out"
    if point.dead:
        kept += " dead"
    return kept + " wrong_person" if point.wrong_person else kept


def _account(account: AccountFacts, now: datetime) -> str:
    """``role age dpd flag ...``: seconds of the balance's age, days past due."""
    age = now - account.balance_as_of
    kept = account.role + f" {age.days * 86400 + age.seconds} {account.dpd}"
    if account.settled:
        kept += " settled"
    return kept + " paid_since" if account.paid_since else kept


def _of_the_debtor(facts: Facts) -> dict[str, object]:
    kept: dict[str, object] = {}
    if facts.standings:
        kept["standings"] = [
            [str(each.kind), each.since.isoformat(), _instant(each.expires_at)]
            for each in facts.standings
        ]
    if facts.answers_debtor:
        kept["answers"] = True
    if facts.agreed is not None:
        kept["agreed"] = [f"{facts.agreed.opens}", f"{facts.agreed.closes}"]
    if facts.released:
        kept["released"] = sorted(facts.released)
    return kept


def _of_the_accounts(facts: Facts) -> dict[str, object]:
    """One entry an account."""
    return {
        "agencies": [each.agency and _agency(each.agency) for each in facts.accounts],
        "interrupted": [
            {str(kind): f"{day}" for kind, day in each.interrupted.items()}
            for each in facts.accounts
        ],
    }


def _agency(agency: AgencyFacts) -> dict[str, object]:
    days = {"until": agency.until, "listed": agency.listed_on, "told": agency.told_on}
    known: dict[str, object] = {name: f"{day}" for name, day in days.items() if day}
    return {"id": agency.id, "kind": str(agency.kind), "since": f"{agency.since}", **known}


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


# ------------------------------------------------------------------------------------ and back


def facts_again(
    kept: Mapping[str, Any],
    at: datetime,
    purpose: Purpose,
    channel: Channel,
    notice_id: UUID,
    contacts: tuple[Contact, ...],
    value_contacts: tuple[Contact, ...],
) -> Facts:
    """The facts a notice went on ``at`` that instant; contacts as the history holds them."""
    agreed = kept.get("agreed")
    return Facts(
        now=at,
        zone=kept["zone"],
        jurisdiction=Jurisdiction(kept["place"]),
        purpose=purpose,
        channel=channel,
        accounts=_accounts_again(kept, at),
        standings=tuple(_standing_again(*each) for each in kept.get("standings", ())),
        point=_point_again(kept["point"]),
        contacts=contacts,
        value_contacts=value_contacts,
        balance_max_age=timedelta(seconds=kept["max_age"]),
        spread=notice_id.int & 0xFFFFFFFF,
        answers_debtor=kept.get("answers", False),
        agreed=AgreedHours(*map(time.fromisoformat, agreed)) if agreed else None,
        filed=frozenset(map(Register, kept.get("filed", "").split())),
        released=frozenset(kept.get("released", ())),
    )


def _point_again(text: str) -> PointFacts:
    origin, *flags = text.split()
    usage = next((each for each in Usage if each in flags), Usage.PERSONAL)
    return PointFacts(
        origin=Origin(origin), usage=usage, **{name: name in flags for name in _FLAGS}
    )


def _accounts_again(kept: Mapping[str, Any], at: datetime) -> tuple[AccountFacts, ...]:
    accounts = kept["accounts"].split(";") if kept["accounts"] else []
    agencies = kept.get("agencies") or [None] * len(accounts)
    interrupted = kept.get("interrupted") or [{}] * len(accounts)
    return tuple(
        _account_again(*each, at) for each in zip(accounts, agencies, interrupted, strict=True)
    )


def _account_again(
    text: str, agency: Mapping[str, Any] | None, interrupted: Mapping[str, str], at: datetime
) -> AccountFacts:
    role, age, dpd, *flags = text.split()
    return AccountFacts(
        role=Role(role),
        settled="settled" in flags,
        balance_as_of=at - timedelta(seconds=int(age)),
        dpd=int(dpd),
        overdue=NOT_KEPT,
        paid_since="paid_since" in flags,
        agency=_agency_again(agency) if agency else None,
        interrupted={
            Interruption(kind): date.fromisoformat(day) for kind, day in interrupted.items()
        },
    )


def _agency_again(kept: Mapping[str, Any]) -> AgencyFacts:
    def day(name: str) -> date | None:
        return date.fromisoformat(kept[name]) if name in kept else None

    return AgencyFacts(
        id=kept["id"],
        kind=AgencyKind(kept["kind"]),
        since=date.fromisoformat(kept["since"]),
        until=day("until"),
        listed_on=day("listed"),
        told_on=day("told"),
    )


def _standing_again(kind: str, since: str, until: str | None) -> StandingFact:
    return StandingFact(
        Standing(kind),
        datetime.fromisoformat(since),
        datetime.fromisoformat(until) if until else None,
    )
