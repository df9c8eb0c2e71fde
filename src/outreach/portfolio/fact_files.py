"""What is done with a file of facts of each kind: how it is read, and how a batch is taken down."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.refusal import Refusal
from outreach.domain.standing import Stated
from outreach.life.account_facts import Disclosures, Interruptions, Placements
from outreach.life.facts import Book, Took
from outreach.life.parts import Parts
from outreach.life.points import Points
from outreach.life.registering import Registrar
from outreach.life.stating import Ending, Statements
from outreach.portfolio import mapping
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.fact_rows import (
    AccountFactRow,
    PointRow,
    RegisterRow,
    account_fact_key,
    parse_disclosure,
    parse_interruption,
    parse_placement,
    parse_point,
    parse_register,
    parse_standing,
    placement_key,
    point_key,
    register_key,
    standing_key,
)
from outreach.portfolio.jobs import Applied, Job


class FactsOf(StrEnum):
    """Kinds of files of facts."""

    STANDINGS = "standings"  # 状态与名单
    REGISTERS = "registers"  # 登记备案
    DISCLOSURES = "disclosures"  # 告知
    INTERRUPTIONS = "interruptions"  # 时效中断
    PLACEMENTS = "placements"  # 委外与撤回
    POINTS = "points"  # 联系方式的来源与用途


Title = Callable[[str], str]
"""The header a person knows a field by."""

Found = tuple[int, Took | Refusal]
"""A row's number, and what came of it."""


class Named(NamedTuple):
    """A row with the keys of the account and the person it names."""

    row: Any  # a StandingRow, PointRow or AccountFactRow
    account: db.Key | None
    person: db.Key | None


def _named(parts: Parts, row: Any) -> Named:
    account = row.account_number and parts.lookup.hash("account", row.account_number)
    person = row.id_number and parts.lookup.hash("id_number", row.id_number)
    return Named(
        row,
        (row.creditor_id, account) if account else None,
        (row.creditor_id, person) if person else None,
    )


_UNKNOWN = "{} has no account of this number"


def _applied(found: Sequence[Found], title: Title) -> Applied:
    counts: Counter[str] = Counter()
    problems = []
    for row, took in found:
        if isinstance(took, Refusal):
            reason = "; ".join(filter(None, [took.reason, took.remedy]))
            problems.append(RowProblem(row, title(took.field), reason))
        else:
            counts[took] += 1
    return Applied(counts, problems)


class _OfPeople:
    """Rows about persons: by their ID number, or as the borrower of an account."""

    def __init__(self, parts: Parts, actor: str, title: Title) -> None:
        self._parts = parts
        self._actor = actor
        self._title = title

    def ready(self, row: Any) -> Named:
        return _named(self._parts, row)

    async def _open(
        self, conn: Connection, items: Sequence[Named], dry_run: bool
    ) -> tuple[Book, list[tuple[UUID, UUID | None] | Refusal]]:
        """The book of all who are named, and whom each row names."""
        accounts = await db.account_ids(
            conn, list({each.account for each in items if each.account})
        )
        people = await db.debtor_ids(conn, list({each.person for each in items if each.person}))
        book = await Book.open(
            conn,
            list(people.values()),
            list(accounts.values()),
            self._actor,
            self._parts.clock.now(),
            lock=not dry_run,
        )
        return book, [_whom(book, each, accounts, people) for each in items]


class StandingsJob(_OfPeople):
    """Standings and lists, of persons and of accounts."""

    async def apply(self, conn: Connection, items: Sequence[Named], dry_run: bool) -> Applied:
        book, named = await self._open(conn, items, dry_run)
        statements = await Statements.open(conn, book)
        found: list[Found] = []
        for each, whom in zip(items, named, strict=True):
            took = whom if isinstance(whom, Refusal) else _state(statements, *whom, each.row.says)
            found.append((each.row.row, took))
        if not dry_run:
            await statements.write(conn)
        return _applied(found, self._title)


class PointsJob(_OfPeople):
    """Where contact points came from, and whose place they are."""

    async def apply(self, conn: Connection, items: Sequence[Named], dry_run: bool) -> Applied:
        book, named = await self._open(conn, items, dry_run)
        points = await Points.open(conn, book)
        found: list[Found] = []
        for each, whom in zip(items, named, strict=True):
            took = whom if isinstance(whom, Refusal) else self._take(points, whom[0], each.row)
            found.append((each.row.row, took))
        if not dry_run:
            await points.write(conn)
        return _applied(found, self._title)

    def _take(self, points: Points, debtor_id: UUID, row: PointRow) -> Took | Refusal:
        value = self._parts.lookup.hash(row.kind, row.value) if row.value else None
        point_id = points.find(debtor_id, row.kind, value)
        return point_id if isinstance(point_id, Refusal) else points.take(point_id, row.says)


