"""Whom a campaign writes to: a filter over accounts, as fields, conditions and how they join.

A filter speaks of one account and of the debtor who is written to about it. A test of something
that is not known does not hold, and its ``not`` does: nobody is left out, or let in, by a third
truth. ``filter_text`` is how people write it.
"""

from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum

from outreach.domain.account import Bucket
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Locale, Role
from outreach.domain.frozen import frozen
from outreach.domain.money import Currency
from outreach.domain.response import ResponseKind

# ------------------------------------------------------------------------------------- fields


class Holds(Enum):
    """What a field holds, and so what may be asked of it."""

    WORD = "a word"
    WORDS = "some words"  # ``=`` asks whether it is among them
    NUMBER = "a whole number"
    AMOUNT = "an amount"  # in units of the account's currency
    DAY = "a day"
    STAGE = "a stage"


@frozen
class Field:
    """``words`` are all it can hold, where that is known."""

    name: str
    chinese: str
    holds: Holds
    words: tuple[str, ...] = ()


FIELDS = (
    Field("creditor", "债权人", Holds.WORD),
    Field("agency", "委外机构", Holds.WORD),
    Field("product", "产品", Holds.WORD),
    Field("currency", "币种", Holds.WORD, tuple(Currency)),
    Field("jurisdiction", "辖区", Holds.WORD, tuple(Jurisdiction)),
    Field("locale", "语言", Holds.WORD, tuple(Locale)),
    # a supplementary cardholder is never dunned
    Field("role", "角色", Holds.WORD, (Role.PRIMARY, Role.JOINT, Role.GUARANTOR)),
    Field("region", "地区", Holds.WORDS),  # ISO countries of the debtor's contact points
    Field("reachable", "可触达", Holds.WORDS, tuple(Channel)),
    Field("tag", "标签", Holds.WORDS),
    Field("bucket", "阶段", Holds.STAGE, tuple(Bucket)),
    Field("dpd", "逾期天数", Holds.NUMBER),
    Field("overdue", "逾期金额", Holds.AMOUNT),
    Field("minimum_payment", "最低还款额", Holds.AMOUNT),
    Field("balance", "余额", Holds.AMOUNT),
    Field("due_date", "到期还款日", Holds.DAY),
    Field("statement_date", "账单日", Holds.DAY),
    Field("last_contact", "最近触达", Holds.DAY),
    Field("last_response", "最近回应", Holds.DAY),
    Field("response", "回应", Holds.WORD, tuple(ResponseKind)),  # of the last one
)
BY_NAME = {name: field for field in FIELDS for name in (field.name, field.chinese)}


# ------------------------------------------------------------------------------------ filters


class Op(StrEnum):
    IS = "="
    IS_NOT = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    BETWEEN = "between"  # both ends included
    KNOWN = "is known"
    UNKNOWN = "is unknown"


ORDERED = frozenset({Op.BELOW, Op.AT_MOST, Op.ABOVE, Op.AT_LEAST, Op.BETWEEN})


@frozen
class Today:
    """The day a filter is asked on, and so many days later."""

    days: int = 0


Value = str | int | Decimal | date | Today


@frozen
class Condition:
    field: Field
    op: Op
    values: tuple[Value, ...] = ()


@frozen
class Every:
    of: "tuple[Filter, ...]"


@frozen
class Either:
    of: "tuple[Filter, ...]"


@frozen
class Not:
    of: "Filter"


def fields_of(asked: "Filter") -> frozenset[str]:
    """The names of the fields it asks about."""
    match asked:
        case Every(of) | Either(of):
            return frozenset().union(*map(fields_of, of))
        case Not(of):
            return fields_of(of)
    return frozenset({asked.field.name})


Filter = Condition | Every | Either | Not
