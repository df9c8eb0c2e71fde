"""Why a notice may or may not go now: every rule, what it looked at, and what it says of it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from outreach.compliance.finding import Effect, Finding
from outreach.compliance.gate import Answer, Decision, Verdict, explain, set_aside
from outreach.compliance.pack import Pack
from outreach.compliance.rule import Rule
from outreach.compliance.stricter import kept
from outreach.db import events, policies
from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError
from outreach.domain.events import EventKind
from outreach.life.judging import abroad, covered, facts_of, judge_row
from outreach.life.kinds import Kind, Kinds
from outreach.life.parts import Parts
from outreach.life.prepare import Words, look, words_findings
from outreach.proof.mask import mask_text
from outreach.proof.values import Language, told


@dataclass(frozen=True, slots=True)
class Objection:
    """A finding with the rule that made it; without one it is the gate on words that speaks."""

    finding: Finding
    rule: Rule[Any] | None = None

    def title(self, language: Language) -> str:
        """Its rule's title; what is said of words begins with one."""
        if self.rule is None:
            return self.finding.says.partition(":")[0]
        return self.rule.title_en if language is Language.ENGLISH else self.rule.title

    def says(self, language: Language) -> str:
        """What the rule says, its codes in words. The word list speaks Chinese only."""
        if self.rule is None:
            return self.finding.says
        return said(self.rule, self.finding.values, language)


