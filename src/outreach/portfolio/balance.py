"""What is owed after payments: the one place that combines balances with money received.

A balance is a statement: these sums as of this instant. A payment posted later lowers what is owed;
one posted before is already in the balance. So the same accounts file gives the same result whether
it is read before or after the payments.

How a part payment is credited to fees, interest, 违约金 and principal is the core system's
business, and we do not guess at it: balance and overdue sum go down, the split stays as it was
stated. It is then no longer true, and the gate holds every demand whose balance is older than a
payment (C-04) until the core system's next balance arrives.
"""

from datetime import date, datetime
from typing import NamedTuple

from outreach.portfolio.rows import DebtRow


class Debt(NamedTuple):
    """An account as stored, in the order of ``db.portfolio.DEBT``; sums in minor units."""

    product: str
    statement_date: date | None
    due_date: date
    oldest_unpaid_due_date: date | None
    minimum_payment: int
    overdue: int
    balance: int
    principal: int
    interest: int
    penalty: int
    fees: int
    balance_as_of: datetime
    core_dpd: int | None
    core_stage: str | None


TOLD = Debt._fields[: Debt._fields.index("balance_as_of")]
"""The fields whose change is told in the history; the others move every day by themselves."""


def stated(row: DebtRow) -> Debt:
    """The balance as the file states it."""
    return Debt(
        row.product,
        row.statement_date,
        row.due_date,
        row.oldest_unpaid_due_date,
        row.minimum_payment.minor,
        row.overdue.minor,
        row.balance.minor,
        row.principal.minor,
        row.interest.minor,
        row.penalty.minor,
        row.fees.minor,
        row.balance_as_of,
        row.core_dpd,
        row.core_stage or None,
    )


def after_payment(debt: Debt, paid: int, last: datetime) -> Debt:
    """The debt once ``paid`` minor units, the last of them at ``last``, came in after its balance.

    Below zero a payment was reversed. A settled account owes nothing of any kind, as of the payment
    that settled it.
    """
    balance = debt.balance - paid
    if paid and balance <= 0:
        return debt._replace(
            oldest_unpaid_due_date=None,
            minimum_payment=0,
            overdue=0,
            balance=balance,
            principal=0,
            interest=0,
            penalty=0,
            fees=0,
            balance_as_of=max(debt.balance_as_of, last),
        )
    return debt._replace(
        minimum_payment=min(debt.minimum_payment, balance),
        overdue=min(max(debt.overdue - paid, 0), balance),
        balance=balance,
    )
