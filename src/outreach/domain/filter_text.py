"""A filter as people write it: a small grammar with no way out of it, and one spelling to keep.

::

    bucket in (M1, M2) and overdue >= 500 and not tag = 慎重
    product = 信用卡 and (last_contact < today - 7d or last_contact is unknown)
    阶段属于（M1，M2）且逾期金额≥500且最近触达早于今天-7天

Fields, comparisons and joining words have Chinese names beside the English ones, with or without
blanks between them; full-width signs are the same as ASCII. A value that holds a blank or a joining
word is quoted.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType

from outreach.domain.audience import (
    BY_NAME,
    FIELDS,
    ORDERED,
    Condition,
    Either,
    Every,
    Field,
    Filter,
    Holds,
    Not,
    Op,
    Today,
    Value,
)
from outreach.domain.errors import InvalidInput
from outreach.domain.frozen import frozen

LONGEST, DEEPEST, MOST = 4000, 20, 200
"""Characters of a filter, as written and as kept; its brackets within brackets; its values."""
FARTHEST, LARGEST = 36_500, 10**9
"""Days from today; what a whole number stays below."""


class FilterError(InvalidInput):
    """A filter that cannot be read; the message shows the place. ``at`` counts from 0."""

    def __init__(self, text: str, at: int, says: str, remedy: str = "") -> None:
        line_start = text.rfind("\n", 0, at) + 1
        line = text[line_start:].split("\n", 1)[0]
        before = text[line_start:at]
        pad = "".join("\u3000" if _is_wide(char) else " " for char in before)
        place = f"character {at + 1}"
        super().__init__(f"filter, {place}: {says}\n    {line}\n    {pad}^", remedy)
        self.at = at


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


_WIDE_SIGNS = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {
    ord(wide): ord(sign) for wide, sign in zip("\u3000、“”≤≥≠", ' ,""≤≥≠', strict=True)
}
_PLAIN = r"(?:(?![且或]|并且)[\w+.-])+"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
      | (?P<today>(?:today|今天|今日)
            (?:\s*(?P<way>[+-])\s*(?P<span>\d{{1,5}})\s*(?P<unit>days?|d|天|日|weeks?|w|周))?
            (?![\dA-Za-z_]))
      | (?P<day>\d{{4}}-\d{{1,2}}-\d{{1,2}}(?![\dA-Za-z_.-]))
      | (?P<number>-?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?![\dA-Za-z_.+-]))
      | (?P<sign><=|>=|!=|<>|==|[=<>≤≥≠(),])
      | (?P<word>并且|且|或者?|{_PLAIN})
      | (?P<end>$)
    )""",
    re.VERBOSE | re.IGNORECASE,
)

_SIGNS = {
    "=": Op.IS,
    "==": Op.IS,
    "!=": Op.IS_NOT,
    "<>": Op.IS_NOT,
    "≠": Op.IS_NOT,
    "<": Op.BELOW,
    "<=": Op.AT_MOST,
    "≤": Op.AT_MOST,
    ">": Op.ABOVE,
    ">=": Op.AT_LEAST,
    "≥": Op.AT_LEAST,
}
_COMPARISONS = {
    "in": Op.IN,
    "属于": Op.IN,
    "不属于": Op.NOT_IN,
    "between": Op.BETWEEN,
    "介于": Op.BETWEEN,
    "before": Op.BELOW,
    "早于": Op.BELOW,
    "低于": Op.BELOW,
    "after": Op.ABOVE,
    "晚于": Op.ABOVE,
    "高于": Op.ABOVE,
    "是": Op.IS,
    "等于": Op.IS,
    "不是": Op.IS_NOT,
    "不等于": Op.IS_NOT,
    "已知": Op.KNOWN,
    "未知": Op.UNKNOWN,
}
_AND = frozenset({"and", "且", "并且"})
_OR = frozenset({"or", "或", "或者"})
_NOT = frozenset({"not", "非"})
_UP_TO = frozenset({"至", "到"})
_RESERVED = _AND | _OR | _NOT | _COMPARISONS.keys() | {"is", "known", "unknown"}

_STARTS = sorted(
    (word for word in {*BY_NAME, *_COMPARISONS, *_NOT, *_UP_TO} if not word.isascii()),
    key=len,
    reverse=True,
)
"""What may begin a Chinese word that is written without blanks, the longest first."""


@frozen
class _Token:
    kind: str
    text: str
    at: int
    value: Value | None = None


def parse(text: str) -> Filter:
    """Read a filter, whose kept spelling will be read as well; raises ``FilterError``."""
    if len(text) > LONGEST:
        raise FilterError(text[:80], 0, f"longer than {LONGEST} characters", "use a file instead")
    found = _Reader(text).read()
    if len(spell(found)) > LONGEST:
        raise FilterError(text[:80], 0, f"longer than {LONGEST} characters when spelt out")
    return found


