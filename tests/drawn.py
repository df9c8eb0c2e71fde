"""Filters of accounts as Hypothesis draws them."""

from datetime import date

from hypothesis import strategies as st

from outreach.domain.audience import (
    FIELDS,
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

_VALUES: dict[Holds, st.SearchStrategy[Value]] = {
    Holds.WORD: st.text(st.characters(categories=["L", "N", "Zs", "P"]), min_size=1, max_size=8),
    Holds.NUMBER: st.integers(-999, 9999),
    Holds.AMOUNT: st.decimals(-999, 10**9, places=2),
    Holds.DAY: st.one_of(
        st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.builds(Today, st.integers(-999, 999))
    ),
}
_ORDERS = [Op.BELOW, Op.AT_MOST, Op.ABOVE, Op.AT_LEAST, Op.BETWEEN]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    about = draw(st.sampled_from(FIELDS))
    ops = [Op.IS, Op.IS_NOT, Op.IN, Op.NOT_IN, Op.KNOWN, Op.UNKNOWN]
    if about.holds not in (Holds.WORD, Holds.WORDS):
        ops += _ORDERS
    op = draw(st.sampled_from(ops))
    if op in (Op.KNOWN, Op.UNKNOWN):
        return Condition(about, op)
    values = (
        st.sampled_from(about.words)
        if about.words
        else _VALUES.get(about.holds, _VALUES[Holds.WORD])
    )
    least, most = {Op.IN: (1, 4), Op.NOT_IN: (1, 4), Op.BETWEEN: (2, 2)}.get(op, (1, 1))
    return Condition(about, op, tuple(draw(st.lists(values, min_size=least, max_size=most))))


def _joined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        several.map(Every),
        several.map(Either),
        inner.map(Not),
    )


FILTERS = st.recursive(conditions(), _joined, max_leaves=8)
