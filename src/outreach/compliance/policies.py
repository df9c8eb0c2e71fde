"""Which policy judges a notice: its place's pack, with what its creditor asks beyond it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from outreach.compliance.pack import Pack, load_packs
from outreach.compliance.stricter import Asked, tighten
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError

WORDING = "wording.toml"
CONTENT = "content.toml"
CONTENTS = "contents.toml"
RETENTION = "retention.toml"
"""The word list, beside the packs."""


@dataclass(frozen=True, slots=True, repr=False)
class Policies:
    """The packs as they stand in ``config/policies/``, and as each creditor made its own."""

    packs: Mapping[Jurisdiction, Pack]
    tightened: Mapping[tuple[str, Jurisdiction], Pack]

    def of(self, creditor_id: str, place: Jurisdiction) -> Pack:
        """The pack for this creditor's debtors of that place."""
        return self.tightened.get((creditor_id, place)) or self.packs[place]

    def all(self) -> tuple[Pack, ...]:
        """Every pack that may judge, each once."""
        packs = (*self.packs.values(), *self.tightened.values())
        return tuple({pack.version: pack for pack in packs}.values())


def load_policies(directory: Path, creditors: Mapping[str, tuple[Jurisdiction, Asked]]) -> Policies:
    """All packs of the folder, and by creditor its place and what it asks beyond that place's.

    Raises ``ConfigurationError``.
    """
    for stray in strays(directory):
        raise stray
    packs = load_packs(directory)
    tightened = {
        (creditor, place): tighten(packs[place], asked, f"creditor {creditor}")
        for creditor, (place, asked) in creditors.items()
        if asked
    }
    return Policies(packs, tightened)


def strays(directory: Path) -> Iterator[ConfigurationError]:
    """Files that look like a pack and judge nobody: somebody relies on what is never read."""
    known = {WORDING, CONTENT, CONTENTS, RETENTION, *(f"{place}.toml" for place in Jurisdiction)}
    for path in sorted(directory.glob("*.toml")):
        if path.name not in known:
            yield ConfigurationError(
                f"{path}: two packs for one place overlap, and this one is of no place",
                f"expected: one pack a place, {', '.join(sorted(known))}; move the file elsewhere",
            )