def spell(asked: Filter) -> str:
    """The one spelling in which a filter is kept, shown and approved."""
    match asked:
        case Every(of):
            return " and ".join(_bracketed(each, Either) for each in of)
        case Either(of):
            return " or ".join(map(spell, of))
        case Not(of):
            return f"not {_bracketed(of, Every | Either)}"
    name, op, values = asked.field.name, asked.op, [*map(_spelt, asked.values)]
    match op:
        case Op.KNOWN | Op.UNKNOWN:
            return f"{name} {op}"
        case Op.IN | Op.NOT_IN:
            return f"{name} {op} ({', '.join(values)})"
    return f"{name} {op} {' and '.join(values)}"


def _bracketed(asked: Filter, kinds: type | UnionType) -> str:
    return f"({spell(asked)})" if isinstance(asked, kinds) else spell(asked)


def _spelt(value: Value) -> str:
    match value:
        case str():
            token = _TOKEN.match(value.translate(_WIDE_SIGNS))
            plain = token and token["word"] == value and value.lower() not in _RESERVED
            return value if plain else '"' + re.sub('(["“”])', r"\1\1", value) + '"'
        case Today(days):
            return f"today {'-' if days < 0 else '+'} {abs(days)}d" if days else "today"
        case Decimal():
            return f"{value:f}"
    return str(value)


