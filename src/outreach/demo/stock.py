"""Taking stock: what the history says, held against the carriers' own books."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from uuid import UUID

import orjson

from outreach.campaigns.progress import Progress
from outreach.channels.token import Tokens
from outreach.db import audience, notices, responses
from outreach.domain.states import State
from outreach.life.parts import Parts
from outreach.proof.verify import verify
from outreach.sandbox.book import Entry, read_book
from outreach.settings import CmppSettings


@dataclass(slots=True)
class Outcome:
    """What the demo found; its JSON line is exactly this."""

    accounts: int = 0
    debtors: int = 0
    notices: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    campaign: dict[str, object] = field(default_factory=dict)
    events: int = 0
    responses: dict[str, int] = field(default_factory=dict)
    history_verified: bool = False
    lost: int = 0
    duplicated: int = 0
    uncertain: int = 0
    seconds: float = 0.0

    def as_json(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def summary(shown: Progress) -> dict[str, object]:
    """A campaign as the outcome holds it."""
    return {
        "number": shown.campaign.number,
        "name": shown.campaign.name,
        "state": str(shown.campaign.state),
        "notices": shown.total,
        "states": shown.states,
        "excluded": shown.excluded,
    }


def attempts(entries: list[Entry], tokens: Tokens, numbered: Mapping[str, UUID]) -> Counter[UUID]:
    """How many times each notice was taken by a carrier, by the carriers' own books.

    ``numbered``: notices by the number they came from, where a book knows no more. Such a book has
    a line for each part of a message; of the parts the one that was taken most often counts.
    """
    parts: Counter[tuple[UUID, str]] = Counter()
    for entry in entries:
        if not entry.accepted:
            continue
        name, _, part = entry.token.partition("/")
        place = tokens.read(name)
        parts[place[0] if place else numbered.get(name) or UUID(name), part] += 1
    taken: Counter[UUID] = Counter()
    for (notice, _), count in parts.items():
        taken[notice] = max(taken[notice], count)
    return taken


def cross_check(taken: Counter[UUID], states: dict[UUID, State]) -> tuple[int, int]:
    """``(lost, duplicated)``.

    Lost is what we call sent and no carrier took, and what a carrier took and we do not know of:
    neither sent nor, openly, uncertain. Duplicated is what any carrier took more than once.
    """
    sent = {notice for notice, state in states.items() if state is State.SENT}
    known = sent | {notice for notice, state in states.items() if state is State.UNCERTAIN}
    lost = len(sent - taken.keys()) + len(taken.keys() - known)
    return lost, sum(1 for count in taken.values() if count > 1)


async def take_stock(parts: Parts) -> Outcome:
    """Count, cross-check and verify."""
    outcome = Outcome()
    entries = [
        entry
        for path in sorted((parts.settings.data_dir / "sandbox").glob("*.jsonl"))
        for entry in read_book(path)
    ]
    async with parts.pool.acquire() as conn:
        totals = await audience.totals(conn)
        outcome.accounts, outcome.debtors = totals["accounts"], totals["debtors"]
        outcome.events = totals["events"]
        outcome.responses = await responses.counts(conn)
        for row in await notices.states(conn):
            by_state = outcome.notices.setdefault(str(row["channel"]), {})
            by_state.setdefault(str(row["state"]), {})[str(row["delivery"])] = int(row["count"])
        rows = await notices.all_states(conn)
    states = {row["id"]: State(row["state"]) for row in rows}
    numbered = {
        carrier.source(row["number"]): row["id"]
        for carrier in parts.settings.carriers
        if isinstance(carrier, CmppSettings)
        for row in rows
    }
    outcome.uncertain = sum(1 for state in states.values() if state is State.UNCERTAIN)
    outcome.lost, outcome.duplicated = cross_check(
        attempts(entries, parts.tokens, numbered), states
    )
    report = await verify(parts.pool, parts.masters)
    outcome.history_verified = not report.problems
    return outcome
