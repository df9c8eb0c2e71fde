"""A filter of accounts as SQL: every value a parameter, every field an expression of ours.

The expressions speak of ``a`` (an account), ``y`` (a person's part in it) and ``d`` (the person).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from outreach.db.debtors import USABLE
from outreach.domain.account import Bucket, StageTable
from outreach.domain.audience import (
    Condition,
    Either,
    Every,
    Filter,
    Holds,
    Not,
    Op,
    Today,
    Value,
    fields_of,
)
from outreach.domain.contact import KIND_FOR
from outreach.domain.debtor import Role
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.money import Currency

_UNITS = " ".join(f"when '{currency}' then {10**currency.decimals}" for currency in Currency)

_POINTS = f"from contact_points p where p.debtor_id = d.id and {USABLE}"

_LAST_RESPONSE = (
    "from responses r where r.debtor_id = d.id and r.withdrawn_at is null "
    "order by r.at desc, r.id desc limit 1"
)

_LAST_CONTACT = f"""select max(e.at) from contact_events e
    where e.debtor_id = d.id and e.kind = '{EventKind.SENDING}'"""


def _amount(column: str) -> str:
    return f"(a.{column}::numeric / case a.currency {_UNITS} end)"


def _day(instant: str) -> str:
    return f"(({instant}) at time zone d.zone)::date"


_FIELDS = {
    "creditor": "a.creditor_id",
    "agency": "a.agency_id",
    "product": "a.product",
    "currency": "a.currency",
    "jurisdiction": "d.jurisdiction",
    "locale": "d.locale",
    "role": "y.role",
    "overdue": _amount("overdue"),
    "minimum_payment": _amount("minimum_payment"),
    "balance": _amount("balance"),
    "due_date": "a.due_date",
    "statement_date": "a.statement_date",
    "last_contact": _day(_LAST_CONTACT),
    "last_response": _day(f"select r.at {_LAST_RESPONSE}"),
    "response": f"(select r.kind {_LAST_RESPONSE})",
}
_WORDS: dict[str, tuple[str, str, Mapping[Any, str]]] = {
    "region": (_POINTS, "p.region", {}),
    "reachable": (_POINTS, "p.kind", KIND_FOR),
    "tag": ("from tags t where t.debtor_id = d.id", "t.tag", {}),
}
"""Fields of any number of words: the rows they are in, each one's word, and how it stands there."""
_TYPES = {
    Holds.WORD: "text",
    Holds.WORDS: "text",
    Holds.NUMBER: "int",
    Holds.AMOUNT: "numeric",
    Holds.DAY: "date",
}
_SIGNS = {
    Op.IS: "= {0}",
    Op.IS_NOT: "<> {0}",
    Op.BELOW: "< {0}",
    Op.AT_MOST: "<= {0}",
    Op.ABOVE: "> {0}",
    Op.AT_LEAST: ">= {0}",
    Op.BETWEEN: "between {0} and {1}",
}


@frozen
class Where:
    """``sql`` is a condition, ``stage`` the rank of the account's stage (``StageTable.buckets``);
    ``args`` are the parameters of both, from ``$1`` on: a statement uses both.
    """

    sql: str
    stage: str
    args: tuple[Any, ...]


def where(
    asked: Filter,
    now: datetime,
    stages: StageTable,
    listed: Sequence[UUID] | UUID | None = None,
) -> Where:
    """Compile a filter: open accounts of those who owe them, unless it asks for other roles.

    ``listed``: only of these accounts, or of those that the campaign with this id has listed.
    """
    return _Compiler(now, stages).compile(asked, listed)


class _Compiler:
    def __init__(self, now: datetime, stages: StageTable) -> None:
        self._stages = stages
        self._args: list[object] = [now]
        self._today = _day("$1::timestamptz")
        self._dpd = f"greatest(0, coalesce({self._today} - a.oldest_unpaid_due_date, 0))"
        # how many stages begin at or before this day, without asking for the day at each
        begins = ", ".join(str(last + 1) for _, last in stages.last_days)
        self._stage = f"width_bucket({self._dpd}, array[{begins}])"

    def compile(self, asked: Filter, listed: Sequence[UUID] | UUID | None) -> Where:
        roles = [Role.PRIMARY, Role.JOINT]
        if "role" in fields_of(asked):
            roles.append(Role.GUARANTOR)
        owed = f"a.balance > 0 and y.role = any({self._bind(roles, 'text[]')})"
        within = f" and {self._listed(listed)}" if listed is not None else ""
        return Where(f"{owed}{within} and {self._any(asked)}", self._stage, tuple(self._args))

    def _listed(self, listed: Sequence[UUID] | UUID) -> str:
        if isinstance(listed, UUID):
            campaign = self._bind(listed, "uuid")
            return (
                f"a.id in (select account_id from campaign_accounts where campaign_id = {campaign})"
            )
        return f"a.id = any({self._bind(listed, 'uuid[]')})"

    def _any(self, asked: Filter) -> str:
        match asked:
            case Every(of):
                return "(" + (" and ".join(map(self._any, of)) or "true") + ")"
            case Either(of):
                return "(" + " or ".join(map(self._any, of)) + ")"
            case Not(of):
                return f"(not {self._any(of)})"
        return self._condition(asked)

    def _condition(self, asked: Condition) -> str:
        """A test of what is not known is false, never null."""
        if asked.field.holds is Holds.WORDS:
            return self._words(asked)
        found, holds, op = self._field(asked), asked.field.holds, asked.op
        if op in (Op.KNOWN, Op.UNKNOWN):
            return f"({found} is {'not null' if op is Op.KNOWN else 'null'})"
        values = [self._value(value, holds) for value in asked.values]
        if op in (Op.IN, Op.NOT_IN):
            return f"coalesce({found} {op} ({', '.join(values)}), false)"
        return f"coalesce({found} {_SIGNS[op].format(*values)}, false)"

    def _words(self, asked: Condition) -> str:
        """Whether there is such a word: a question the planner can ask of all people at once."""
        rows, word, stored = _WORDS[asked.field.name]
        if asked.op not in (Op.KNOWN, Op.UNKNOWN):
            words = [stored.get(value, value) for value in asked.values]
            rows = f"{rows} and {word} = any({self._bind(words, 'text[]')})"
        wanted = asked.op in (Op.KNOWN, Op.IS, Op.IN)
        return f"{'' if wanted else 'not '}exists (select {rows})"

    def _field(self, asked: Condition) -> str:
        if asked.field.holds is Holds.STAGE:
            return self._stage
        return self._dpd if asked.field.name == "dpd" else _FIELDS[asked.field.name]

    def _value(self, value: Value, holds: Holds) -> str:
        if isinstance(value, Today):
            return f"({self._today} + {self._bind(value.days, 'int')})"
        if holds is Holds.STAGE:
            return self._bind(self._stages.buckets.index(Bucket(str(value))), "int")
        return self._bind(value, _TYPES[holds])

    def _bind(self, value: object, of: str) -> str:
        self._args.append(value)
        return f"${len(self._args)}::{of}"
