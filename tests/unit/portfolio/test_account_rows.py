"""Rows into the words of the domain, and all the problems of a row at once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.contact import Address, ContactKind, Origin
from outreach.domain.debtor import Jurisdiction, Locale, Role, Sex
from outreach.domain.money import Currency, Money
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.mapping import ACCOUNTS, PAYMENTS
from outreach.portfolio.rows import (
    AccountRow,
    ContactRow,
    PaymentKind,
    PaymentRow,
    PersonRow,
    Problems,
    Terms,
    parse_account,
    parse_payment,
)

Facts = dict[str, str]


def parse(facts: Facts, terms: Terms) -> AccountRow | Problems:
    return parse_account(2, list(facts.values()), ACCOUNTS.bind(list(facts), "t.csv"), terms)


def sound(facts: Facts, terms: Terms) -> AccountRow:
    found = parse(facts, terms)
    assert isinstance(found, AccountRow), found
    return found


def problems(facts: Facts, terms: Terms) -> list[tuple[str, str]]:
    found = parse(facts, terms)
    assert isinstance(found, tuple), "the row was taken"
    assert {p.row for p in found} == {2}
    return [(p.column, p.reason) for p in found]


def test_a_sound_row(facts: Facts, terms: Terms) -> None:
    row = sound(facts, terms)
    assert (row.creditor_id, row.jurisdiction) == ("qinglan-bank", Jurisdiction.MAINLAND)
    assert (row.account_number, row.role) == ("9999123456780001", Role.PRIMARY)
    assert row.person == PersonRow("000000198001010010", "王样例", Sex.FEMALE, Locale.ZH_CN)
    home = Address("王样例", ("云岭省青岚市听泉路1号",), "000123", "CN")
    assert row.contacts == (
        ContactRow(ContactKind.PHONE, "+8614200000001", Origin.CONTRACT, True),
        ContactRow(ContactKind.EMAIL, "u1@songfeng.test", Origin.DEBTOR, False),
        ContactRow(ContactKind.ADDRESS, home, Origin.COURT, True),
    )
    debt = row.debt
    assert debt is not None
    assert debt.balance == Money(120000, Currency.CNY)
    assert debt.oldest_unpaid_due_date == debt.due_date == date(2026, 10, 14)
    assert debt.balance_as_of.isoformat() == "2026-11-23T02:00:00+08:00"
    assert (debt.core_dpd, debt.core_stage) == (40, "M2")


@given(shift=st.integers(-3000, 3000))
def test_a_shift_moves_every_date_and_nothing_else(shift: int) -> None:
    facts = {f.headers[0]: "" for f in ACCOUNTS.fields} | SHORT
    places = {"qinglan-bank": Jurisdiction.MAINLAND}
    here = sound(facts, Terms(places)).debt
    there = sound(facts, Terms(places, shift_days=shift)).debt
    assert here is not None
    assert there is not None
    for name in ("statement_date", "due_date", "oldest_unpaid_due_date", "balance_as_of"):
        assert getattr(there, name) - getattr(here, name) == timedelta(days=shift)
    assert (here.balance, here.core_dpd) == (there.balance, there.core_dpd)


SHORT = {
    "债权人": "qinglan-bank", "账号": "QL000001", "产品": "贷款", "币种": "CNY",
    "账单日": "2026-09-24",
    "到期还款日": "2026-10-14", "最早逾期到期日": "2026-10-14", "最低还款额": "1", "逾期金额": "1",
    "余额": "2", "本金": "2", "利息": "0", "违约金": "0", "费用": "0", "余额时点": "2026-11-23",
    "姓名": "王样例", "证件号": "0000001980",
}  # fmt: skip


def test_all_problems_come_at_once_and_none_quotes_the_cell(facts: Facts, terms: Terms) -> None:
    wrong = {
        "债权人": "qinglan",
        "账号": "1",
        "产品": "",
        "余额": "壹仟",
        "到期还款日": "2026-02-30",
        "姓名": "王\n样例",
        "性别": "雌",
        "手机": "1420000000",
        "邮箱": "a b@songfeng.test",
        "邮编": "12345",
    }
    found = problems(facts | wrong, terms)
    assert sorted(column for column, _ in found) == sorted(wrong)
    for column, reason in found:
        text = wrong[column]
        assert len(text) < 2 or column == "债权人" or text not in reason


def test_other_parties_carry_no_debt(facts: Facts, terms: Terms) -> None:
    for word, role in [
        ("保证人", Role.GUARANTOR),
        ("共同借款人", Role.JOINT),
        ("附属卡持卡人", Role.SUPPLEMENTARY),
    ]:
        row = sound(facts | {"角色": word, "余额": "", "产品": "", "币种": ""}, terms)
        assert (row.role, row.debt) == (role, None)


def test_a_contact_person_is_no_party(facts: Facts, terms: Terms) -> None:
    (problem,) = problems(facts | {"角色": "联系人"}, terms)
    assert problem[0] == "角色"


def test_defaults_come_from_the_creditors_place(facts: Facts, terms: Terms) -> None:
    facts |= {"语言": "", "地址地区": "", "邮编": "", "性别": ""}
    hong_kong = facts | {"债权人": "hk-harbour-bank", "币种": "HKD", "手机": "4312 3456"}
    row = sound(hong_kong, terms)
    assert (row.person.locale, row.person.sex) == (Locale.ZH_HK, Sex.UNKNOWN)
    assert row.contacts[0].value == "+85243123456"
    assert isinstance(row.contacts[2].value, Address)
    assert row.contacts[2].value.region == "HK"
    taiwan = sound(facts | {"债权人": "tw-qingyu-bank", "手机": "010 123 4567"}, terms)
    assert taiwan.person.locale is Locale.ZH_TW
    assert taiwan.contacts[0].value == "+886101234567"


def test_the_creditor_may_come_from_the_command(facts: Facts, terms: Terms) -> None:
    facts["债权人"] = ""
    assert problems(facts, terms) == [("债权人", "empty")]
    assert sound(facts, Terms(terms.places, "qinglan-bank")).creditor_id == "qinglan-bank"


def test_a_point_of_unnamed_origin_is_unknown_and_unverified(facts: Facts, terms: Terms) -> None:
    row = sound(facts | {"手机来源": "", "手机已核实": ""}, terms)
    assert (row.contacts[0].origin, row.contacts[0].verified) == (Origin.UNKNOWN, False)


def test_an_address_may_have_lines(facts: Facts, terms: Terms) -> None:
    facts |= {"地址": "云岭省青岚市\r\n听泉路1号\n", "邮编": ""}
    point = sound(facts, terms).contacts[2]
    assert isinstance(point.value, Address)
    assert point.value.lines == ("云岭省青岚市", "听泉路1号")
    assert problems(facts | {"地址": "一\n二\n三\n四\n五"}, terms)[0][0] == "地址"


@pytest.mark.parametrize(
    ("region", "code", "kept"),
    [
        ("CN", "００0123", "000123"),
        ("TW", "999", "999"),
        ("TW", "999001", "999001"),
        ("HK", "000000", ""),
    ],
)
def test_postcodes(facts: Facts, terms: Terms, region: str, code: str, kept: str) -> None:
    point = sound(facts | {"地址地区": region, "邮编": code}, terms).contacts[2]
    assert isinstance(point.value, Address)
    assert point.value.postcode == kept


def test_the_parts_make_the_balance(facts: Facts, terms: Terms) -> None:
    assert problems(facts | {"利息": "40.01"}, terms) == [
        ("余额", "is not the sum of 本金 + 利息 + 违约金 + 费用")
    ]
    assert problems(facts | {"逾期金额": "1200.01"}, terms) == [("逾期金额", "is more than 余额")]


def test_dates_stand_in_order(facts: Facts, terms: Terms) -> None:
    assert problems(facts | {"最早逾期到期日": ""}, terms) == [
        ("最早逾期到期日", "empty, but 逾期金额 is not zero")
    ]
    assert problems(
        facts | {"到期还款日": "2026-12-20", "最早逾期到期日": "2026-11-24"}, terms
    ) == [("最早逾期到期日", "is after 余额时点")]
    not_late = facts | {"最早逾期到期日": "", "逾期金额": "0", "到期还款日": "2026-11-30"}
    debt = sound(not_late, terms).debt
    assert debt is not None
    assert debt.oldest_unpaid_due_date is None


def test_ragged_rows(facts: Facts, terms: Terms) -> None:
    columns = ACCOUNTS.bind(list(facts), "t.csv")
    cells = list(facts.values())
    assert isinstance(parse_account(2, [*cells, "", " "], columns, terms), AccountRow)
    for wrong in (cells[:-1], [*cells, "x"]):
        found = parse_account(2, wrong, columns, terms)
        assert isinstance(found, tuple)
        assert [p.reason.partition(":")[0] for p in found] == [
            f"{len(wrong)} cells, the header has {len(cells)}"
        ]


PAYMENT = {
    "流水号": "PAY-0001", "债权人": "qinglan-bank", "账号": "9999 0001", "币种": "人民币",
    "金额": "100.00元", "入账时间": "2026/11/23 06:00", "类型": "", "原流水号": "",
}  # fmt: skip


def parse_paid(changes: Facts, terms: Terms) -> PaymentRow | Problems:
    facts = PAYMENT | changes
    return parse_payment(2, list(facts.values()), PAYMENTS.bind(list(facts), "t.csv"), terms)


def test_payments_and_reversals(terms: Terms) -> None:
    paid = parse_paid({}, Terms(terms.places, shift_days=1))
    assert isinstance(paid, PaymentRow)
    assert (paid.ref, paid.account_number, paid.kind) == (
        "PAY0001",
        "99990001",
        PaymentKind.PAYMENT,
    )
    assert paid.amount == Money(10000, Currency.CNY)
    assert paid.posted_at.isoformat() == "2026-11-24T06:00:00+08:00"
    undone = parse_paid({"类型": "冲正", "原流水号": "PAY-0001", "流水号": "PAY-0002"}, terms)
    assert isinstance(undone, PaymentRow)
    assert (undone.kind, undone.reverses) == (PaymentKind.REVERSAL, "PAY0001")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"金额": "0.00"}, RowProblem(2, "金额", "zero")),
        (
            {"类型": "冲正"},
            RowProblem(2, "原流水号", "empty: a reversal names the payment it undoes"),
        ),
        (
            {"原流水号": "PAY-0002"},
            RowProblem(2, "原流水号", "only a reversal (冲正) names another payment"),
        ),
    ],
)
def test_wrong_payments(terms: Terms, changes: Facts, problem: RowProblem) -> None:
    assert parse_paid(changes, terms) == (problem,)
