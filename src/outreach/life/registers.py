"""Each creditor's registers and agencies as a process sees them: asked at every verdict."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date

import asyncpg

from outreach.db import agencies, registers
from outreach.db.pool import Pool
from outreach.domain.frozen import frozen
from outreach.domain.register import Register, plain_subject

REFRESH_SECONDS = 5.0


@frozen
class AgencyFacts:
    """An agency and its contract; ``until``, its last day, is None while no end is agreed.

    ``kind`` is an ``AgencyKind`` or empty. ``listed_on``: when the creditor published it.
    """

    id: str
    name: str
    phone: str
    kind: str
    since: date
    until: date | None
    listed_on: date | None
    registration: str
    contract: str


@frozen
class Filed:
    """One approved registration: with whom, and from which day through which, if it has a last."""

    holder: str
    since: date
    until: date | None

    def stands(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@frozen
class CreditorRegisters:
    """One creditor's agencies by id, and what was approved: by kind and subject."""

    agencies: Mapping[str, AgencyFacts] = field(default_factory=dict)
    filed: Mapping[Register, Mapping[str, tuple[Filed, ...]]] = field(default_factory=dict)

    def in_force(self, kind: Register, subject: str, day: date, holder: str | None = None) -> bool:
        """Whether the subject stands on that day: with this holder, or with any.

        It is asked for as ``plain_subject`` writes it, however it is written here.
        """
        return any(
            each.stands(day) and (holder is None or each.holder == holder)
            for each in self.filed.get(kind, {}).get(plain_subject(kind, subject), ())
        )

    def any_in_force(self, kind: Register, day: date) -> bool:
        return any(self._standing(kind, day))

    def subjects(self, kind: Register, day: date) -> frozenset[str]:
        """All that stands on that day, with whomever."""
        return frozenset(self._standing(kind, day))

    def _standing(self, kind: Register, day: date) -> Iterator[str]:
        for subject, filed in self.filed.get(kind, {}).items():
            if any(each.stands(day) for each in filed):
                yield subject


NOTHING = CreditorRegisters()


class Registers:
    """At most ``REFRESH_SECONDS`` old while a worker runs; a last day needs no refresh to pass."""

    def __init__(self) -> None:
        self._creditors: Mapping[str, CreditorRegisters] = {}

    def of(self, creditor_id: str) -> CreditorRegisters:
        """What this creditor has; nothing if it is unknown."""
        return self._creditors.get(creditor_id, NOTHING)

    async def refresh(self, pool: Pool) -> None:
        async with pool.acquire() as conn:
            contracts = await agencies.all_agencies(conn)
            approved = await registers.approved(conn)
        self._creditors = _by_creditor(contracts, approved)


def _by_creditor(
    contracts: list[asyncpg.Record], approved: list[asyncpg.Record]
) -> dict[str, CreditorRegisters]:
    known: dict[str, dict[str, AgencyFacts]] = defaultdict(dict)
    for row in contracts:
        known[row["creditor_id"]][row["id"]] = AgencyFacts(
            id=row["id"],
            name=row["name"],
            phone=row["phone"],
            kind=row["kind"],
            since=row["since"],
            until=row["until"],
            listed_on=row["listed_on"],
            registration=row["registration"],
            contract=row["contract"],
        )
    filed: dict[str, dict[Register, dict[str, tuple[Filed, ...]]]] = defaultdict(dict)
    for row in approved:
        subjects = filed[row["creditor_id"]].setdefault(Register(row["kind"]), {})
        each = Filed(row["holder"], row["since"], row["until"])
        subjects[row["subject"]] = (*subjects.get(row["subject"], ()), each)
    return {
        creditor: CreditorRegisters(known.get(creditor, {}), filed.get(creditor, {}))
        for creditor in {*known, *filed}
    }
