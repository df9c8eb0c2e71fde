"""Finds names a template uses that no context has, in every branch, before anything is rendered."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from outreach.templating.context import (
    AccountWords,
    Context,
    CreditorWords,
    DebtorWords,
    TotalWords,
)

CONTEXT = tuple(field.name for field in fields(Context))
WORDS = frozenset({AccountWords, CreditorWords, DebtorWords, TotalWords})
_PARTS: dict[str, type] = {
    "creditor": CreditorWords,
    "debtor": DebtorWords,
    "totals": TotalWords,
}


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    name: str
    line: int
    allowed: tuple[str, ...]


def unknown_variables(tree: nodes.Template) -> Iterator[UnknownVariable]:
    """What ``tree`` reads and a ``Context`` has not, with what may stand in its place.

    ``creditor``, ``debtor``, ``totals`` and each of ``accounts`` (by loop, by index or by
    ``{% set %}``) are followed one field deep; whatever else is wrong shows when rendering.
    """
    undeclared = find_undeclared_variables(tree) - set(CONTEXT)
    for name in tree.find_all(nodes.Name):
        if name.name in undeclared:
            yield UnknownVariable(name.name, name.lineno, CONTEXT)
    known = {**_PARTS, **dict.fromkeys(_account_names(tree), AccountWords)}
    for access in tree.find_all(nodes.Getattr):
        owner: type | None = AccountWords if _is_account(access.node) else None
        if isinstance(access.node, nodes.Name):
            owner = known.get(access.node.name)
        if owner is None:
            continue
        allowed = tuple(field.name for field in fields(owner))
        if access.attr not in allowed:
            base = access.node.name if isinstance(access.node, nodes.Name) else "accounts[…]"
            yield UnknownVariable(f"{base}.{access.attr}", access.lineno, allowed)


def _account_names(tree: nodes.Template) -> Iterator[str]:
    for loop in tree.find_all(nodes.For):
        if _is_accounts(loop.iter) and isinstance(loop.target, nodes.Name):
            yield loop.target.name
    for setting in tree.find_all(nodes.Assign):
        if _is_account(setting.node) and isinstance(setting.target, nodes.Name):
            yield setting.target.name


def _is_accounts(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "accounts"


def _is_account(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Getitem) and _is_accounts(node.node)
