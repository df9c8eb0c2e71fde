"""How long records are kept before anything of a debtor may be erased (``retention.toml``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field

from outreach.compliance.finding import Confidence
from outreach.compliance.policies import RETENTION
from outreach.compliance.policy_file import Table, read, wrong
from outreach.domain.debtor import Jurisdiction


class Retention(Table):
    """One place's rule; ``years`` from the last thing that happened."""

    id: str
    place: Jurisdiction
    years: int = Field(ge=1, le=50)
    title: str
    source: str
    confidence: Confidence

    def ends(self, since: datetime) -> datetime:
        """When what was kept since then may go; of a 29th of February, on the 1st of March."""
        try:
            return since.replace(year=since.year + self.years)
        except ValueError:
            return since.replace(year=since.year + self.years, month=3, day=1)

    def begins(self, now: datetime) -> datetime:
        """What last happened before that may go now."""
        try:
            return now.replace(year=now.year - self.years)
        except ValueError:
            return now.replace(year=now.year - self.years, month=2, day=28)


class _RetentionTable(Table):
    retention: tuple[Retention, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Retentions:
    """The rule of each place."""

    places: Mapping[Jurisdiction, Retention]


def load_retention(folder: Path) -> Retentions:
    """Read ``retention.toml``; raises ``ConfigurationError``, also for a place without a rule."""
    path = folder / RETENTION
    table, data = read(path, _RetentionTable)
    places = {rule.place: rule for rule in table.retention}
    if len(places) < len(table.retention):
        raise wrong(path, data, ("retention",), "one rule for each place")
    if missing := [place for place in Jurisdiction if place not in places]:
        raise wrong(path, data, ("retention",), f"a rule for {', '.join(missing)}")
    return Retentions(places)
