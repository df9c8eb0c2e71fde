"""What a creditor registers: signatures, templates, payee accounts, mandates, agencies.

Each change is an event of the creditor's own stream. Workers see it within
``registers.REFRESH_SECONDS``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from outreach.db import agencies, events, registers
from outreach.db.pool import Connection
from outreach.domain.debtor import HOME_ZONE, Jurisdiction
from outreach.domain.events import Event, EventKind, policy_stream
from outreach.domain.frozen import frozen
from outreach.domain.refusal import Refusal
from outreach.domain.register import AgencyKind, Register, Status, plain_subject
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.facts import Took

Key = tuple[str, Register, str, str]
"""Creditor, kind, subject and holder."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+")
_AGENCY_ID = re.compile(r"[a-z0-9-]{2,40}")


@frozen
class Filing:
    """What is said of one registration; None: nothing new. ``open_ended``: it has no last day."""

    kind: Register
    subject: str
    holder: str = ""
    number: str | None = None
    status: Status | None = None
    since: date | None = None
    until: date | None = None
    open_ended: bool = False
    evidence: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@frozen
class Registration:
    """One registration as it stands."""

    id: UUID
    number: str
    status: Status
    since: date
    until: date | None
    evidence: str
    detail: Mapping[str, str]

    def told(self) -> dict[str, object]:
        """In the words of an event: of a lawyer the licence, not the name."""
        detail = {name: value for name, value in self.detail.items() if name != "lawyer"}
        return {
            "number": self.number,
            "status": str(self.status),
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "evidence": self.evidence,
            **({"detail": detail} if detail else {}),
        }


@frozen
class Entrusting:
    """What is said of an agency and its contract; None: nothing new."""

    id: str
    name: str | None = None
    kind: AgencyKind | None = None
    registration: str | None = None
    contract: str | None = None
    phone: str | None = None
    since: date | None = None
    until: date | None = None
    open_ended: bool = False
    listed_on: date | None = None
    evidence: str | None = None


class Registrar:
    """Takes filings of some creditors; their registers are locked until the transaction ends."""

    def __init__(
        self,
        rows: Sequence[asyncpg.Record],
        places: Mapping[str, Jurisdiction],
        actor: str,
        now: datetime,
    ) -> None:
        self._places = places
        self._actor = actor
        self._now = now
        self._known: dict[Key, Registration] = {}
        self._written: dict[UUID, tuple[Key, Registration]] = {}
        self._agencies: list[tuple[object, ...]] = []
        self._entries: list[Entry] = []
        for row in rows:
            key = row["creditor_id"], Register(row["kind"]), row["subject"], row["holder"]
            self._known[key] = _read(row)

    @classmethod
    async def open(
        cls,
        conn: Connection,
        places: Mapping[str, Jurisdiction],
        creditor_ids: Sequence[str],
        actor: str,
        now: datetime,
        *,
        lock: bool = True,
    ) -> Self:
        """``places``: every configured creditor's. Without a lock for a dry run."""
        if lock:
            await registers.lock(conn, creditor_ids)
        return cls(await registers.of_creditors(conn, creditor_ids), places, actor, now)

    def today(self, creditor_id: str) -> date:
        """The day where the creditor is."""
        return self._now.astimezone(ZoneInfo(HOME_ZONE[self._places[creditor_id]])).date()

    # ------------------------------------------------------------------------ registrations

    def file(self, creditor_id: str, filing: Filing) -> Took | Refusal:
        """Register, or change what is registered: what is not said again stays as it was."""
        if creditor_id not in self._places:
            return unknown_creditor(self._places)
        subject, today = plain_subject(filing.kind, filing.subject), self.today(creditor_id)
        key = creditor_id, filing.kind, subject, filing.holder
        before = self._known.get(key)
        after = _registration(filing, before, today)
        found = _subject_refusal(filing.kind, subject) or _refusal(filing.kind, after, today)
        if found:
            return found
        if before == after:
            return Took.UNCHANGED
        self._known[key] = after
        self._written[after.id] = key, after
        data = {"register": str(filing.kind), "subject": subject, "holder": filing.holder}
        self._tell(creditor_id, data, before.told() if before else None, after.told())
        return Took.CHANGED if before else Took.CREATED

    # ----------------------------------------------------------------------------- agencies

    def entrust(
        self, creditor_id: str, said: Entrusting, known: asyncpg.Record | None
    ) -> Took | Refusal:
        """Add an agency, or change what is known of it (``known``, its row)."""
        if creditor_id not in self._places:
            return unknown_creditor(self._places)
        if known is not None and known["creditor_id"] != creditor_id:
            return Refusal(
                "agency", "is an agency of another creditor", "give this contract an id of its own"
            )
        today = self.today(creditor_id)
        before = {name: known[name] for name in agencies.COLUMNS} if known else None
        after = _entrusted(creditor_id, said, before, today)
        if found := _agency_refusal(said, after, self._places[creditor_id]):
            return found
        after = _usual(after)
        if before == after:
            return Took.UNCHANGED
        self._agencies.append(tuple(after.values()))
        data: dict[str, object] = {"agency": said.id}
        if said.evidence:
            data["evidence"] = said.evidence
        self._tell(creditor_id, data, _told(before) if before else None, _told(after))
        return Took.CHANGED if before else Took.CREATED

    # ------------------------------------------------------------------------------- written

    def _tell(
        self,
        creditor_id: str,
        data: Mapping[str, object],
        before: Mapping[str, object] | None,
        after: Mapping[str, object],
    ) -> None:
        """What is new, and of what was known before what it was."""
        fields: dict[str, object] = {**data, **after}
        if before is not None:
            fields["was"] = {
                name: before.get(name)
                for name in {*before, *after}
                if before.get(name) != after.get(name)
            }
        event = Event(
            kind=EventKind.REGISTERED,
            at=self._now,
            stream=policy_stream(creditor_id),
            creditor_id=creditor_id,
            actor=self._actor,
            data=fields,
        )
        self._entries.append(prepare(event))

    async def write(self, conn: Connection) -> None:
        """Rows and events, all or nothing, in the caller's transaction."""
        if self._written:
            rows = [self._row(key, each) for key, each in self._written.values()]
            await registers.put(conn, rows)
        for row in self._agencies:
            await agencies.put(conn, row)
        await events.append(conn, self._entries)

    def _row(self, key: Key, each: Registration) -> tuple[object, ...]:
        return (
            each.id,
            *key,
            each.number,
            each.status,
            each.since,
            each.until,
            each.evidence,
            orjson.dumps(dict(each.detail)).decode(),
            self._actor,
            self._now,
        )


