"""What is done with a batch of rows of each kind of file: recognised, compared, written."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from uuid import UUID

from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.debtor import Role
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.portfolio.accounts import Taken, Teller
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.changes import Changes, write
from outreach.portfolio.identity import Recognised, recognise
from outreach.portfolio.known import Known, KnownAccount, meet
from outreach.portfolio.payments import Cashier, open_ledger
from outreach.portfolio.people import People
from outreach.portfolio.pipeline import SEAL_TURN, Behind, turn
from outreach.portfolio.rows import AccountRow, PaymentKind, PaymentRow
from outreach.portfolio.seen import FirstRows

PART = 250
"""Rows sealed while the part before goes to the database."""

R_contra = TypeVar("R_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Applied:
    counts: Mapping[str, int]
    problems: Sequence[RowProblem] = ()


class Job(Protocol[R_contra]):
    """What is done with the rows of one kind of file."""

    def ready(self, row: R_contra) -> Any:
        """Whatever can be worked out before the database is asked."""

    async def apply(self, conn: Connection, items: Sequence[Any], dry_run: bool) -> Applied:
        """Write a batch in the caller's transaction."""


class AccountsJob:
    def __init__(
        self, parts: Parts, import_id: UUID, actor: str, title: Callable[[str], str]
    ) -> None:
        self._parts = parts
        self._import_id = import_id
        self._actor = actor
        self._title = title
        self._passed = FirstRows()  # the accounts of a dry run, which writes none
        self._stand_in: KnownAccount | None = None

    def ready(self, row: AccountRow) -> Recognised:
        return recognise(row, self._parts.lookup)

    async def apply(self, conn: Connection, items: Sequence[Recognised], dry_run: bool) -> Applied:
        parts = self._parts
        if not dry_run:
            persons = list({each.person for each in items})
            await db.lock_debtors(conn, persons, list({each.account for each in items}))
        known = await meet(conn, parts.masters, items)
        if dry_run:
            self._recall(known, items)
        borrowers_first = sorted(items, key=lambda each: each.row.role is not Role.PRIMARY)
        results: list[Taken | RowProblem] = []
        async with Behind() as behind:
            for start in range(0, len(items), PART):
                changes = Changes(parts.clock.now(), self._actor, self._import_id)
                people = People(known, changes, parts.masters, parts.lookup)
                teller = Teller(known, changes, people, self._title)
                for each in borrowers_first[start : start + PART]:
                    results.append(teller.take(each))
                    await turn(len(results), SEAL_TURN)
                if not dry_run:
                    await behind.start(write, conn, changes, parts.masters)
        if dry_run:
            self._remember(known)
        return _sort(results)

    def _recall(self, known: Known, items: Sequence[Recognised]) -> None:
        """Accounts of earlier batches; of those a later row asks no more than whether they are."""
        for each in items:
            if self._stand_in and each.account in self._passed:
                account = replace(self._stand_in, id=new_id())
                known.accounts.setdefault(each.account, account)

    def _remember(self, known: Known) -> None:
        for key, account in known.accounts.items():
            self._passed.first(key, 1)
            self._stand_in = account


class PaymentsJob:
    def __init__(
        self, parts: Parts, import_id: UUID, actor: str, title: Callable[[str], str]
    ) -> None:
        self._parts = parts
        self._import_id = import_id
        self._actor = actor
        self._title = title

    def ready(self, row: PaymentRow) -> tuple[PaymentRow, db.Key]:
        return row, (row.creditor_id, self._parts.lookup.hash("account", row.account_number))

    async def apply(
        self, conn: Connection, items: Sequence[tuple[PaymentRow, db.Key]], dry_run: bool
    ) -> Applied:
        if not dry_run:
            await db.lock_debtors(conn, [], list({key for _, key in items}))
        cashier = Cashier(
            await open_ledger(conn, self._parts.masters, items),
            now=self._parts.clock.now(),
            actor=self._actor,
            import_id=self._import_id,
            title=self._title,
        )
        in_order = sorted(items, key=lambda i: (i[0].posted_at, i[0].kind is PaymentKind.REVERSAL))
        results = [cashier.take(row, key) for row, key in in_order]
        if not dry_run:
            await cashier.write(conn)
        words = {True: Taken.CREATED, False: Taken.UNCHANGED}
        applied = _sort(r if isinstance(r, RowProblem) else words[r] for r in results)
        return Applied({**applied.counts, "settled": len(cashier.settled)}, applied.problems)


def _sort(results: Iterable[Taken | RowProblem]) -> Applied:
    counts: Counter[str] = Counter()
    problems = []
    for result in results:
        if isinstance(result, RowProblem):
            problems.append(result)
        else:
            counts[result] += 1
    return Applied(counts, sorted(problems, key=lambda problem: problem.row))
