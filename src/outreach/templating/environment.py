"""The sandbox templates run in: our filters, our fields, and no value that breaks a line."""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.domain.debtor import Locale
from outreach.templating import words
from outreach.templating.variables import WORDS


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way to our own fields: they hold plain data and are read most."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) in WORDS and not attribute.startswith("_"):
            try:
                return getattr(obj, attribute)
            except AttributeError:
                pass  # the sandbox has the right complaint
        return super().getattr(obj, attribute)


def environment(
    locale: Locale, *, html: bool, load: Callable[[str], Any]
) -> ImmutableSandboxedEnvironment:
    """``load`` reads by name what an HTML page may extend."""
    made = _Sandbox(
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(load) if html else None,
        auto_reload=False,
    )
    del made.filters["safe"]  # nothing a debtor is called becomes markup
    made.filters |= {
        "figures": words.figures,
        "short_day": _kept(words.short_day),
        "amount": words.AMOUNT[locale],
        "capitals": _in(locale, words.capitals),
        "currency": _in(locale, words.currency_name),
        "day": _kept(_in(locale, words.day)),
        "tail": _in(locale, words.tail),
        "masked_name": _in(locale, words.masked_name),
    }
    return made


def _in(locale: Locale, say: Callable[[Any, Locale], str]) -> Callable[[Any], str]:
    return lambda value: say(value, locale)


def _kept(say: Callable[[Any], str]) -> Callable[[Any], str]:
    """A morning's mails all name the same days."""
    return lru_cache(maxsize=1024)(say)


class BadValue(ValueError):
    """A value that must not enter any message."""


def clean(value: object) -> object:
    """Refuse what could break a line, a header or the direction of writing (RFC 5322, UAX 9)."""
    if isinstance(value, str) and not value.isprintable():
        for char in value:
            if _breaks(char):
                raise BadValue(f"a value holds the control character U+{ord(char):04X}")
    return value


def _breaks(char: str) -> bool:
    if char.isprintable() or char == "\u3000":
        return False
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(
        char
    ) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
