"""The language the word list is written in (explained at the head of ``wording.toml``).

A phrase becomes a regular expression on normal text (``normal.py``) and its keys: characters or
pairs of neighbours one of which every match holds. A text without them need not be asked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from outreach.compliance.normal import ENDS, spellings

# what lawful notices are full of; for speed only
USUAL = frozenset(
    "日行女生银小的人保受委已款提您至通客信查理用公知司可户管账件低最正停到卡收我请还透上中复要限出向法示额不个任"
    "依函好将息留欠计发口号天对张会求资他付其申登为以们务告在安排产结身利式影征报新次码费债即名子责偿入同响心民系统财"
    "追作仅意机消编联讯贷一借催关办加单后国外履律所案涉特监终续道除领录总私亲先有本方如未再联电话金融及之时内月年"
)
SLIP = f"[{ENDS}]?"  # an end slipped in between two characters hides nothing
FEW = 3  # ways of a group that are tried faster than looked ahead for
SHORT, LONG = (f"[^{ENDS}]{{0,{size}}}?" for size in (6, 14))


class BadPhrase(ValueError):
    """Not of the language; says why."""


@cache
def compiled(regex: str) -> re.Pattern[str]:
    """Compiled when it is first asked for: all of them take more than a second, and a command or a
    lawful message asks for few.
    """
    return re.compile(regex)


@dataclass(frozen=True, slots=True)
class Phrase:
    name: str  # as a person reads it
    regex: str
    keys: frozenset[str]
    needs: tuple[frozenset[str], ...]  # more of the kind: every match holds one of each

    def may_match(self, met: set[str]) -> bool:
        """Whether a text of these characters and pairs of neighbours may hold the phrase."""
        return not any(map(met.isdisjoint, self.needs))


@dataclass(frozen=True, slots=True)
class _Char:
    """One character of several; ``not_one`` of them where it is so written."""

    chars: frozenset[str]
    not_one: bool = False


@dataclass(frozen=True, slots=True)
class _Gap:
    pattern: str


@dataclass(frozen=True, slots=True)
class _Group:
    ways: tuple["_Sequence", ...]


@dataclass(frozen=True, slots=True)
class _Maybe:
    part: "_Char | _Group"


_Part = _Char | _Gap | _Group | _Maybe
_Sequence = tuple[_Part, ...]
_TOKENS = re.compile(r"~~?|\[\^?[^\]]+\]|[(|)?]|\w")


def phrases(
    text: str, words: Mapping[str, Sequence[str]], fold: Mapping[int, int]
) -> Iterator[Phrase]:
    """A line of the list: one phrase, or one for each order of what ``&`` joins.

    Raises ``BadPhrase``.
    """
    sides = [side.strip() for side in text.split("&")]
    orders = [sides] if len(sides) == 1 else [sides, sides[::-1]]
    for order in orders:
        parts = _parse(_expanded("~~".join(order), words).translate(fold))
        needs = sorted(_needs(parts), key=_usual)
        if not needs:
            raise BadPhrase(f"{text!r} holds no character that must be there")
        if isinstance(parts[0], _Gap) or isinstance(parts[-1], _Gap):
            raise BadPhrase(f"{text!r} begins or ends with a gap")
        yield Phrase(_shown(text), _regex(parts), needs[0], tuple(needs[1:]))


def guards(
    texts: Sequence[str], words: Mapping[str, Sequence[str]], fold: Mapping[int, int]
) -> str:
    """One expression for what a phrase does not count beside; ``&`` joins what must all be there.

    Empty where there are none. Raises ``BadPhrase``.
    """
    ways = []
    for text in texts:
        sides = [
            _regex(_parse(_expanded(side.strip(), words).translate(fold)))
            for side in text.split("&")
        ]
        ways.append("".join(f"(?=.*{side})" for side in sides) if len(sides) > 1 else sides[0])
    return "|".join(ways)


def _expanded(text: str, words: Mapping[str, Sequence[str]]) -> str:
    def word(name: re.Match[str]) -> str:
        if name[1] not in words:
            raise BadPhrase(f"{text!r} names no list of [words]: {name[1]}")
        return f"({'|'.join(_expanded(each, words) for each in words[name[1]])})"

    return re.sub(r"<([^<>]+)>", word, text)


def _parse(text: str) -> _Sequence:
    tokens = _TOKENS.findall(text)
    if "".join(tokens) != text:
        raise BadPhrase(f"{text!r} holds a sign that means nothing here")
    parts, rest = _sequence(tokens, 0, text)
    if rest != len(tokens):
        raise BadPhrase(f"{text!r} closes what it did not open")
    return parts


def _sequence(tokens: Sequence[str], at: int, text: str) -> tuple[_Sequence, int]:
    parts: list[_Part] = []
    while at < len(tokens) and (token := tokens[at]) not in "|)":
        at += 1
        if token == "?":
            if not parts or not isinstance(parts[-1], _Char | _Group):
                raise BadPhrase(f"{text!r} has a ? after nothing")
            parts[-1] = _Maybe(parts[-1])
        elif token == "(":
            group, at = _group(tokens, at, text)
            parts.append(group)
        else:
            parts.append(_single(token))
    if not parts:
        raise BadPhrase(f"{text!r} is empty somewhere")
    return tuple(parts), at


def _group(tokens: Sequence[str], at: int, text: str) -> tuple[_Group, int]:
    ways: list[_Sequence] = []
    while True:
        way, at = _sequence(tokens, at, text)
        ways.append(way)
        if at == len(tokens):
            raise BadPhrase(f"{text!r} does not close what it opened")
        at += 1
        if tokens[at - 1] == ")":
            return _Group(tuple(ways)), at


def _single(token: str) -> _Part:
    if token[0] == "~":
        return _Gap(SHORT if token == "~" else LONG)
    if token[0] == "[":
        not_one = token[1] == "^"
        return _Char(frozenset(token[1 + not_one : -1]), not_one)
    return _Char(frozenset(token))


def _regex(parts: _Sequence) -> str:
    """Ends may stand between two characters, never inside a gap."""
    said: list[str] = []
    for index, part in enumerate(parts):
        slip = "" if index == 0 or isinstance(parts[index - 1], _Gap) else SLIP
        match part:
            case _Gap(pattern):
                said.append(pattern)
            case _Maybe(within):
                said.append(f"(?:{slip}{_one(within)})?")
            case _:
                said.append(slip + _one(part))
    return "".join(said)


def _one(part: _Char | _Group) -> str:
    if isinstance(part, _Group):
        firsts = _firsts(part) if len(part.ways) > FEW else frozenset()
        glance = f"(?=[{''.join(sorted(firsts))}])" if firsts else ""
        return f"{glance}(?:{'|'.join(map(_regex, part.ways))})"
    chars = "".join(sorted(part.chars if part.not_one else _spelled(part)))
    if part.not_one:
        return f"[^{chars}{ENDS}]"
    return chars if len(chars) == 1 else f"[{chars}]"


def _firsts(group: _Group) -> frozenset[str]:
    """What a match of the group can begin with; empty if that is not easily told."""
    firsts: set[str] = set()
    for way in group.ways:
        match way[0]:
            case _Char(_, not_one=False) as char:
                firsts |= _spelled(char)
            case _Group() as within if found := _firsts(within):
                firsts |= found
            case _:
                return frozenset()
    return frozenset(firsts)


def _spelled(part: _Char) -> set[str]:
    return {*part.chars, *(sound for char in part.chars for sound in spellings(char))}


def _needs(parts: _Sequence) -> list[frozenset[str]]:
    """For each part that must be there its keys; pairs of neighbours rather than each alone."""
    needs: list[frozenset[str]] = []
    paired = False
    for index, part in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        if isinstance(part, _Group):
            ways = [min(_needs(way), key=_usual, default=frozenset[str]()) for way in part.ways]
            if all(ways):
                needs.append(frozenset[str]().union(*ways))
            paired = False
        elif isinstance(part, _Char) and not part.not_one:
            if isinstance(after, _Char) and not after.not_one:
                needs.append(frozenset(a + b for a in _spelled(part) for b in _spelled(after)))
                paired = True
            else:
                if not paired:
                    needs.append(frozenset(_spelled(part)))
                paired = False
        else:
            paired = False
    return needs


def _usual(keys: frozenset[str]) -> tuple[int, int, int]:
    """The less usual first: a pair before a character, one of rare characters before all."""
    usual = max(sum(char in USUAL for char in key) - len(key) for key in keys)
    return usual, -min(map(len, keys)), len(keys)


def _shown(text: str) -> str:
    """The phrase as a person reads it, in its shortest form."""
    plain = re.sub(r"\[(.)[^]]*\]", r"\1", text)
    while "(" in plain:
        plain = re.sub(r"\(([^()|]*)(?:\|[^()]*)?\)\?", "", plain)
        plain = re.sub(r"\(([^()|]*)(?:\|[^()]*)?\)", r"\1", plain)
    plain = re.sub(r"<([^<>]+)>", r"\1", re.sub(r"(\w|<\w+>)\?", "", plain))
    return re.sub(r"~+| ?& ?", "…", plain)
