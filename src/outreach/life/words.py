"""From a notice's facts to what a template may say; sealed names are opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import lru_cache
from operator import add, attrgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.window import local_time
from outreach.domain.account import days_past_due
from outreach.domain.contact import Address
from outreach.domain.debtor import Role, Sex
from outreach.domain.frozen import frozen
from outreach.domain.money import Currency, Money
from outreach.ledger import places
from outreach.ledger.keys import SealingKey
from outreach.life.kinds import Kind
from outreach.templating.context import (
    AccountWords,
    Context,
    DebtorWords,
    TotalWords,
)
from outreach.templating.words import salutation

_SUMS = tuple(field.name for field in fields(TotalWords))
_sums_of = attrgetter(*_SUMS)


@frozen
class Person:
    """A debtor's opened fields."""

    name: str
    sex: Sex
    id_number: str


def open_person(sealed: bytes, key: SealingKey, debtor_id: UUID) -> Person:
    fields = orjson.loads(key.open(sealed, places.debtor(debtor_id)))
    return Person(fields["name"], Sex(fields["sex"]), fields["id_number"])


def open_point(sealed: bytes, key: SealingKey, point_id: UUID) -> str | Address:
    """A phone in E.164, a mail address, or a postal address."""
    fields = orjson.loads(key.open(sealed, places.point(point_id)))
    if "value" in fields:
        value: str = fields["value"]
        return value
    return Address(
        fields["recipient"], tuple(fields["lines"]), fields["postcode"], fields["region"]
    )


def _account_words(account: Mapping[str, Any], currency: Currency, today: date) -> AccountWords:
    return AccountWords(
        product=account["product"],
        tail=account["tail"],
        due_date=date.fromisoformat(account["due"]),
        overdue_since=date.fromisoformat(account["oldest"] or account["due"]),
        statement_date=_date(account["statement"]),
        days_past_due=days_past_due(_date(account["oldest"]), today),
        **{name: Money(account[name], currency) for name in _SUMS},
    )


def _total_words(accounts: Sequence[AccountWords]) -> TotalWords:
    totals = _sums_of(accounts[0])
    for account in accounts[1:]:
        totals = tuple(map(add, totals, _sums_of(account)))
    return TotalWords(*totals)


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def local_day(now: datetime, zone: str) -> date:
    return local_time(now, zone).date()


@lru_cache(maxsize=256)  # a portfolio's balances are of one instant, or of a few
def _day_of(instant: str, zone: str) -> date:
    return local_day(datetime.fromisoformat(instant), zone)


def letter_number(today: date, number: int) -> str:
    """函件编号: the day and the notice's own number, unique in this institution."""
    return f"{today.year:04}{today.month:02}{today.day:02}-{number:08}"


def build_context(
    row: asyncpg.Record, kind: Kind, accounts: Sequence[Mapping[str, Any]], person: Person
) -> Context:
    """``accounts`` as the notice's facts hold them; raises ``ValueError`` if there are none."""
    words = tuple([_account_words(account, kind.currency, kind.today) for account in accounts])
    return Context(
        creditor=kind.creditor,
        debtor=DebtorWords(
            name=person.name,
            salutation=salutation(person.name, person.sex, kind.locale),
        ),
        accounts=words,
        totals=_total_words(words),
        as_of=min([_day_of(account["as_of"], row["zone"]) for account in accounts]),
        today=kind.today,
        due_date=min([each.due_date for each in words]),
        deadline=kind.deadline,
        number=letter_number(kind.today, row["number"]),
        code=kind.codes.mint(row["number"]) if kind.codes else None,
        guarantor=Role.GUARANTOR in [account["role"] for account in accounts],
        agency=_agency_of(accounts),
    )


def _agency_of(accounts: Sequence[Mapping[str, Any]]) -> str | None:
    """Who writes for the creditor: the gate lets through accounts of one writer only."""
    agency = accounts[0]["agency"]
    return agency["name"] if agency else None


def as_of(account: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(account["as_of"])