def _whom(
    book: Book, each: Named, accounts: Mapping[db.Key, UUID], people: Mapping[db.Key, UUID]
) -> tuple[UUID, UUID | None] | Refusal:
    """The person of a row, and its account if it names one."""
    account_id = accounts.get(each.account) if each.account else None
    person_id = people.get(each.person) if each.person else None
    if each.account and account_id is None:
        return Refusal("account", _UNKNOWN.format(each.account[0]))
    if each.person and person_id is None:
        return Refusal("id_number", f"{each.person[0]} knows nobody of this number")
    if account_id is None:
        assert person_id is not None
        return person_id, None
    account = book.accounts[account_id]
    if person_id is not None and person_id not in account.parties:
        return Refusal("id_number", "this person has no part in this account")
    return person_id or account.debtor_id, account_id


def _state(
    statements: Statements, debtor_id: UUID, account_id: UUID | None, says: Stated | Ending
) -> Took | Refusal:
    if isinstance(says, Stated):
        return statements.state(debtor_id, account_id, says)
    ended = statements.end(debtor_id, account_id, says)
    if isinstance(ended, Refusal):
        return ended
    return Took.CHANGED if ended else Took.UNCHANGED


class RegistersJob:
    """What creditors registered."""

    def __init__(self, parts: Parts, actor: str, title: Title) -> None:
        self._parts = parts
        self._actor = actor
        self._title = title

    def ready(self, row: RegisterRow) -> RegisterRow:
        return row

    async def apply(self, conn: Connection, items: Sequence[RegisterRow], dry_run: bool) -> Applied:
        registrar = await Registrar.open(
            conn,
            self._parts.places,
            list({each.creditor_id for each in items}),
            self._actor,
            self._parts.clock.now(),
            lock=not dry_run,
        )
        found = [(each.row, registrar.file(each.creditor_id, each.says)) for each in items]
        if not dry_run:
            await registrar.write(conn)
        return _applied(found, self._title)


class AccountFactsJob:
    """What debtors were told, what interrupted, who works it: each of one account."""

    def __init__(
        self,
        parts: Parts,
        actor: str,
        title: Title,
        kind: type[Disclosures | Interruptions | Placements],
    ) -> None:
        self._parts = parts
        self._actor = actor
        self._title = title
        self._kind = kind

    def ready(self, row: AccountFactRow) -> Named:
        return _named(self._parts, row)

    async def apply(self, conn: Connection, items: Sequence[Named], dry_run: bool) -> Applied:
        accounts = await db.account_ids(
            conn, list({each.account for each in items if each.account})
        )
        people = await db.debtor_ids(conn, list({each.person for each in items if each.person}))
        now, ids = self._parts.clock.now(), list(accounts.values())
        book = await Book.open(conn, [], ids, self._actor, now, lock=not dry_run)
        facts: Any = await self._kind.open(conn, book)
        found: list[Found] = []
        for each in items:
            account_id = accounts.get(each.account) if each.account else None
            says = each.row.says
            took: Took | Refusal
            if account_id is None:
                took = Refusal("account", _UNKNOWN.format(each.row.creditor_id))
            elif each.person and each.person not in people:
                took = Refusal("to", f"{each.row.creditor_id} knows nobody of this number")
            else:
                if each.person:
                    says = replace(says, to=people[each.person])
                took = facts.take(account_id, says)
            found.append((each.row.row, took))
        if not dry_run:
            await facts.write(conn)
        return _applied(found, self._title)


@dataclass(frozen=True, slots=True)
class FactsFile:
    """How a file of one kind is read and taken down; ``key``: what must not come twice in it."""

    columns: mapping.Mapping
    parse: Callable[..., Any]
    key: Callable[[Any], tuple[str, Hashable]]
    job: Callable[[Parts, str, Title], Job[Any]]


FACTS: Mapping[FactsOf, FactsFile] = {
    FactsOf.STANDINGS: FactsFile(mapping.STANDINGS, parse_standing, standing_key, StandingsJob),
    FactsOf.REGISTERS: FactsFile(mapping.REGISTERS, parse_register, register_key, RegistersJob),
    FactsOf.DISCLOSURES: FactsFile(
        mapping.DISCLOSURES,
        parse_disclosure,
        account_fact_key,
        partial(AccountFactsJob, kind=Disclosures),
    ),
    FactsOf.INTERRUPTIONS: FactsFile(
        mapping.INTERRUPTIONS,
        parse_interruption,
        account_fact_key,
        partial(AccountFactsJob, kind=Interruptions),
    ),
    FactsOf.PLACEMENTS: FactsFile(
        mapping.PLACEMENTS,
        parse_placement,
        placement_key,
        partial(AccountFactsJob, kind=Placements),
    ),
    FactsOf.POINTS: FactsFile(mapping.POINTS, parse_point, point_key, PointsJob),
}
