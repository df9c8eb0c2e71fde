"""What a filter means, told plainly: what the database must agree with."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from outreach.domain.account import Bucket
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
)

_STAGES: tuple[str, ...] = tuple(Bucket)


def holds(asked: Filter, facts: Mapping[str, Any], today: date) -> bool:
    """Whether an account's facts, by field name, meet the filter; absent and None: not known.

    A word is ``str``, some words a set of them, an amount ``Decimal``, a day ``date``.
    """
    match asked:
        case Every(of):
            return all(holds(each, facts, today) for each in of)
        case Either(of):
            return any(holds(each, facts, today) for each in of)
        case Not(of):
            return not holds(of, facts, today)
    return _met(asked, facts.get(asked.field.name), today)


def _met(condition: Condition, found: Any, today: date) -> bool:
    if condition.op in (Op.KNOWN, Op.UNKNOWN):
        return (found is None or found == frozenset()) == (condition.op is Op.UNKNOWN)
    if found is None:
        return False
    if isinstance(found, frozenset):
        met = any(value in found for value in condition.values)
        return met == (condition.op in (Op.IS, Op.IN))
    values = [_resolved(value, today) for value in condition.values]
    if condition.field.holds is Holds.STAGE:
        found, values = _STAGES.index(found), [_STAGES.index(value) for value in values]
    return _MEANS[condition.op](found, values)


_MEANS: dict[Op, Callable[[Any, list[Any]], bool]] = {
    Op.IS: lambda found, values: found in values,
    Op.IN: lambda found, values: found in values,
    Op.IS_NOT: lambda found, values: found not in values,
    Op.NOT_IN: lambda found, values: found not in values,
    Op.BELOW: lambda found, values: found < values[0],
    Op.AT_MOST: lambda found, values: found <= values[0],
    Op.ABOVE: lambda found, values: found > values[0],
    Op.AT_LEAST: lambda found, values: found >= values[0],
    Op.BETWEEN: lambda found, values: values[0] <= found <= values[1],
}


def _resolved(value: Value, today: date) -> Any:
    """A value with ``today`` put in its place."""
    return today + timedelta(days=value.days) if isinstance(value, Today) else value
