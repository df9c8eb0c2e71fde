"""One row of a file of facts, read into the words of the domain."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from outreach.domain.codes import code
from outreach.domain.contact import Channel, ContactKind, normalize_email
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.register import Register
from outreach.domain.standing import Stated
from outreach.life.account_facts import Interrupted, Placed, Told
from outreach.life.points import Said
from outreach.life.registering import Filing
from outreach.life.stating import Ending
from outreach.portfolio import fact_words as words
from outreach.portfolio import values
from outreach.portfolio.cells import Cells
from outreach.portfolio.mapping import Columns
from outreach.portfolio.rows import ORIGINS, REGION, Problems, Terms

_BETWEEN = re.compile(r"[、,，/;；\s]+")


@dataclass(frozen=True, slots=True)
class StandingRow:
    """About the person of ``id_number``, or else the borrower of ``account_number``."""

    row: int
    creditor_id: str
    account_number: str | None
    id_number: str | None
    says: Stated | Ending


@dataclass(frozen=True, slots=True)
class RegisterRow:
    row: int
    creditor_id: str
    says: Filing


@dataclass(frozen=True, slots=True)
class AccountFactRow:
    """``id_number``: of the one with a part in the account who is meant; None: the borrower."""

    row: int
    creditor_id: str
    account_number: str
    says: Told | Interrupted | Placed
    id_number: str | None = None


@dataclass(frozen=True, slots=True)
class PointRow:
    """``value`` as it is looked up by; None: the person's only one of the kind."""

    row: int
    creditor_id: str
    account_number: str | None
    id_number: str | None
    kind: ContactKind
    value: str | None
    says: Said


# -------------------------------------------------------------------------------------- standings


