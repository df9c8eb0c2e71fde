"""Invented contexts to try templates with: for ``template check``, ``preview``, tests and doctor.

Nobody here exists: fictional banks and agency, made-up names, numbers nobody has.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

from outreach.domain.contact import Address
from outreach.domain.debtor import Locale, Sex
from outreach.domain.money import Currency, Money
from outreach.domain.notice import Purpose
from outreach.templating.context import (
    AccountWords,
    Context,
    CreditorWords,
    DebtorWords,
    TotalWords,
)
from outreach.templating.words import masked_name, salutation

TODAY = date(2026, 11, 23)

_CREDITORS = {
    Locale.ZH_CN: CreditorWords(
        name="示例银行股份有限公司",
        signature="示例银行",
        hotline="400-000-0000",
        complaint_line="400-000-0001",
        app="示例银行APP",
        payee_name="示例银行股份有限公司",
        payee_bank="示例银行总行营业部",
        payee_account="0000 0000 0000 0000 123",
        address="上海市浦东新区示例路1号示例大厦",
        department="信用卡中心",
        check_at="示例银行APP“消息验真”页",
    ),
    Locale.ZH_HK: CreditorWords(
        name="範例銀行有限公司",
        signature="範例銀行",
        hotline="2000 0000",
        complaint_line="2000 0001",
        app="範例銀行流動理財",
        payee_name="範例銀行有限公司",
        payee_bank="範例銀行總行",
        payee_account="000-000000-001",
        address="香港中環範例街1號",
        department="信用卡部",
        check_at="範例銀行網站「核實訊息」頁",
    ),
    Locale.ZH_TW: CreditorWords(
        name="範例商業銀行股份有限公司",
        signature="範例銀行",
        hotline="(02)0000-0000",
        complaint_line="(02)0000-0001",
        app="範例行動銀行",
        payee_name="範例商業銀行股份有限公司",
        payee_bank="範例商業銀行營業部",
        payee_account="000-00-000000-1",
        address="臺北市中正區範例路1號",
        department="信用卡部",
        check_at="範例行動銀行「訊息查證」頁",
    ),
}
_AGENCIES = {
    Locale.ZH_CN: "示例信用管理有限公司",
    Locale.ZH_HK: "範例資產管理有限公司",
    Locale.ZH_TW: "範例資產管理公司",
}
_CURRENCIES = {
    Locale.ZH_CN: Currency.CNY,
    Locale.ZH_HK: Currency.HKD,
    Locale.ZH_TW: Currency.TWD,
}
_PRODUCTS = {
    Locale.ZH_CN: ("信用卡", "个人消费贷款"),
    Locale.ZH_HK: ("信用卡", "私人貸款"),
    Locale.ZH_TW: ("信用卡", "個人信用貸款"),
}
_NAMES = {
    Locale.ZH_CN: ("张小明", "欧阳小锋", "买买提·艾力", "李思雨"),
    Locale.ZH_HK: ("陳大文", "歐陽小鋒", "CHAN Tai Man", "李思雨"),
    Locale.ZH_TW: ("王小明", "歐陽小鋒", "瓦歷斯·諾幹", "李思雨"),
}


def samples(purpose: Purpose, locale: Locale) -> dict[str, Context]:
    """Contexts by name, each as ``purpose`` would meet it: a reminder before the due date, a
    settlement with nothing left to pay.
    """
    plain, compound, foreign, other = _NAMES[locale]
    one = _context(purpose, locale, plain, Sex.MALE, _accounts(purpose, locale, 1, 1_234_567))
    several = _accounts(purpose, locale, 3, 845_005)
    large = _accounts(purpose, locale, 1, 123_456_789_012)
    return {
        "one account": one,
        "several accounts": _context(purpose, locale, other, Sex.FEMALE, several),
        "twelve accounts": _context(
            purpose, locale, plain, Sex.MALE, _accounts(purpose, locale, 12, 1_680_032)
        ),
        "large amounts": _context(purpose, locale, plain, Sex.MALE, large),
        "compound surname": _context(purpose, locale, compound, Sex.FEMALE, one.accounts),
        "no surname": _context(purpose, locale, foreign, Sex.UNKNOWN, one.accounts),
        "guarantor": replace(
            _context(purpose, locale, other, Sex.FEMALE, one.accounts),
            guarantor=True,
            borrower=masked_name(plain, locale),
        ),
        "agency": replace(one, agency=_AGENCIES[locale]),
    }


def sample_address(context: Context) -> Address:
    """Where a sample letter goes."""
    return Address(
        recipient=context.debtor.name,
        lines=("上海市浦东新区示例镇样张路100弄", "2号楼301室"),
        postcode="200000",
        region="CN",
    )


def _accounts(
    purpose: Purpose, locale: Locale, count: int, balance: int
) -> tuple[AccountWords, ...]:
    currency = _CURRENCIES[locale]
    made = []
    for index in range(count):
        whole = 0 if purpose is Purpose.SETTLEMENT_RECEIPT else balance + 10_007 * index
        late = 0 if purpose is Purpose.PAYMENT_REMINDER or not whole else 68 - 5 * index
        due = TODAY - timedelta(late) if late else TODAY + timedelta(12 + index)
        penalty, fees, interest = whole // 40, whole // 200, whole // 25
        made.append(
            AccountWords(
                product=_PRODUCTS[locale][index % 2],
                tail=f"{(1234 + 1111 * index) % 10_000:04d}",
                due_date=due,
                overdue_since=due,
                statement_date=due - timedelta(20) if index % 2 == 0 else None,
                days_past_due=late,
                minimum_payment=Money(whole // 10, currency),
                overdue=Money(whole * 3 // 10 if late else 0, currency),
                balance=Money(whole, currency),
                principal=Money(whole - interest - penalty - fees, currency),
                interest=Money(interest, currency),
                penalty=Money(penalty, currency),
                fees=Money(fees, currency),
            )
        )
    return tuple(made)


def _context(
    purpose: Purpose, locale: Locale, name: str, sex: Sex, accounts: tuple[AccountWords, ...]
) -> Context:
    return Context(
        creditor=_CREDITORS[locale],
        debtor=DebtorWords(
            name=name,
            salutation=salutation(name, sex, locale),
        ),
        accounts=accounts,
        totals=_totals(accounts),
        as_of=TODAY,
        today=TODAY,
        due_date=min(account.due_date for account in accounts),
        deadline=TODAY + timedelta(10),
        code="K7Q2M9XH",
        number=f"CS-{TODAY:%Y%m%d}-{list(Purpose).index(purpose):06d}",
        guarantor=False,
        agency=None,
    )


def _totals(accounts: tuple[AccountWords, ...]) -> TotalWords:
    def total(field: str) -> Money:
        amounts: Iterator[Money] = (getattr(account, field) for account in accounts)
        return reduce(add, amounts)

    return TotalWords(**{field.name: total(field.name) for field in fields(TotalWords)})
