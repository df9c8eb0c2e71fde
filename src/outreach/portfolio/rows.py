"""One row of a portfolio or payments file, read into the words of the domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from outreach.domain.contact import Address, ContactKind, Origin, normalize_email
from outreach.domain.debtor import Jurisdiction, Locale, Role, Sex
from outreach.domain.money import Currency, Money
from outreach.portfolio import values
from outreach.portfolio.cells import Cells, RowProblem
from outreach.portfolio.mapping import Columns


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row does not say itself.

    ``places``: the jurisdiction of every configured creditor, by id. ``creditor``: the one meant
    where a row names none. ``shift_days``: added to every date and time, so that example files of
    one day serve on any other.
    """

    places: Mapping[str, Jurisdiction]
    creditor: str | None = None
    shift_days: int = 0


class PersonRow(NamedTuple):
    id_number: str
    name: str
    sex: Sex
    locale: Locale


class ContactRow(NamedTuple):
    """``value`` is E.164, an email address, or an ``Address``, by ``kind``."""

    kind: ContactKind
    value: str | Address
    origin: Origin
    verified: bool


class DebtRow(NamedTuple):
    """An account's state as of ``balance_as_of`` (aware)."""

    product: str
    statement_date: date | None
    due_date: date
    oldest_unpaid_due_date: date | None
    limit: Money | None
    minimum_payment: Money
    overdue: Money
    balance: Money
    principal: Money
    interest: Money
    penalty: Money
    fees: Money
    balance_as_of: datetime
    core_dpd: int | None
    core_stage: str


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One person's part in one account; ``debt`` stands on the primary borrower's row only."""

    row: int
    creditor_id: str
    jurisdiction: Jurisdiction
    account_number: str
    role: Role
    person: PersonRow
    contacts: tuple[ContactRow, ...]
    debt: DebtRow | None


class PaymentKind(StrEnum):
    PAYMENT = "payment"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """Money received, or its reversal; ``reverses`` is the ``ref`` of the payment undone."""

    row: int
    ref: str
    creditor_id: str
    account_number: str
    amount: Money
    posted_at: datetime
    kind: PaymentKind
    reverses: str | None


Problems = tuple[RowProblem, ...]

_ROLES = {
    "": Role.PRIMARY,
    "主借款人": Role.PRIMARY,
    "持卡人": Role.PRIMARY,
    "共同借款人": Role.JOINT,
    "保证人": Role.GUARANTOR,
    "保證人": Role.GUARANTOR,
    "担保人": Role.GUARANTOR,
    "擔保人": Role.GUARANTOR,
    "附属卡持卡人": Role.SUPPLEMENTARY,
    "附屬卡持卡人": Role.SUPPLEMENTARY,
    "附卡持卡人": Role.SUPPLEMENTARY,
} | {str(role): role for role in Role}
_SEXES = {"男": Sex.MALE, "m": Sex.MALE, "女": Sex.FEMALE, "f": Sex.FEMALE}
_SEXES |= dict.fromkeys(("", "未知", "未说明", "未說明"), Sex.UNKNOWN) | {str(s): s for s in Sex}
ORIGINS = {
    "": Origin.UNKNOWN,
    "不明": Origin.UNKNOWN,
    "合同预留": Origin.CONTRACT,
    "合同預留": Origin.CONTRACT,
    "合約預留": Origin.CONTRACT,
    "本人更新": Origin.DEBTOR,
    "法院确认": Origin.COURT,
    "法院確認": Origin.COURT,
    "公证确认": Origin.COURT,
    "公證確認": Origin.COURT,
} | {str(origin): origin for origin in Origin}
_KINDS = {"": PaymentKind.PAYMENT, "还款": PaymentKind.PAYMENT, "還款": PaymentKind.PAYMENT}
_KINDS |= {"冲正": PaymentKind.REVERSAL, "沖正": PaymentKind.REVERSAL}
_KINDS |= {str(kind): kind for kind in PaymentKind}
_LOCALES = {locale.lower(): locale for locale in Locale} | {
    "简体中文": Locale.ZH_CN,
    "繁體中文（香港）": Locale.ZH_HK,
    "繁體中文（臺灣）": Locale.ZH_TW,
}

REGION = {Jurisdiction.MAINLAND: "CN", Jurisdiction.HONG_KONG: "HK", Jurisdiction.TAIWAN: "TW"}
_LOCALE = {
    Jurisdiction.MAINLAND: Locale.ZH_CN,
    Jurisdiction.HONG_KONG: Locale.ZH_HK,
    Jurisdiction.TAIWAN: Locale.ZH_TW,
}
_NO_POSTCODE = frozenset({"999077", "000000"})  # fillers written where Hong Kong has none


def parse_account(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> AccountRow | Problems:
    """Read one row of an accounts file; every problem it has comes back, not just the first."""
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor, place = _creditor(read, terms)
    account = read.need("account", values.identifier)
    role = read.word("role", _ROLES)
    debt = _debt(read, terms.shift_days) if role is Role.PRIMARY else None
    person = _person(read, place)
    contacts = _contacts(read, place, person.name if person else "")
    if read.problems or not (account and role and person):
        return tuple(read.problems)
    return AccountRow(row, creditor, place, account, role, person, contacts, debt)


def _creditor(read: Cells, terms: Terms) -> tuple[str, Jurisdiction]:
    creditor = read.text("creditor") or terms.creditor or ""
    place = terms.places.get(creditor)
    if place is None:
        read.problem(
            "creditor",
            "no such creditor is configured: one of " + ", ".join(terms.places) + " expected"
            if creditor
            else "empty",
        )
    return creditor, place or Jurisdiction.MAINLAND


# --- the debt --------------------------------------------------------------------------------

_PARTS = ("principal", "interest", "penalty", "fees")
_SUMS = ("minimum_payment", "overdue", "balance", *_PARTS)


def _debt(read: Cells, shift_days: int) -> DebtRow | None:
    before = len(read.problems)
    product = read.need("product", values.line, 40)
    currency = read.need("currency", values.currency)
    # amounts of an unknown currency are still checked for their shape
    sums = {name: read.need(name, values.amount, currency or Currency.CNY) for name in _SUMS}
    limit = read.read("limit", values.amount, currency or Currency.CNY)
    statement = read.read("statement_date", values.day)
    due = read.need("due_date", values.day)
    oldest = read.read("oldest_unpaid_due_date", values.day)
    as_of = read.need("balance_as_of", values.moment)
    core_dpd = read.read("core_dpd", values.whole)
    core_stage = read.read("core_stage", values.line, 10)
    if len(read.problems) > before or not (product and due and as_of):
        return None
    money = {name: value for name, value in sums.items() if value is not None}
    _check_sums(read, money)
    _check_dates(read, statement, due, oldest, as_of, money["overdue"])
    shift = timedelta(days=shift_days)
    return DebtRow(
        product=product,
        statement_date=statement + shift if statement else None,
        due_date=due + shift,
        oldest_unpaid_due_date=oldest + shift if oldest else None,
        limit=limit,
        balance_as_of=as_of + shift,
        core_dpd=core_dpd,
        core_stage=core_stage or "",
        **money,
    )


def _check_sums(read: Cells, money: Mapping[str, Money]) -> None:
    balance = money["balance"].minor
    if sum(money[name].minor for name in _PARTS) != balance:
        parts = " + ".join(read.columns.title(name) for name in _PARTS)
        read.problem("balance", f"is not the sum of {parts}")
    for name in ("minimum_payment", "overdue"):
        if money[name].minor > balance:
            read.problem(name, f"is more than {read.columns.title('balance')}")


def _check_dates(
    read: Cells,
    statement: date | None,
    due: date,
    oldest: date | None,
    as_of: datetime,
    overdue: Money,
) -> None:
    if statement and statement > due:
        read.problem("statement_date", f"is after {read.columns.title('due_date')}")
    if oldest and oldest > due:
        read.problem("oldest_unpaid_due_date", f"is after {read.columns.title('due_date')}")
    if oldest and oldest > as_of.astimezone(values.LOCAL_TIME).date():
        read.problem("oldest_unpaid_due_date", f"is after {read.columns.title('balance_as_of')}")
    if overdue.minor and not oldest:
        read.problem(
            "oldest_unpaid_due_date", f"empty, but {read.columns.title('overdue')} is not zero"
        )


# --- the person ------------------------------------------------------------------------------


def _person(read: Cells, place: Jurisdiction) -> PersonRow | None:
    id_number = read.need("id_number", values.identifier)
    name = read.need("name", values.line, 50)
    sex = read.word("sex", _SEXES)
    locale = read.word("locale", _LOCALES | {"": _LOCALE[place]})
    if not (id_number and name and sex and locale):
        return None
    return PersonRow(id_number, name, sex, locale)


def _contacts(read: Cells, place: Jurisdiction, name: str) -> tuple[ContactRow, ...]:
    region = REGION[place]
    address = read.read("address", _lines)
    found = (
        (ContactKind.PHONE, read.read("phone", values.phone, region)),
        (ContactKind.EMAIL, read.read("email", normalize_email)),
        (ContactKind.ADDRESS, _address(read, name, address, region) if address else None),
    )
    contacts = []
    for kind, value in found:
        origin = read.word(f"{kind}_origin", ORIGINS)
        verified = read.read(f"{kind}_verified", values.yes)
        if value is not None and origin is not None:
            contacts.append(ContactRow(kind, value, origin, verified or False))
    return tuple(contacts)


def _lines(text: str) -> tuple[str, ...]:
    lines = tuple(stripped for part in text.splitlines() if (stripped := part.strip()))
    if len(lines) > 4:
        raise ValueError(f"at most 4 lines expected, found {len(lines)}")
    return tuple(values.line(part, 80) for part in lines)


def _address(read: Cells, name: str, lines: tuple[str, ...], region: str) -> Address:
    region = read.word("address_region", {"": region, "cn": "CN", "hk": "HK", "tw": "TW"}) or region
    postcode = read.read("postcode", _postcode, region) or ""
    return Address(recipient=name, lines=lines, postcode=postcode, region=region)


def _postcode(text: str, region: str) -> str:
    code = values.narrow(text)
    if region == "HK":
        if code in _NO_POSTCODE:
            return ""
        raise ValueError("Hong Kong has no postcodes: leave the cell empty")
    lengths = {"CN": (6,), "TW": (3, 6)}[region]
    if code.isascii() and code.isdigit() and len(code) in lengths:
        return code
    if region == "TW" and len(code) == 5:
        raise ValueError("the 3+2 codes were retired on 2024-01-01: 3 or 6 digits expected")
    raise ValueError(
        f"{' or '.join(map(str, lengths))} digits expected, found {len(code)} characters"
    )


# --- payments --------------------------------------------------------------------------------


def parse_payment(
    row: int, cells: Sequence[str], columns: Columns, terms: Terms
) -> PaymentRow | Problems:
    """Read one row of a payments file; a reversal's amount is positive too."""
    read = Cells(row, cells, columns)
    if read.problems:
        return tuple(read.problems)
    creditor, _ = _creditor(read, terms)
    ref = read.need("ref", values.identifier)
    account = read.need("account", values.identifier)
    currency = read.need("currency", values.currency)
    amount = read.need("amount", values.amount, currency or Currency.CNY)
    posted_at = read.need("posted_at", values.moment)
    kind = read.word("kind", _KINDS)
    reverses = read.read("reverses", values.identifier)
    if amount is not None and amount.minor == 0:
        read.problem("amount", "zero")
    if kind is PaymentKind.REVERSAL and not read.text("reverses"):
        read.problem("reverses", "empty: a reversal names the payment it undoes")
    if kind is PaymentKind.PAYMENT and reverses:
        read.problem("reverses", "only a reversal (冲正) names another payment")
    if read.problems or not (ref and account and amount and posted_at and kind):
        return tuple(read.problems)
    shift = timedelta(days=terms.shift_days)
    return PaymentRow(row, ref, creditor, account, amount, posted_at + shift, kind, reverses)
