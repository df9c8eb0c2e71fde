"""Standings set and ended: what stands of some persons is read, changed, and written together.

Lock the persons first (``db.debtors.lock``), as dispatch does: then no notice is judged on what
stood before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from outreach.db import standings as db
from outreach.db.pool import Connection
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.frozen import frozen
from outreach.domain.standing import Stated, answer_days, lasts_days
from outreach.ids import new_id

Data = dict[str, object]
"""What an event tells."""


@frozen
class Person:
    """Whom something is stated of; ``zone`` and ``place`` are theirs."""

    id: UUID
    creditor_id: str
    zone: ZoneInfo
    place: Jurisdiction

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def begin(self, day: date) -> datetime:
        """The first moment of a day."""
        return datetime.combine(day, time(), self.zone)

    def end(self, day: date) -> datetime:
        """The moment a day is over."""
        return self.begin(day + timedelta(days=1))


def read_person(row: asyncpg.Record) -> Person:
    """A row with ``id``, ``creditor_id``, ``zone`` and ``jurisdiction``."""
    zone, place = ZoneInfo(row["zone"]), Jurisdiction(row["jurisdiction"])
    return Person(row["id"], row["creditor_id"], zone, place)


@frozen
class Fact:
    """One standing in force; see table ``standings``. ``expires_at`` None: until it is ended."""

    kind: Standing
    owner: str
    reason: str
    since: datetime
    expires_at: datetime | None
    account_id: UUID | None = None
    reference: str | None = None
    evidence: str | None = None
    answer_by: datetime | None = None
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[Standing, UUID | None, str | None]:
        """What must not stand twice of one person."""
        return self.kind, self.account_id, self.reference

    def told(self) -> Data:
        """In the words of an event: codes, numbers and instants."""
        fields: Data = {
            "reference": self.reference,
            "reason": self.reason,
            "evidence": self.evidence,
            "owner": self.owner,
            "answer_by": self.answer_by and self.answer_by.isoformat(),
            **self.detail,
        }
        until = self.expires_at and self.expires_at.isoformat()
        said = {name: value for name, value in fields.items() if value is not None}
        return {"standing": str(self.kind), "until": until, **said}


@dataclass(slots=True)
class _Kept:
    """A fact with its row's id."""

    id: UUID
    fact: Fact


