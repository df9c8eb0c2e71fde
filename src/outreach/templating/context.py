"""What a template may say: the words' only input, built from facts just before rendering.

Templates reach these fields by name (``{{ debtor.salutation }}``,
``{{ totals.overdue | amount }}``) and nothing else.
"""

from datetime import date

from outreach.domain.frozen import frozen
from outreach.domain.money import Money


@frozen
class CreditorWords:
    """Who writes: from ``config/creditors/<id>.toml``; every one is invented in examples."""

    name: str
    signature: str  # 短信签名, without 【】
    hotline: str
    complaint_line: str
    app: str  # where to query and pay
    payee_name: str
    payee_bank: str
    payee_account: str
    address: str
    department: str
    check_at: str | None = None  # where a code can be checked, in words


@frozen
class DebtorWords:
    """Whom we write to. ``salutation`` is 王先生 / 李女士 / 尊敬的客户 in the locale's usage."""

    name: str
    salutation: str


@frozen
class AccountWords:
    """One debt. ``overdue`` is what was due and is unpaid; principal, interest, penalty (违约金)
    and fees add up to ``balance``.
    """

    product: str
    tail: str
    due_date: date  # the last one reached, or the coming one if nothing is late
    overdue_since: date  # that of the oldest unpaid instalment; if none is, as due_date
    statement_date: date | None
    days_past_due: int
    minimum_payment: Money
    overdue: Money
    balance: Money
    principal: Money
    interest: Money
    penalty: Money
    fees: Money


@frozen
class TotalWords:
    """Sums over the accounts of one notice."""

    minimum_payment: Money
    overdue: Money
    balance: Money
    principal: Money
    interest: Money
    penalty: Money
    fees: Money


@frozen
class Context:
    """All a template sees. ``accounts`` are of one debtor, creditor and currency, tail order."""

    creditor: CreditorWords
    debtor: DebtorWords
    accounts: tuple[AccountWords, ...]
    totals: TotalWords
    as_of: date
    today: date
    due_date: date  # the earliest due date among the accounts
    deadline: date  # by when a demand asks for payment
    number: str  # 函件编号
    guarantor: bool  # we write to a guarantor (保证人): he has his own wording
    code: str | None  # 验真码, where the creditor has a page to check it on
    agency: str | None  # the agency that writes for the creditor (受托催收机构), if one does
    borrower: str | None = None  # to a guarantor: whose debt it is, masked
