"""Self-audit (合规自查): what was sent, judged again by the pack of its time or by any other.

The facts are those its ``sending`` event keeps, and the contacts the history holds before it. It
goes over months in steps, and no step is kept in memory.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import orjson

from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision, Verdict, judge
from outreach.compliance.pack import Pack
from outreach.compliance.policies import Policies
from outreach.db import audit as history
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose
from outreach.domain.register import Register
from outreach.life.kept import facts_again
from outreach.proof.contacts import Contacts
from outreach.proof.explain import in_words, kept_policies
from outreach.proof.values import Language

STEP = 500
"""Sendings judged at a time."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Period:
    """Sendings from ``since`` to before ``until``, of one creditor or of all."""

    since: datetime
    until: datetime
    creditor: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A sending that would not have gone; ``why`` is by rule, in words."""

    number: int
    at: datetime
    creditor: str
    purpose: Purpose
    channel: Channel
    decision: Decision
    why: tuple[tuple[str, str], ...]
    policy_version: str

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rule, _ in self.why))


@dataclass(slots=True)
class Audit:
    """What was found; ``not_judged`` is by reason, ``by_rule`` counts a sending once a rule."""

    judged: int = 0
    refused: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    packs: dict[str, Pack] = field(default_factory=dict)  # those it was judged by, by digest


NO_FACTS = "no facts kept"
NO_POLICY = "its policy is not kept"
OTHER_PLACE = "of another place than the pack's"


class Judges:
    """Which packs a sending is judged by: ``pack`` if one is given, else today's or its time's."""

    def __init__(
        self, policies: Policies, *, pack: Pack | None = None, today: bool = False
    ) -> None:
        self._policies = policies
        self._pack = pack
        self._today = today
        self._then: dict[str | None, tuple[Pack, ...]] = {}

    async def learn(self, conn: Connection, versions: set[str | None]) -> None:
        """Have the policies of these verdicts at hand."""
        self._then |= await kept_policies(conn, versions - self._then.keys())

    def of(self, row: asyncpg.Record, place: Jurisdiction) -> tuple[Pack, Pack | None] | str:
        """The place's pack, and that of the phone's place where it is another; or why there is
        none.
        """
        version = row["policy_version"] or ""
        then = self._then.get(version, ())
        if len(then) < 1 + version.count("+"):
            return NO_POLICY
        abroad = then[1] if "+" in version else None
        if self._pack is not None:
            if self._pack.jurisdiction is not place:
                return OTHER_PLACE
            return self._pack, abroad
        if not self._today:
            return then[0], abroad
        of = self._policies.of
        creditor = row["creditor_id"]
        return of(creditor, place), of(creditor, abroad.jurisdiction) if abroad else None


async def audit(
    conn: Connection,
    period: Period,
    judges: Judges,
    tell: Callable[[Refused], None],
    watch: Watch = lambda _done, _total: None,
) -> Audit:
    """Judge every sending of the period; ``tell`` hears of those that would not have gone, in the
    order they went. Run it inside one repeatable read transaction.
    """
    found, done = Audit(), 0
    total = await history.count(conn, period.since, period.until, period.creditor)
    async for rows in _steps(history.sendings(conn, period.since, period.until, period.creditor)):
        await judges.learn(conn, {row["policy_version"] for row in rows})
        contacts = Contacts(await _moves(conn, rows))
        for row in rows:
            refused = _judge(found, row, contacts, judges)
            if refused is not None:
                tell(refused)
        done += len(rows)
        watch(done, total)
    return found


async def _steps(rows: AsyncIterator[asyncpg.Record]) -> AsyncIterator[list[asyncpg.Record]]:
    step: list[asyncpg.Record] = []
    async for row in rows:
        step.append(row)
        if len(step) == STEP:
            yield step
            step = []
    if step:
        yield step


async def _moves(conn: Connection, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    debtors = list({row["debtor_id"] for row in rows})
    values = list({row["value_hash"] for row in rows})
    return await history.moves(conn, debtors, values, rows[0]["at"], rows[-1]["at"])


def _judge(found: Audit, row: asyncpg.Record, contacts: Contacts, judges: Judges) -> Refused | None:
    if row["facts"] is None:
        found.not_judged[NO_FACTS] += 1
        return None
    kept = orjson.loads(row["facts"])
    packs = judges.of(row, Jurisdiction(kept["place"]))
    if isinstance(packs, str):
        found.not_judged[packs] += 1
        return None
    for pack in filter(None, packs):
        found.packs.setdefault(pack.version, pack)
    purpose, channel = Purpose(row["purpose"]), Channel(row["channel"])
    known = contacts.known_to(row)
    verdict = judge(
        facts_again(kept, row["at"], purpose, channel, row["notice_id"], *known), *packs
    )
    found.judged += 1
    if verdict.decision is Decision.ALLOW:
        return None
    refused = Refused(
        number=row["number"],
        at=row["at"],
        creditor=row["creditor_id"],
        purpose=purpose,
        channel=channel,
        decision=verdict.decision,
        why=tuple(_why(verdict, packs)),
        policy_version=verdict.policy_version,
    )
    found.refused += 1
    found.by_rule.update(refused.rules)
    return refused


def _why(verdict: Verdict, packs: tuple[Pack, Pack | None]) -> Iterator[tuple[str, str]]:
    known = tuple(filter(None, packs))
    for finding in verdict.findings:
        if finding.effect is not Effect.FLAG:
            said = in_words(known, finding.rule, finding.says, finding.values, Language.CHINESE)
            yield finding.rule, said


# ------------------------------------------------------------------------- what cannot be judged

_LOOKED_UP = frozenset({Register.SIGNATURE, Register.MANDATE, Register.TEMPLATE})
_TWO_YEARS = timedelta(days=730) / timedelta(days=30)


def beyond(packs: Mapping[str, Pack]) -> Iterator[tuple[str, str]]:
    """Rules of these packs that the history does not hold enough for: which, and why."""
    yield "文字规则", "发送时的文字是加密保存的,自查不打开;发送当时已按词表检查"
    told = set[tuple[str, str]]()
    for pack in packs.values():
        for rule in pack.rules:
            why = ""
            if rule.check == "grace" and rule.params.tolerance:
                why = "金额不入历史:只按逾期天数判断,不按容差"
            elif rule.check == "filed" and rule.params.register not in _LOOKED_UP:
                why = "发送时未查此项登记"
            elif rule.check == "limitation" and rule.params.months < _TWO_YEARS:
                why = "逾期不足两年的账户未记时效中断"
            if why and (rule.key, why) not in told:
                told.add((rule.key, why))
                yield f"{pack.jurisdiction} {rule.key} {rule.title}", why
