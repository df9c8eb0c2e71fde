"""What a creditor asks beyond the law's pack: of two values of a parameter the stricter holds."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from outreach.compliance.pack import Pack, digest, examine, select
from outreach.compliance.rule import Rule
from outreach.domain.errors import ConfigurationError

Asked = Mapping[str, Mapping[str, Any]]
"""By rule key, by parameter: a creditor's own values (``[policy."F-03.sms-week"]``)."""

_MARK = "\n# stricter: "


def tighten(pack: Pack, asked: Asked, where: str) -> Pack:
    """The pack with a creditor's stricter values; a laxer one changes nothing.

    Raises ``ConfigurationError``, which begins with ``where``, for a rule or a parameter that is
    not there, a value of the wrong type, and a parameter of which none is the stricter.
    """
    keys = {rule.key: rule for rule in pack.rules}
    for key in asked:
        if key not in keys:
            raise ConfigurationError(
                f"{where}: policy.{key} names no rule of {pack.jurisdiction}",
                f"rules are: {', '.join(sorted(keys))}",
            )
    changes: dict[str, dict[str, Any]] = {}
    for key, params in asked.items():
        rule = keys[key]
        for name, value in params.items():
            stricter = _stricter(rule, name, _parsed(rule, name, value, where))
            if stricter != getattr(rule.params, name):
                changes.setdefault(key, {})[name] = stricter
    if not changes:
        return pack
    rules = tuple(_changed(rule, changes.get(rule.key, {}), where) for rule in pack.rules)
    source = f"{pack.source}{_MARK}{_told(changes)}\n"
    return replace(
        pack,
        rules=rules,
        source=source,
        version=digest(source),
        selections=select(rules, where),
    )


def kept(source: str, version: str) -> Pack:
    """A policy from its kept source, as it judged; raises ``ConfigurationError``."""
    name = Path(f"policy {version[:12]}")
    if digest(source) != version:
        raise ConfigurationError(
            f"{name} is not what it was: its source was changed where it is kept",
            "restore the table policies from a backup",
        )
    file, mark, told = source.rpartition(_MARK)
    pack = examine(name, (file if mark else source).encode())
    if isinstance(pack, list):
        raise pack[0]
    if mark:
        pack = tighten(pack, orjson.loads(told), f"{name}")
    if pack.version != version:
        raise ConfigurationError(
            f"{name} cannot be judged by: this version of Outreach reads it otherwise",
            "read it with the version that used it",
        )
    return pack


def _told(changes: Asked) -> str:
    """A creditor's values as they end the source; what is read from it is the same again."""
    return orjson.dumps(changes, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be kept")


def laxer(pack: Pack, asked: Asked, where: str) -> list[str]:
    """The asked parameters, as ``<rule key>.<name>``, that are laxer than the pack's: not used."""
    keys = {rule.key: rule for rule in pack.rules}
    found = []
    for key, params in asked.items():
        for name, value in params.items():
            parsed = _parsed(keys[key], name, value, where)
            if _stricter(keys[key], name, parsed) != parsed:
                found.append(f"{key}.{name}")
    return found


def _parsed(rule: Rule[Any], name: str, value: Any, where: str) -> Any:
    if name not in rule.stricter:
        ordered = ", ".join(sorted(rule.stricter)) or "none"
        raise ConfigurationError(
            f"{where}: policy.{rule.key}.{name} cannot be set by a creditor",
            f"parameters of {rule.key} that can be made stricter: {ordered}",
        )
    types: dict[str, Any] = {each.name: each.type for each in fields(rule.params)}
    try:
        return TypeAdapter(types[name]).validate_python(value)
    except ValidationError as error:
        raise ConfigurationError(
            f"{where}: policy.{rule.key}.{name} is wrong", error.errors()[0]["msg"]
        ) from None


def _stricter(rule: Rule[Any], name: str, value: Any) -> Any:
    own = getattr(rule.params, name)
    return value if own is None else rule.stricter[name].of(own, value)


def _changed(rule: Rule[Any], changes: Mapping[str, Any], where: str) -> Rule[Any]:
    if not changes:
        return rule
    try:
        return replace(rule, params=replace(rule.params, **changes))
    except ValueError as error:
        raise ConfigurationError(f"{where}: policy.{rule.key}: {error}", "see the pack") from None
