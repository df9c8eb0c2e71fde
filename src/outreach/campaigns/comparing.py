"""Two packs asked about a sample of an audience: which decisions change, and by which rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from outreach.campaigns.forecast import SAMPLE, Plan, first_of, request_of
from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision, Verdict, judge
from outreach.compliance.pack import Pack
from outreach.db import audience, facts
from outreach.db.filters import where
from outreach.domain.account import DEFAULT_STAGES
from outreach.domain.contact import KIND_FOR
from outreach.domain.errors import InvalidInput
from outreach.ids import new_id
from outreach.life.judging import abroad, covered, facts_of
from outreach.life.kinds import Kinds
from outreach.life.parts import Parts

Watch = Callable[[int, int], None]


@dataclass(slots=True)
class Compared:
    """``asked`` of ``of`` who can be reached; ``elsewhere`` of them live in another place.

    ``moves`` are by old and new decision; ``begin`` and ``end`` count by rule whom it newly stops,
    and whom it stops no more.
    """

    of: int = 0
    asked: int = 0
    elsewhere: int = 0
    moves: Counter[tuple[Decision, Decision]] = field(default_factory=Counter)
    begin: Counter[str] = field(default_factory=Counter)
    end: Counter[str] = field(default_factory=Counter)

    @property
    def changed(self) -> int:
        return sum(count for (old, new), count in self.moves.items() if old is not new)


async def compare(
    parts: Parts,
    plan: Plan,
    old: Pack,
    new: Pack,
    at: datetime,
    *,
    sample: int = SAMPLE,
    watch: Watch = lambda _done, _total: None,
) -> Compared:
    """What both packs, of one place, say of the same people ``at`` one instant; the gate on facts
    alone. Raises ``InvalidInput`` for an audience of nobody.
    """
    chosen = where(plan.audience, at, DEFAULT_STAGES, plan.listed)
    kinds = [KIND_FOR[channel] for channel in plan.channels]
    found = Compared()
    async with parts.pool.acquire() as conn:
        for row in await audience.count(conn, chosen):
            points = {kind: row[kind] for kind in KIND_FOR.values()}
            found.of += row["notices"] if first_of(plan.channels, points) else 0
        if not found.of:
            raise InvalidInput(
                "the filter chooses nobody who can be reached", "outreach segment count shows whom"
            )
        rows = await audience.sample(conn, chosen, kinds, sample, found.of)
        for done, drawn in enumerate(rows, 1):
            request = request_of(plan, at, drawn)
            row = await facts.preview(conn, request, new_id(), at)
            watch(done, len(rows))
            if row["jurisdiction"] != new.jurisdiction:
                found.elsewhere += 1
                continue
            kind = Kinds(parts, at).of(row)
            told = facts_of(row, kind, covered(orjson.loads(row["accounts"] or "[]")), at)
            other = abroad(parts, row, kind)
            _note(found, judge(told, old, other), judge(told, new, other))
    return found


def _note(found: Compared, old: Verdict, new: Verdict) -> None:
    found.asked += 1
    found.moves[old.decision, new.decision] += 1
    before, after = _stopping(old), _stopping(new)
    found.begin.update(after - before)
    found.end.update(before - after)


def _stopping(verdict: Verdict) -> set[str]:
    return {each.rule for each in verdict.findings if each.effect is not Effect.FLAG}