def unknown_creditor(places: Mapping[str, Jurisdiction]) -> Refusal:
    return Refusal(
        "creditor",
        "no such creditor is configured",
        f"one of {', '.join(places)}, or add config/creditors/<id>.toml",
    )


def _read(row: asyncpg.Record) -> Registration:
    return Registration(
        id=row["id"],
        number=row["number"],
        status=Status(row["status"]),
        since=row["since"],
        until=row["until"],
        evidence=row["evidence"],
        detail=orjson.loads(row["detail"]),
    )


def _registration(filing: Filing, before: Registration | None, today: date) -> Registration:
    """What it comes to: a new one begins pending, today."""
    old = before or Registration(new_id(), "", Status.PENDING, today, None, "", {})
    return replace(
        old,
        number=filing.number or old.number,
        status=filing.status or old.status,
        since=filing.since or old.since,
        until=None if filing.open_ended else filing.until or old.until,
        evidence=filing.evidence or old.evidence,
        detail={**old.detail, **filing.detail},
    )


def _subject_refusal(kind: Register, subject: str) -> Refusal | None:
    if not subject:
        return Refusal("subject", "empty", "name what is registered")
    if kind is Register.TEMPLATE and not _DIGEST.fullmatch(subject):
        return Refusal("subject", "no template's digest", "see: outreach template list")
    if kind is Register.SENDER_DOMAIN and not _DOMAIN.fullmatch(subject):
        return Refusal("subject", "no domain", "write it as mail.bank.example")
    return None


def _refusal(kind: Register, after: Registration, today: date) -> Refusal | None:
    if after.until and after.until < after.since:
        return Refusal("until", "it would end before it begins", "exchange the two, or mend one")
    if after.status is not Status.APPROVED:
        return None
    if after.until and after.until < today:
        return Refusal(
            "until", "is past, and what has ended is not approved", "say lapsed, or mend the day"
        )
    if not (after.number or after.evidence):
        return Refusal(
            "evidence", "approved, but by what does it show?", "give a number or a document"
        )
    if kind is Register.MANDATE and not {"lawyer", "licence"} <= after.detail.keys():
        missing = "licence" if "lawyer" in after.detail else "lawyer"
        return Refusal(missing, "empty: a mandate names the lawyer and the licence", "give both")
    return None


def _entrusted(
    creditor_id: str, said: Entrusting, before: Mapping[str, object] | None, today: date
) -> dict[str, object]:
    """The agency's row as it will be, in the order of ``agencies.COLUMNS``."""
    new = {**dict.fromkeys(agencies.COLUMNS, ""), "since": today, "until": None, "listed_on": None}
    old = before or new | {"id": said.id, "creditor_id": creditor_id}
    stated = {name: getattr(said, name, None) for name in agencies.COLUMNS}
    after = {name: stated[name] or old[name] for name in agencies.COLUMNS}
    return after | ({"until": None} if said.open_ended else {})


def _usual(after: dict[str, object]) -> dict[str, object]:
    """Where the place does not ask what an agency is licensed as, it is one like any other."""
    return after | {"kind": after["kind"] or AgencyKind.AGENCY}


def _agency_refusal(
    said: Entrusting, after: Mapping[str, object], place: Jurisdiction
) -> Refusal | None:
    if not _AGENCY_ID.fullmatch(said.id):
        return Refusal("agency", "2 to 40 of a-z, 0-9 and - expected", "choose such an id")
    since, until = after["since"], after["until"]
    assert isinstance(since, date)
    if isinstance(until, date) and until < since:
        return Refusal(
            "until", "the contract would end before it begins", "exchange the two, or mend one"
        )
    for name in ("name", "contract", "phone"):  # C-01, R-04, C-03
        if not after[name]:
            return Refusal(name, "empty", "debtors must be able to check who writes to them")
    for name in ("kind", "registration") if place is Jurisdiction.TAIWAN else ():  # TW-16
        if not after[name]:
            return Refusal(name, "empty", "in Taiwan only some may collect, and are registered")
    return None


def _told(row: Mapping[str, object]) -> dict[str, object]:
    fields = {name: row[name] for name in agencies.COLUMNS if name not in ("id", "creditor_id")}
    return {
        name: value.isoformat() if isinstance(value, date) else value and str(value)
        for name, value in fields.items()
    }
