"""What a template of each purpose must say (``config/policies/contents.toml``).

Asked of a template's source and not of each message: variables by name, fixed words as they stand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from outreach.compliance.finding import Confidence
from outreach.compliance.policy_file import Table, read, wrong
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose


class Item(Table):
    id: str
    purposes: tuple[str, ...] = Field(min_length=1)
    title: str
    source: str
    confidence: Confidence
    channels: tuple[Channel, ...] = tuple(Channel)
    variables: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def concerns(self, purpose: Purpose, channel: Channel) -> bool:
        return channel in self.channels and ("all" in self.purposes or purpose in self.purposes)


class _ContentsTable(Table):
    item: tuple[Item, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Contents:
    """All that templates must say."""

    items: tuple[Item, ...]

    def missing(
        self, source: str, purpose: Purpose, channel: Channel
    ) -> Iterator[tuple[Item, str]]:
        """Each item a template's text does not satisfy, and what of it is missing or too much."""
        for item in self.items:
            if not item.concerns(purpose, channel):
                continue
            lacking = [name for name in item.variables if not _uses(source, name)]
            if lacking:
                yield item, f"lacks {', '.join(lacking)}"
            if item.words and not any(word in source for word in item.words):
                yield item, f"says none of {', '.join(item.words)}"
            if said := [word for word in item.never if word in source]:
                yield item, f"may not say {', '.join(said)}"


def _uses(source: str, variable: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(variable)}(?![\w.])", source) is not None


def load_contents(path: Path) -> Contents:
    """Read the table of contents; raises ``ConfigurationError``."""
    table, data = read(path, _ContentsTable)
    for number, item in enumerate(table.item):
        if set(item.purposes) - {"all", *Purpose}:
            expected = f"of all, {', '.join(Purpose)}"
            raise wrong(path, data, ("item", number, "purposes"), expected)
    return Contents(table.item)
