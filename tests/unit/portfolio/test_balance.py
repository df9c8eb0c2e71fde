"""What is owed after payments."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outreach.portfolio.balance import Debt, after_payment

AS_OF = datetime(2026, 11, 23, 2, tzinfo=UTC)


@st.composite
def debts(draw: st.DrawFn) -> Debt:
    parts = [draw(st.integers(0, 10**9)) for _ in range(4)]
    balance = sum(parts)
    minimum, overdue = draw(st.integers(0, balance)), draw(st.integers(0, balance))
    due = date(2026, 10, 14)
    return Debt("贷款", None, due, due, minimum, overdue, balance, *parts, AS_OF, None, None)


amounts = st.integers(1, 4 * 10**9)


@given(debts(), amounts, amounts)
def test_two_payments_are_worth_their_sum(debt: Debt, first: int, second: int) -> None:
    at = [AS_OF + timedelta(hours=hour) for hour in (1, 2)]
    one_by_one = after_payment(after_payment(debt, first, at[0]), second, at[1])
    assert one_by_one == after_payment(debt, first + second, at[1])


@given(debts(), amounts)
def test_a_reversal_brings_the_balance_back(debt: Debt, amount: int) -> None:
    paid = after_payment(debt, amount, AS_OF + timedelta(hours=1))
    back = after_payment(paid, -amount, AS_OF + timedelta(hours=2))
    assert back.balance == debt.balance
    assert 0 <= back.overdue <= back.balance


@given(debts(), amounts)
def test_what_is_settled_owes_nothing_of_any_kind(debt: Debt, more: int) -> None:
    at = AS_OF + timedelta(hours=1)
    paid = after_payment(debt, debt.balance + more, at)
    assert paid.balance == -more
    assert paid[4:6] == (0, 0)
    assert paid[7:11] == (0, 0, 0, 0)
    assert (paid.oldest_unpaid_due_date, paid.balance_as_of) == (None, at)


@given(debts())
def test_no_payment_changes_nothing(debt: Debt) -> None:
    assert after_payment(debt, 0, AS_OF) == debt