def parse_standing(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> StandingRow | Problems:
    """Every problem of the row comes back; what cannot be for this kind is refused later."""
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor = _creditor(read, terms)
    account, person = _person(read)
    kind = read.word("kind", words.STANDINGS)
    says = None
    if kind is not None:
        says = _ending(read, kind) if _yes(read, "ends") else _stated(read, kind, terms)
    if read.problems or says is None:
        return tuple(read.problems)
    return StandingRow(row, creditor, account, person, says)


def _stated(read: Cells, kind: Standing, terms: Terms) -> Stated | None:
    reason = read.need("reason", code)
    stated = Stated(
        kind=kind,
        reason=reason or "",
        evidence=read.read("evidence", code),
        reference=read.read("reference", code),
        owner=read.read("owner", code),
        since=_day(read, "since", terms),
        until=_day(read, "until", terms),
        answer_by=_day(read, "answer_by", terms),
        account_only=_yes(read, "account_only"),
        body=read.word("body", words.BODIES) if read.text("body") else None,
        complex=_yes(read, "complex"),
        about=read.word("about", words.ABOUT) if read.text("about") else None,
        channels=read.read("channels", channels) or (),
        opens=read.read("opens", values.hour),
        closes=read.read("closes", values.hour),
    )
    return stated if reason else None


def _ending(read: Cells, kind: Standing) -> Ending | None:
    reason = read.need("reason", code)
    ending = Ending(
        kind=kind,
        reason=reason or "",
        evidence=read.read("evidence", code),
        reference=read.read("reference", code),
        account_only=_yes(read, "account_only"),
    )
    return ending if reason else None


def channels(text: str) -> tuple[Channel, ...]:
    """``短信、邮件``: each once, in the order of ``Channel``."""
    said = [word for word in _BETWEEN.split(values.narrow(text).lower()) if word]
    found = {words.CHANNELS.get(word) for word in said}
    if None in found:
        raise ValueError("unknown channel: 短信 or 邮件 expected")
    return tuple(channel for channel in Channel if channel in found)


def standing_key(found: StandingRow) -> tuple[str, Hashable]:
    says = found.says
    who = found.creditor_id, found.id_number or found.account_number
    account = found.account_number if says.account_only else None
    return "kind", (*who, account, says.kind, says.reference)


# -------------------------------------------------------------------------------------- registers


def parse_register(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> RegisterRow | Problems:
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor = _creditor(read, terms)
    kind = read.word("kind", words.REGISTERS)
    subject = read.need("subject", values.line, 300)
    detail = {name: read.read(name, values.line, 60) for name in ("lawyer", "licence")}
    filing = Filing(
        kind=kind or Register.SIGNATURE,
        subject=subject or "",
        holder=read.read("holder", values.line, 60) or "",
        number=read.read("number", code),
        status=read.word("status", words.STATUSES) if read.text("status") else None,
        since=_day(read, "since", terms),
        until=_day(read, "until", terms),
        evidence=read.read("evidence", code),
        detail={name: text for name, text in detail.items() if text},
    )
    if read.problems:
        return tuple(read.problems)
    return RegisterRow(row, creditor, filing)


def register_key(found: RegisterRow) -> tuple[str, Hashable]:
    says = found.says
    return "subject", (found.creditor_id, says.kind, says.subject, says.holder)


# ------------------------------------------------------------------------------- facts of accounts


def parse_disclosure(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> AccountFactRow | Problems:
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor, account = _creditor(read, terms), read.need("account", values.identifier)
    purpose, on = read.word("purpose", words.PURPOSES), _day(read, "on", terms, need=True)
    evidence, agency = read.need("evidence", code), read.read("agency", code)
    person = read.read("to", values.identifier)
    if read.problems or not (account and purpose and on and evidence):
        return tuple(read.problems)
    return AccountFactRow(row, creditor, account, Told(purpose, on, evidence, agency), person)


def parse_interruption(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> AccountFactRow | Problems:
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor, account = _creditor(read, terms), read.need("account", values.identifier)
    kind, on = read.word("kind", words.INTERRUPTIONS), _day(read, "on", terms, need=True)
    evidence = read.need("evidence", code)
    if read.problems or not (account and kind and on and evidence):
        return tuple(read.problems)
    return AccountFactRow(row, creditor, account, Interrupted(kind, on, evidence))


def account_fact_key(found: AccountFactRow) -> tuple[str, Hashable]:
    return "account", (found.creditor_id, found.account_number, found.id_number, found.says)


def parse_placement(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> AccountFactRow | Problems:
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor, account = _creditor(read, terms), read.need("account", values.identifier)
    says = Placed(read.read("agency", code), _yes(read, "ends"))
    if read.problems or not account:
        return tuple(read.problems)
    return AccountFactRow(row, creditor, account, says)


def placement_key(found: AccountFactRow) -> tuple[str, Hashable]:
    return "account", (found.creditor_id, found.account_number)


def parse_point(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> PointRow | Problems:
    """A point by its kind and value; of an address, or of an only one, the kind is enough."""
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor = _creditor(read, terms)
    account, person = _person(read)
    kind = read.word("contact", words.CONTACTS)
    region = REGION[terms.places.get(creditor, Jurisdiction.MAINLAND)]
    value = None
    if kind is ContactKind.PHONE:
        value = read.read("value", values.phone, region)
    elif kind is ContactKind.EMAIL:
        value = read.read("value", normalize_email)
    elif read.text("value"):
        read.problem("value", "an address goes by its person alone: leave the cell empty")
    said = Said(
        usage=read.word("usage", words.USAGES) if read.text("usage") else None,
        origin=read.word("origin", ORIGINS) if read.text("origin") else None,
        document=read.read("document", code),
        verified=read.read("verified", values.yes),
    )
    if read.problems or kind is None:
        return tuple(read.problems)
    return PointRow(row, creditor, account, person, kind, value, said)


def point_key(found: PointRow) -> tuple[str, Hashable]:
    who = found.creditor_id, found.id_number or found.account_number
    return "contact", (*who, found.kind, found.value)


# ------------------------------------------------------------------------------------ their cells


def _person(read: Cells) -> tuple[str | None, str | None]:
    """Account and ID number; one of them is needed."""
    account = read.read("account", values.identifier)
    person = read.read("id_number", values.identifier)
    if not (read.text("account") or read.text("id_number")):
        title = read.columns.title("id_number")
        read.problem("account", f"empty, and so is {title}: one is needed")
    return account, person


def _creditor(read: Cells, terms: Terms) -> str:
    creditor = read.text("creditor") or terms.creditor or ""
    if creditor not in terms.places:
        known = ", ".join(terms.places)
        said = "no such creditor is configured" if creditor else "empty, and no other is named"
        read.problem("creditor", f"{said}: one of {known} expected")
    return creditor


def _day(read: Cells, name: str, terms: Terms, *, need: bool = False) -> date | None:
    day = (read.need if need else read.read)(name, values.day)
    return day + timedelta(days=terms.shift_days) if day else None


def _yes(read: Cells, name: str) -> bool:
    return read.read(name, values.yes) or False