class _Reader:
    """Recursive descent; one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.translate(_WIDE_SIGNS)
        self._values = self._depth = 0
        self._value_next = False
        self._next = self._scan(0)

    def read(self) -> Filter:
        if self._next.kind == "end":
            raise self._wrong("the filter is empty", self._next, "say whom to write to: dpd > 0")
        found = self._any()
        if self._next.kind != "end":
            raise self._wrong(
                f"{self._next.text!r} follows a complete test", self._next, "join tests by and, or"
            )
        return found

    def _any(self) -> Filter:
        found = [self._all()]
        while self._is_word(_OR):
            self._take()
            found.append(self._all())
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _all(self) -> Filter:
        found = [self._one()]
        while self._is_word(_AND):
            self._take()
            found.append(self._one())
        return found[0] if len(found) == 1 else Every(tuple(found))

    def _one(self) -> Filter:
        token = self._next
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} brackets within brackets", token)
        try:
            if self._is_word(_NOT):
                self._take()
                return Not(self._one())
            if token.text != "(" or token.kind != "sign":
                return self._test()
            self._take()
            found = self._any()
            if self._next.text != ")":
                raise self._wrong("the bracket is not closed", token, "add )")
            self._take()
            return found
        finally:
            self._depth -= 1

    def _test(self) -> Condition:
        token = self._take()
        field = BY_NAME.get(token.text.lower()) if token.kind == "word" else None
        if field is None:
            raise self._no_field(token)
        op, place = self._comparison(field)
        if op in (Op.KNOWN, Op.UNKNOWN):
            return Condition(field, op)
        if op in ORDERED and field.holds in (Holds.WORD, Holds.WORDS):
            raise self._wrong(
                f"{field.name} holds {field.holds.value}: it has no order", place, "use = != in"
            )
        if op in (Op.IN, Op.NOT_IN):
            return Condition(field, op, self._list(field))
        first = self._value(field)
        if op is not Op.BETWEEN:
            return Condition(field, op, (first,))
        if not self._is_word(_AND | _UP_TO):
            raise self._wrong("between takes two values", self._next, "between 1 and 30")
        self._take()
        return Condition(field, op, (first, self._value(field)))

    def _comparison(self, field: Field) -> tuple[Op, _Token]:
        token = self._take()
        word = token.text.lower()
        if token.kind == "sign" and word in _SIGNS:
            return _SIGNS[word], token
        if word == "is":
            negated = self._is_word(_NOT)
            if negated:
                self._take()
            what = self._take()
            if what.text.lower() not in ("known", "unknown"):
                raise self._wrong("is asks known or unknown", what, "for a value use =")
            return (Op.KNOWN if (what.text.lower() == "known") != negated else Op.UNKNOWN), token
        if word in _NOT and self._next.text.lower() == "in":
            self._take()
            return Op.NOT_IN, token
        if token.kind == "word" and word in _COMPARISONS:
            return _COMPARISONS[word], token
        raise self._wrong(
            f"what is asked of {field.name}?", token, "one of = != < <= > >= in between, is known"
        )

    def _list(self, field: Field) -> tuple[Value, ...]:
        opening = self._take()
        if opening.text != "(":
            raise self._wrong("in takes a list in brackets", opening, "in (M1, M2)")
        found = [self._value(field)]
        while self._next.text == ",":
            self._take()
            found.append(self._value(field))
        if self._next.text != ")":
            raise self._wrong("the list is not closed", self._next, "add )")
        self._take()
        return tuple(found)

    def _value(self, field: Field) -> Value:
        token = self._take()
        self._values += 1
        if self._values > MOST:
            raise self._wrong(f"more than {MOST} values", token, "use a file instead")
        value = _READERS[field.holds](token, field)
        if value is None:
            expected = field.holds.value
            remedy = f"one of {', '.join(field.words)}" if field.words else _EXAMPLES[field.holds]
            raise self._wrong(f"{field.name} is compared with {expected}", token, remedy)
        return value

    def _is_word(self, words: frozenset[str]) -> bool:
        return self._next.kind == "word" and self._next.text.lower() in words

    def _take(self) -> _Token:
        token = self._next
        if token.text != "(":
            words = token.kind == "word" and token.text.lower() in _COMPARISONS
            self._value_next = words or (token.kind == "sign" and token.text != ")")
        if token.kind != "end":
            self._next = self._scan(token.at + len(token.text))
        return token

    def _scan(self, start: int) -> _Token:
        match = _TOKEN.match(self._plain, start)
        if match is None:
            at = start + len(self._plain[start:]) - len(self._plain[start:].lstrip())
            sign = self._text[at]
            opened = sign in "\"'“”"
            says = "the quotation mark is not closed" if opened else f"{sign!r} means nothing here"
            raise FilterError(self._text, at, says)
        kind = str(match.lastgroup)
        if match["today"]:
            kind = "today"
        at, end = match.span(kind)
        text = self._plain[at:end]
        if kind == "word" and not self._value_next and text not in BY_NAME:
            text = next((start for start in _STARTS if text.startswith(start)), text)
        return _Token(kind, text, at, self._valued(match, kind, at))

    def _valued(self, match: re.Match[str], kind: str, at: int) -> Value | None:
        match kind:
            case "text":  # as it was written: signs in it are its own
                text = self._text[at + 1 : match.end(kind) - 1]
                if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
                    raise FilterError(self._text, at, "the text holds a control character")
                marks = "'" if match["text"][0] == "'" else '["“”]'
                return re.sub(f"({marks})\\1", r"\1", text)
            case "today":
                weeks = (match["unit"] or "").lower() in ("w", "week", "weeks", "周")
                days = int(match["span"] or 0) * (7 if weeks else 1)
                if days > FARTHEST:
                    raise FilterError(self._text, at, f"more than {FARTHEST} days from today")
                return Today(-days if match["way"] == "-" else days)
            case "number":
                return Decimal(match["number"].replace(",", ""))
            case "day":
                year, month, day = map(int, match["day"].split("-"))
                try:
                    return date(year, month, day)
                except ValueError:
                    raise FilterError(self._text, at, "the calendar has no such day") from None
        return None

    def _no_field(self, token: _Token) -> FilterError:
        if token.kind == "end":
            return self._wrong("a test is missing", token)
        near = get_close_matches(token.text.lower(), BY_NAME, n=2, cutoff=0.6)
        names = ", ".join(field.name for field in FIELDS)
        remedy = f"did you mean {' or '.join(near)}?" if near else f"fields: {names}"
        return self._wrong(f"there is no field {token.text!r}", token, remedy)

    def _wrong(self, says: str, token: _Token, remedy: str = "") -> FilterError:
        return FilterError(self._text, token.at, says, remedy)


def _word(token: _Token, field: Field) -> Value | None:
    """A word, a quoted text, or a number taken as a word; in the spelling of the field's own."""
    text = token.value if isinstance(token.value, str) else token.text
    if token.kind not in ("word", "text", "number") or (
        token.kind == "word" and text.lower() in _RESERVED
    ):
        return None
    if not field.words:
        return text
    return next((word for word in field.words if word.lower() == text.lower()), None)


def _amount(token: _Token, _: Field) -> Value | None:
    return token.value if isinstance(token.value, Decimal) else None


def _number(token: _Token, _: Field) -> Value | None:
    amount = token.value
    whole = isinstance(amount, Decimal) and amount == int(amount) and abs(amount) < LARGEST
    return int(amount) if isinstance(amount, Decimal) and whole else None


def _day(token: _Token, _: Field) -> Value | None:
    return token.value if isinstance(token.value, date | Today) else None


_READERS: dict[Holds, Callable[[_Token, Field], Value | None]] = {
    Holds.WORD: _word,
    Holds.WORDS: _word,
    Holds.STAGE: _word,
    Holds.NUMBER: _number,
    Holds.AMOUNT: _amount,
    Holds.DAY: _day,
}
_EXAMPLES = {
    Holds.WORD: "a word, in quotation marks if it has blanks",
    Holds.WORDS: "a word, in quotation marks if it has blanks",
    Holds.STAGE: "",
    Holds.NUMBER: "such as 30",
    Holds.AMOUNT: "such as 1,234.50",
    Holds.DAY: "such as 2026-11-01, today or today - 7d",
}