class Standings:
    """What stands of some persons, and what is changed of it until ``write``."""

    def __init__(self, rows: Iterable[asyncpg.Record], now: datetime) -> None:
        self.now = now
        self._kept: dict[UUID, list[_Kept]] = defaultdict(list)
        self._added: dict[UUID, tuple[UUID, _Kept]] = {}
        self._changed: dict[UUID, _Kept] = {}
        self._ended: list[UUID] = []
        for row in rows:
            self._kept[row["debtor_id"]].append(_Kept(row["id"], _read(row)))

    @classmethod
    async def load(cls, conn: Connection, debtor_ids: Sequence[UUID], now: datetime) -> Self:
        return cls(await db.standing(conn, debtor_ids, now), now)

    # ------------------------------------------------------------------------------- set

    def state(
        self, person: Person, stated: Stated, account_id: UUID | None, actor: str
    ) -> tuple[bool, Data] | None:
        """Set what somebody states, once it was not refused: whether it is new, and what to tell.

        None if it stands so already. What is not said again stays as it was.
        """
        kept = self._find(person.id, (stated.kind, account_id, stated.reference))
        return self.keep(person.id, self._fact(person, stated, account_id, actor, kept))

    def keep(self, debtor_id: UUID, fact: Fact) -> tuple[bool, Data] | None:
        """Add the fact, or bring up to date the one of its identity; None if it stands so."""
        kept = self._find(debtor_id, fact.identity)
        if kept is None:
            kept = _Kept(new_id(), fact)
            self._kept[debtor_id].append(kept)
            self._added[kept.id] = debtor_id, kept
            return True, {"standing_id": str(kept.id), **fact.told()}
        if kept.fact == fact:
            return None
        kept.fact = fact
        if kept.id not in self._added:
            self._changed[kept.id] = kept
        return False, {"standing_id": str(kept.id), "change": "changed", **fact.told()}

    def covered(self, debtor_id: UUID, kind: Standing, until: datetime | None) -> bool:
        """Whether one of this kind stands of the whole person that long, or longer."""
        facts = (kept.fact for kept in self._kept[debtor_id])
        return any(
            fact.kind is kind
            and fact.account_id is None
            and (fact.expires_at is None or bool(until and fact.expires_at >= until))
            for fact in facts
        )

    def _find(
        self, debtor_id: UUID, identity: tuple[Standing, UUID | None, str | None]
    ) -> _Kept | None:
        kept = self._kept[debtor_id]
        return next((each for each in kept if each.fact.identity == identity), None)

    def _fact(
        self,
        person: Person,
        stated: Stated,
        account_id: UUID | None,
        actor: str,
        kept: _Kept | None,
    ) -> Fact:
        before = kept.fact if kept else None
        since = before.since if before else self.now
        if stated.since:
            since = person.begin(stated.since)
        detail = {**(before.detail if before else {}), **stated.detail}
        fact = Fact(
            kind=stated.kind,
            owner=stated.owner or (before.owner if before else actor),
            reason=stated.reason,
            since=since,
            expires_at=before.expires_at if before else None,
            account_id=account_id,
            reference=stated.reference,
            evidence=stated.evidence or (before.evidence if before else None),
            answer_by=before.answer_by if before else None,
            detail=detail,
        )
        if stated.until:
            fact = replace(fact, expires_at=person.end(stated.until))
        elif before is None and (days := lasts_days(stated.kind)) is not None:
            fact = replace(fact, expires_at=_after(person, since, days))
        if stated.answer_by:
            return replace(fact, answer_by=person.end(stated.answer_by))
        if before is None or detail != before.detail or since != before.since:
            return replace(fact, answer_by=clock(person, stated.kind, since, detail))
        return fact

    # ------------------------------------------------------------------------------- end

    def ending(
        self, debtor_id: UUID, kind: Standing, account_id: UUID | None, reference: str | None
    ) -> list[Fact]:
        """What stands of this kind: of the account if one is named, else of the whole person."""
        return [
            kept.fact
            for kept in self._kept[debtor_id]
            if kept.fact.kind is kind
            and kept.fact.account_id == account_id
            and reference in (None, kept.fact.reference)
        ]

    def end(self, debtor_id: UUID, fact: Fact, reason: str, evidence: str | None) -> Data:
        """End one of ``ending``; what to tell of it."""
        kept = self._find(debtor_id, fact.identity)
        assert kept is not None
        self._kept[debtor_id].remove(kept)
        self._changed.pop(kept.id, None)
        if self._added.pop(kept.id, None) is None:
            self._ended.append(kept.id)
        fields = {"reference": fact.reference, "reason": reason, "evidence": evidence}
        said = {name: value for name, value in fields.items() if value is not None}
        return {"standing_id": str(kept.id), "standing": str(fact.kind), **said}

    async def write(self, conn: Connection) -> None:
        """All or nothing, in the caller's transaction."""
        added = [(owner, each) for owner, each in self._added.values()]
        await db.add(conn, [_row(debtor_id, each) for debtor_id, each in added])
        if self._changed:
            await db.change(conn, [_change(each) for each in self._changed.values()])
        if self._ended:
            await db.end(conn, self._ended, self.now)


def clock(
    person: Person, kind: Standing, since: datetime, detail: Mapping[str, object]
) -> datetime | None:
    """When its clock runs out, counted from the day it came in; None if nothing counts."""
    days = answer_days(kind, person.place, detail)
    return None if days is None else _after(person, since, days)


def _after(person: Person, since: datetime, days: int) -> datetime:
    return person.end(person.day(since) + timedelta(days=days))


def _read(row: asyncpg.Record) -> Fact:
    return Fact(
        kind=Standing(row["kind"]),
        owner=row["owner"],
        reason=row["reason"],
        since=row["since"],
        expires_at=row["expires_at"],
        account_id=row["account_id"],
        reference=row["reference"],
        evidence=row["evidence"],
        answer_by=row["answer_by"],
        detail=orjson.loads(row["detail"]),
    )


def _row(debtor_id: UUID, kept: _Kept) -> db.Row:
    fact = kept.fact
    return (
        kept.id,
        debtor_id,
        fact.kind,
        fact.account_id,
        fact.reference,
        fact.owner,
        fact.reason,
        fact.evidence,
        fact.since,
        fact.expires_at,
        fact.answer_by,
        orjson.dumps(fact.detail).decode(),
    )


def _change(kept: _Kept) -> db.Row:
    fact = kept.fact
    return (
        kept.id,
        fact.owner,
        fact.reason,
        fact.evidence,
        fact.since,
        fact.expires_at,
        fact.answer_by,
        orjson.dumps(fact.detail).decode(),
    )