def said(rule: Rule[Any], values: Mapping[str, str | int], language: Language) -> str:
    """A rule's sentence with its values in words."""
    sentence = rule.says_en if language is Language.ENGLISH else rule.says
    return sentence.format_map(told(values, language))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A verdict as the history keeps it, and the policy it was made under, if that is kept."""

    at: datetime
    kind: EventKind
    actor: str
    policy_version: str | None
    data: Mapping[str, Any]
    policy: tuple[Pack, ...]

    def findings(self, language: Language) -> list[str]:
        """Each objection as it was, in words where the policy it was made under tells them."""
        return [self._said(finding, language) for finding in self.data.get("findings", ())]

    def _said(self, finding: Mapping[str, Any], language: Language) -> str:
        rule, says, values = finding["rule"], finding["says"], finding["values"]
        return f"{rule} {in_words(self.policy, rule, says, values, language)}"


def in_words(
    packs: Iterable[Pack],
    rule_id: str,
    says: str,
    values: Mapping[str, str | int],
    language: Language,
) -> str:
    """What a finding said, its codes in words, if one of these packs has the rule that said it."""
    for pack in packs:
        for rule in pack.rules:
            if rule.id == rule_id and _spoke(rule, says, values):
                return said(rule, values, language)
    return says


def _spoke(rule: Rule[Any], says: str, values: Mapping[str, str | int]) -> bool:
    try:
        return rule.says.format_map(values) == says
    except KeyError:
        return False


@dataclass(frozen=True, slots=True)
class Explanation:
    """``verdict`` is that on facts and words together, at ``at``.

    ``text`` is what would be written, masked; ``unworded`` is why there is none: a code, and what
    is said of it. ``recorded`` are the verdicts of the past.
    """

    at: datetime
    zone: str
    kind: Kind
    verdict: Verdict
    objections: tuple[Objection, ...]
    passed: tuple[Answer, ...]
    unconcerned: tuple[Rule[Any], ...]
    text: str
    unworded: tuple[str, str] | None
    recorded: tuple[Recorded, ...] = ()
    number: int | None = None
    state: str = ""


def explain_row(parts: Parts, row: asyncpg.Record, now: datetime) -> Explanation:
    """A row of ``db.facts``, whatever became of it; raises ``NoPolicy`` where none can judge."""
    kind = Kinds(parts, now).of(row)
    facts = facts_of(row, kind, covered(orjson.loads(row["accounts"] or "[]")), now)
    verdict = judge_row(parts, row, kind, facts)
    answers = [*explain(facts, kind.pack)]
    other = abroad(parts, row, kind)
    if other is not None:  # of the phone's place the hours bind, and nothing else
        answers += [each for each in explain(facts, other) if each.rule.check == "hours"]
    spoke = {(finding.rule, finding.says) for finding in verdict.findings}
    objecting = [
        each for each in answers if each.finding and (each.rule.id, each.finding.says) in spoke
    ]
    objections = [_objection(each, facts.released) for each in objecting]
    words = look(parts, row, now)
    if isinstance(words, Words):
        found = tuple(set_aside(words_findings(parts, words, kind), facts.released))
        objections += [Objection(each) for each in found]
        verdict = _with_words(verdict, found)
    return Explanation(
        at=now,
        zone=row["zone"],
        kind=kind,
        verdict=verdict,
        objections=tuple(sorted(objections, key=lambda each: _GRAVEST[each.finding.effect])),
        passed=tuple(each for each in answers if each.concerned and each not in objecting),
        unconcerned=tuple(each.rule for each in answers if not each.concerned),
        text=_masked(words) if isinstance(words, Words) else "",
        unworded=None if isinstance(words, Words) else _why(words),
    )


_GRAVEST = {Effect.BLOCK: 0, Effect.HOLD: 1, Effect.FLAG: 2}


def _objection(answer: Answer, released: frozenset[str]) -> Objection:
    """What two people have set aside is a flag, as in the verdict."""
    assert answer.finding is not None
    [finding] = set_aside((answer.finding,), released)
    return Objection(finding, answer.rule)


def _with_words(verdict: Verdict, found: tuple[Finding, ...]) -> Verdict:
    findings = verdict.findings + found
    if any(each.effect is Effect.BLOCK for each in found):
        return Verdict(Decision.BLOCK, None, findings, verdict.policy_version)
    return replace(verdict, findings=findings)


def _masked(words: Words) -> str:
    rendered, context = words.rendered, words.context
    text = f"{rendered.subject}\n{rendered.text}" if rendered.subject else rendered.text
    return mask_text(text, context.debtor.name, words.template.locale)


def _why(left: Any) -> tuple[str, str]:
    """The code of what takes the notice out of the queue before it has words."""
    code = getattr(left, "code", "paused")
    entry = getattr(left, "entry", None)
    return code, str(entry.event.data.get("error", "")) if entry else ""


# ------------------------------------------------------------------------------------ the past

_VERDICTS = frozenset(
    {
        EventKind.SENDING,
        EventKind.HELD,
        EventKind.BLOCKED,
        EventKind.RELEASE_ASKED,
        EventKind.RELEASE_REFUSED,
        EventKind.RELEASED,
    }
)


async def recorded(conn: Connection, notice: asyncpg.Record) -> tuple[Recorded, ...]:
    """What the gate said of a notice so far, and who released what."""
    rows = await events.notice_events(conn, notice["id"])
    found = [row for row in rows if row["kind"] in _VERDICTS]
    packs = await kept_policies(conn, {row["policy_version"] for row in found})
    return tuple(
        Recorded(
            at=row["at"],
            kind=EventKind(row["kind"]),
            actor=row["actor"],
            policy_version=row["policy_version"],
            data=orjson.loads(row["data"]),
            policy=packs.get(row["policy_version"], ()),
        )
        for row in found
    )


async def kept_policies(
    conn: Connection, versions: set[str | None]
) -> dict[str | None, tuple[Pack, ...]]:
    """By the version of a verdict the packs it was made under, as far as they are kept."""
    known: dict[str | None, tuple[Pack, ...]] = {}
    for version in versions - {None}:
        assert version is not None
        known[version] = tuple([pack async for pack in _kept(conn, version)])
    return known


async def _kept(conn: Connection, version: str) -> AsyncIterator[Pack]:
    for digest in version.split("+"):
        for row in await policies.find(conn, digest):
            try:
                yield kept(row["source"], row["digest"])
            except ConfigurationError:
                continue  # changed since, or of a version of ours that read packs otherwise


def stops(objections: tuple[Objection, ...]) -> list[Objection]:
    """All that must go before the notice may: blocks before holds, each rule once."""
    stopping = [each for each in objections if each.finding.effect is not Effect.FLAG]
    stopping.sort(key=lambda each: each.finding.effect is not Effect.BLOCK)
    return list({each.finding.rule: each for each in reversed(stopping)}.values())[::-1]
