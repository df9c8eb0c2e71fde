"""What two packs differ in, rule by rule, and which way is the stricter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from outreach.compliance.finding import Effect
from outreach.compliance.pack import Pack
from outreach.compliance.rule import Rule


class Way(StrEnum):
    STRICTER = "stricter"
    LAXER = "laxer"
    OTHER = "other"  # neither, or nobody can say


@dataclass(frozen=True, slots=True)
class Difference:
    """``name`` is what differs: a parameter, ``effect``, ``purposes`` ...; ``rule`` if it is there
    in one pack only.
    """

    key: str
    title: str
    name: str
    old: str
    new: str
    way: Way


def differences(old: Pack, new: Pack) -> Iterator[Difference]:
    """Of the pack itself, then by rule: those removed, changed and added."""
    for name, was, now in _of_the_pack(old, new):
        if was != now:
            yield Difference("", "", name, told(was), told(now), Way.OTHER)
    before = {rule.key: rule for rule in old.rules}
    after = {rule.key: rule for rule in new.rules}
    for key, rule in before.items():
        if key in after:
            yield from _changes(rule, after[key])
        else:
            yield Difference(key, rule.title, "rule", str(rule.effect), "", Way.LAXER)
    for key, rule in after.items():
        if key not in before:
            yield Difference(key, rule.title, "rule", "", str(rule.effect), Way.STRICTER)


def _of_the_pack(old: Pack, new: Pack) -> Iterator[tuple[str, object, object]]:
    yield "title", old.title, new.title
    yield "spread", old.spread, new.spread
    for rule_id in sorted(old.not_enforced.keys() | new.not_enforced.keys()):
        was, now = old.not_enforced.get(rule_id, ""), new.not_enforced.get(rule_id, "")
        yield f"not_enforced.{rule_id}", was, now


_TEXTS = ("check", "title", "title_en", "says", "says_en", "release", "source", "confidence")


def _changes(old: Rule[Any], new: Rule[Any]) -> Iterator[Difference]:
    def changed(name: str, was: object, now: object, way: Way) -> Iterator[Difference]:
        if was != now:
            yield Difference(new.key, new.title, name, told(was), told(now), way)

    weight = list(Effect).index
    heavier = weight(new.effect) > weight(old.effect)
    yield from changed("effect", old.effect, new.effect, _either(heavier))
    for name in ("purposes", "channels"):
        was, now = getattr(old, name), getattr(new, name)
        yield from changed(name, was, now, _more(was, now))
    yield from changed("releasable", old.releasable, new.releasable, _either(not new.releasable))
    if type(old.params) is type(new.params):
        order = {**old.stricter, **new.stricter}
        for each in fields(new.params):
            was, now = getattr(old.params, each.name), getattr(new.params, each.name)
            yield from changed(each.name, was, now, _way(each.name, was, now, order))
    for name in _TEXTS:
        yield from changed(name, getattr(old, name), getattr(new, name), Way.OTHER)


_MORE = frozenset({"standings", "closed"})
"""Lists of which the longer stops more."""
_FEWER = frozenset({"allowed", "counts"})
_STRICTER_FLAGS: Mapping[str, bool] = {
    "yields": False,
    "binds_answers": True,
    "agency_only": False,
    "documented": True,
}


def _way(name: str, old: Any, new: Any, order: Mapping[str, Any]) -> Way:
    if name in _STRICTER_FLAGS:
        return _either(new is _STRICTER_FLAGS[name])
    if name in _MORE:
        return _more(frozenset(old), frozenset(new))
    if name in _FEWER and not isinstance(new, str):
        return _more(frozenset(new), frozenset(old))
    if name not in order or old is None or new is None:
        return Way.OTHER
    return _either(order[name].of(old, new) == new)


def _either(stricter: bool) -> Way:
    return Way.STRICTER if stricter else Way.LAXER


def _more(old: frozenset[Any], new: frozenset[Any]) -> Way:
    """Stricter, if all of the old is in the new."""
    if old <= new:
        return Way.STRICTER
    return Way.LAXER if new <= old else Way.OTHER


def told(value: object) -> str:
    """A value as a person reads it, the same for equal values."""
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
