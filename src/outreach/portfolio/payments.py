"""What one row of a payments file changes: money lowers what is owed, a reversal undoes it.

A settled account is stopped by the gate at the next claim: the persons with a part in it are locked
while the payment is written, so no notice is judged on the balance of before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from outreach.db import events
from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, instant, prepare
from outreach.ledger.keys import MasterKeys, SealingKey
from outreach.portfolio.balance import after_payment
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.changes import STEP
from outreach.portfolio.known import KnownAccount, open_key, read_account
from outreach.portfolio.rows import PaymentKind, PaymentRow

Reference = tuple[str, str]
"""A creditor and a payment's reference."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What must be the same if a reference comes again."""

    account_id: UUID
    kind: str
    amount: int
    reverses: str | None


@dataclass(slots=True)
class Ledger:
    """The accounts and payments a batch meets, and what its earlier rows have added."""

    accounts: dict[db.Key, KnownAccount] = field(default_factory=dict)
    keys: dict[UUID, SealingKey | None] = field(default_factory=dict)
    payments: dict[Reference, Payment] = field(default_factory=dict)
    reversed: set[Reference] = field(default_factory=set)


async def open_ledger(
    conn: Connection, masters: MasterKeys, rows: Sequence[tuple[PaymentRow, db.Key]]
) -> Ledger:
    ledger = Ledger()
    for record in await db.accounts(conn, list({key for _, key in rows})):
        account = read_account(record)
        ledger.accounts[record["creditor_id"], record["number_hash"]] = account
        ledger.keys[account.id] = open_key(record, masters, account.debtor_id)
    references = {(row.creditor_id, row.ref) for row, _ in rows}
    references |= {(row.creditor_id, row.reverses) for row, _ in rows if row.reverses}
    for record in await db.payments(conn, list(references)):
        ledger.payments[record["creditor_id"], record["reference"]] = Payment(
            record["account_id"], record["kind"], record["amount"], record["reverses"]
        )
    if any(row.reverses for row, _ in rows):
        ids = [account.id for account in ledger.accounts.values()]
        ledger.reversed = await db.reversed_references(conn, ids)
    return ledger


class Cashier:
    """Takes the payments of one batch, oldest first."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        now: datetime,
        actor: str,
        import_id: UUID,
        title: Callable[[str], str],
    ) -> None:
        self.ledger = ledger
        self.settled: set[UUID] = set()
        self._changed: dict[UUID, KnownAccount] = {}
        self._rows: list[db.Row] = []
        self._entries: list[Entry] = []
        self._now = now
        self._actor = actor
        self._import = str(import_id)
        self._title = title

    def take(self, row: PaymentRow, key: db.Key) -> bool | RowProblem:
        """True if the payment is new, False if it was taken before."""
        account = self.ledger.accounts.get(key)
        if account is None:
            return RowProblem(row.row, self._title("account"), "no such account here")
        payment = Payment(account.id, row.kind, row.amount.minor, row.reverses)
        known = self.ledger.payments.get((row.creditor_id, row.ref))
        if known == payment:
            return False
        if refusal := self._refusal(row, account, known):
            field, reason = refusal
            return RowProblem(row.row, self._title(field), reason)
        self.ledger.payments[row.creditor_id, row.ref] = payment
        if row.reverses:
            self.ledger.reversed.add((row.creditor_id, row.reverses))
        self._book(row, account)
        return True

    def _refusal(
        self, row: PaymentRow, account: KnownAccount, known: Payment | None
    ) -> tuple[str, str] | None:
        """The field and the reason, or None."""
        if known is not None:
            return "ref", "used before for another payment"
        if row.amount.currency != account.currency:
            return "currency", f"the account is kept in {account.currency}"
        if not row.reverses:
            return None
        undone = (row.creditor_id, row.reverses)
        original = self.ledger.payments.get(undone)
        if original is None:
            return "reverses", "no such payment is known: it must come before its reversal"
        if original.kind != PaymentKind.PAYMENT or original.account_id != account.id:
            return "reverses", "is not a payment on this account"
        if original.amount != row.amount.minor:
            return "amount", "is not the amount of the payment it undoes"
        return ("reverses", "is undone already") if undone in self.ledger.reversed else None

    def _book(self, row: PaymentRow, account: KnownAccount) -> None:
        payment_id, before = new_id(), account.debt
        counted = row.posted_at > before.balance_as_of
        if counted:
            paid = -row.amount.minor if row.reverses else row.amount.minor
            account.debt = after_payment(before, paid, row.posted_at)
            self._changed[account.id] = account
            settled = account.debt.balance <= 0
            (self.settled.add if settled else self.settled.discard)(account.id)
        self._rows.append(
            (
                payment_id,
                row.creditor_id,
                account.id,
                row.ref,
                row.kind,
                row.amount.minor,
                row.amount.currency,
                row.posted_at,
                row.reverses,
            )
        )
        payload: dict[str, object] = {
            "amount": row.amount.minor,
            "currency": str(row.amount.currency),
            "posted_at": instant(row.posted_at),
            "reference": row.ref,
            "balance_before": before.balance,
            "balance_after": account.debt.balance,
        }
        key = self.ledger.keys[account.id]
        event = Event(
            kind=EventKind.PAYMENT_REVERSED if row.reverses else EventKind.PAID,
            at=self._now + len(self._entries) * STEP,
            stream=debtor_stream(account.debtor_id),
            creditor_id=row.creditor_id,
            actor=self._actor,
            debtor_id=account.debtor_id,
            account_id=account.id,
            data={"import": self._import, "payment": str(payment_id), "counted": counted},
            payload=payload if key else None,
        )
        self._entries.append(prepare(event, key))

    async def write(self, conn: Connection) -> None:
        """All or nothing, in the caller's transaction."""
        await db.insert(conn, "payments", self._rows)
        updates = [(account.id, *account.debt) for account in self._changed.values()]
        await db.update_accounts(conn, updates, self._now)
        await events.append(conn, self._entries)
