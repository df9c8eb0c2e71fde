"""Prepare: from a claimed notice's facts to what happens to it now. Gate, words, gate on words.

Nothing is done here: the answer is a ``Go``, a ``Wait``, a ``Drop`` or a ``Park``, with the contact
event that tells it, and the caller's transaction records it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Message
from outreach.compliance.facts import Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.gate import Decision, Verdict, set_aside
from outreach.db.notices import IntentRow
from outreach.domain.campaign import CampaignState
from outreach.domain.contact import Address, Channel
from outreach.domain.errors import NoPolicy, NotFound, TemplateError
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.states import State
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import SealingKey
from outreach.life.judging import NOTHING, Already, Tally, covered, facts_of, judge_row
from outreach.life.kinds import Kind, Kinds
from outreach.life.parts import Parts
from outreach.life.telling import notice_event, verdict_data
from outreach.life.words import build_context, open_person, open_point
from outreach.logs import Log
from outreach.templating.catalog import Rendered, Template
from outreach.templating.context import Context

log = Log(__name__)


@frozen
class Words:
    """A notice rendered: which template, what it said, to whom."""

    template: Template
    rendered: Rendered
    context: Context
    to: str | Address

    @property
    def parts(self) -> int:
        """How many SMS a carrier will bill; 1 for anything else."""
        return self.rendered.sms.parts if self.rendered.sms else 1


@frozen
class Go:
    """May be sent, until ``until``. ``key`` seals what is recorded of it.

    ``valid_for`` is how long the carrier may go on trying: what it holds at night is night contact.
    """

    row: asyncpg.Record
    attempt: int
    facts: Facts
    verdict: Verdict
    words: Words
    until: datetime
    valid_for: timedelta
    key: SealingKey
    token: str

    @property
    def verdict_data(self) -> dict[str, object]:
        return verdict_data(self.verdict)

    @property
    def intent(self) -> IntentRow:
        digest, parts = self.words.template.digest, self.words.parts
        return IntentRow(self.row["id"], self.attempt, digest, parts)

    def message(self) -> Message:
        """What an SMS or email carrier is given."""
        assert isinstance(self.words.to, str)
        rendered = self.words.rendered
        return Message(
            notice_id=self.row["id"],
            attempt=self.attempt,
            token=self.token,
            to=self.words.to,
            sender_name=self.words.context.creditor.name,
            text=rendered.text,
            number=self.row["number"],
            subject=rendered.subject,
            html=rendered.html,
            valid_for=self.valid_for,
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """Held until ``until``; ``rules`` are why."""

    row: asyncpg.Record
    until: datetime
    rules: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Drop:
    """Leaves the queue: blocked, expired, or failed before any carrier saw it."""

    row: asyncpg.Record
    state: State
    code: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Park:
    """Its campaign is paused: it leaves the queue, stays pending, and comes back with it."""

    row: asyncpg.Record


Prepared = Go | Wait | Drop | Park


def prepare_all(parts: Parts, rows: Sequence[asyncpg.Record], now: datetime) -> list[Prepared]:
    """Decide a chunk's notices, each as if those before it had gone.

    Step by step, all notices through one step before the next: a processor that does the same
    again has it at hand, which saves a quarter of the time. Two notices of one debtor or of one
    contact value are not taken together, for the second depends on the first.
    """
    tally, kinds, prepared = Tally(), Kinds(parts, now), dict[UUID, Prepared]()
    for together in _rounds(rows):
        cases = [_Case(row, kinds, tally.before(row)) for row in together]
        for step in _STEPS:
            for case in cases:
                if case.result is None:
                    _take(step, parts, case, now)
        for case in cases:
            assert case.result is not None
            prepared[case.row["id"]] = case.result
            if isinstance(case.result, Go):
                tally.add(case.row)
    return [prepared[row["id"]] for row in rows]


def _rounds(rows: Sequence[asyncpg.Record]) -> Iterator[list[asyncpg.Record]]:
    """The rows in order, cut where a debtor or a contact value comes again."""
    together: list[asyncpg.Record] = []
    seen: set[object] = set()
    for row in rows:
        people = {row["debtor_id"], row["value_hash"]}
        if not seen.isdisjoint(people):
            yield together
            together, seen = [], set()
        together.append(row)
        seen |= people
    if together:
        yield together


def prepare_notice(parts: Parts, row: asyncpg.Record, now: datetime) -> Go | Wait | Drop:
    """Decide one notice by itself, which is no campaign's."""
    prepared = prepare_all(parts, [row], now)[0]
    assert not isinstance(prepared, Park)
    return prepared


@dataclass(slots=True)
class _Case:
    """One notice on its way through the steps; done when it has a ``result``."""

    row: asyncpg.Record
    kinds: Kinds
    already: Already
    result: Prepared | None = None
    kind: Kind = field(init=False)
    debtor_key: SealingKey = field(init=False)
    point_key: SealingKey = field(init=False)
    accounts: list[Mapping[str, Any]] = field(init=False)
    facts: Facts = field(init=False)
    verdict: Verdict = field(init=False)
    to: str | Address = field(init=False)
    context: Context = field(init=False)
    words: Words = field(init=False)


_Step = Callable[[Parts, _Case, datetime], Prepared | None]


def _take(step: _Step, parts: Parts, case: _Case, now: datetime) -> None:
    """A fault of ours in one notice fails that notice, loudly, and no other."""
    row = case.row
    try:
        case.result = step(parts, case, now)
    except NoPolicy as error:
        log.error_once("no_policy", creditor=row["creditor_id"], place=row["jurisdiction"])
        case.result = drop(row, State.BLOCKED, "no_policy", now, {"error": error.message})
    except (TemplateError, NotFound) as error:
        log.error("not_rendered", notice=row["id"], error=error)
        case.result = drop(row, State.FAILED, "template", now, {"error": str(error)})
    except Exception as error:
        # the traceback's values may be personal: only where and what kind of fault
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where else "?"
        log.critical("notice_fault", notice=row["id"], error=error, where=line)
        fault = f"fault:{type(error).__name__}"
        case.result = drop(row, State.FAILED, fault, now, {"where": line})


def _open(parts: Parts, case: _Case, now: datetime) -> Prepared | None:
    row = case.row
    if row["campaign_state"] == CampaignState.PAUSED:
        return Park(row)
    if row["campaign_state"] == CampaignState.CANCELLED:
        return drop(row, State.CANCELLED, "campaign", now, {})
    if now >= row["expires_at"]:
        return drop(row, State.EXPIRED, "expired", now, {})
    debtor_key = parts.open_key(row, "debtor_", row["debtor_id"])
    point_key = parts.open_key(row, "point_", row["contact_point_id"])
    case.accounts = covered(orjson.loads(row["accounts"] or "[]"))
    if debtor_key is None or point_key is None or not case.accounts:
        return drop(row, State.BLOCKED, "erased", now, {})
    case.kind = case.kinds.of(row)
    case.debtor_key, case.point_key = debtor_key, point_key
    return None


def _judge(parts: Parts, case: _Case, now: datetime) -> Prepared | None:
    case.facts = facts_of(case.row, case.kind, case.accounts, now, case.already)
    case.verdict = verdict = judge_row(parts, case.row, case.kind, case.facts)
    if verdict.decision is Decision.BLOCK:
        return _blocked(case.row, verdict, now)
    if verdict.decision is Decision.HOLD:
        assert verdict.until is not None
        return _wait(case.row, verdict, verdict.until, now)
    return None


def _address(parts: Parts, case: _Case, now: datetime) -> Prepared | None:
    """Open what is sealed, and find the words' values."""
    row = case.row
    person = open_person(row["debtor_sealed"], case.debtor_key, row["debtor_id"])
    case.to = open_point(row["point_sealed"], case.point_key, row["contact_point_id"])
    if isinstance(case.to, Address) != (case.kind.channel is Channel.LETTER):
        return drop(row, State.FAILED, "contact_kind", now, {})
    if not recipient_allowed(parts, case.to):
        return drop(row, State.BLOCKED, "allow_list", now, {})
    case.context = build_context(row, case.kind, case.accounts, person)
    return None


def _render(parts: Parts, case: _Case, _: datetime) -> None:
    """The words, in the debtor's locale."""
    kind = case.kind
    pinned = case.row["pinned"]
    template = (
        parts.catalog.version(pinned)
        if pinned
        else parts.catalog.get(kind.channel, kind.purpose, kind.locale)
    )
    if template is None:
        raise NotFound("the template version its campaign pinned is not kept")
    case.words = Words(template, template.render(case.context), case.context, case.to)


def _judge_words(parts: Parts, case: _Case, now: datetime) -> Prepared | None:
    objections = words_findings(parts, case.words, case.kind)
    if not objections:
        return None
    verdict, found = case.verdict, tuple(set_aside(objections, case.facts.released))
    if any(each.effect is Effect.BLOCK for each in found):
        return _blocked(case.row, Verdict(Decision.BLOCK, None, found, verdict.policy_version), now)
    case.verdict = replace(verdict, findings=verdict.findings + found)
    return None


def _let_go(parts: Parts, case: _Case, now: datetime) -> Prepared:
    row = case.row
    until = min(case.verdict.until or row["expires_at"], row["expires_at"])
    attempt = row["attempt"] + 1
    token = parts.tokens.mint(row["id"], attempt)
    lasts, key = until - now, case.point_key
    return Go(row, attempt, case.facts, case.verdict, case.words, until, lasts, key, token)


_STEPS: tuple[_Step, ...] = (_open, _judge, _address, _render, _judge_words, _let_go)


def look(parts: Parts, row: asyncpg.Record, now: datetime) -> Words | Drop | Park:
    """What a notice would say, whatever the gate says of it; else why it has no words."""
    case = _Case(row, Kinds(parts, now), NOTHING)
    for step in (_open, _address, _render):
        if case.result is None:
            _take(step, parts, case, now)
    if case.result is None:
        return case.words
    assert isinstance(case.result, Drop | Park)
    return case.result


def words_findings(parts: Parts, words: Words, kind: Kind) -> tuple[Finding, ...]:
    """What the gate on words refuses of this kind, and what is missing or not registered."""
    rendered = words.rendered
    text = f"{rendered.subject}\n{rendered.text}" if rendered.subject else rendered.text
    if words.context.code:  # it says nothing, and with it no text would be known from before
        text = text.replace(words.context.code, "0")
    setting = kind.setting_of(words.context.agency)
    found = (
        *parts.wording.check_words(text, setting),
        *parts.content.check_content(text, setting),
    )
    return tuple(each for each in found if each.effect is not Effect.FLAG)


def recipient_allowed(parts: Parts, to: str | Address) -> bool:
    """Outside production an allow-list, where there is one, must match the whole recipient.

    Of a postal address that is the name and the lines, with blanks between.
    """
    allowed = parts.settings.allow_recipients
    if parts.settings.environment == "production" or not allowed:
        return True
    written = to if isinstance(to, str) else " ".join((to.recipient, *to.lines))
    return any(re.fullmatch(pattern, written) for pattern in allowed)


def _blocked(row: asyncpg.Record, verdict: Verdict, now: datetime) -> Drop:
    event = notice_event(
        row, EventKind.BLOCKED, now, verdict_data(verdict), policy_version=verdict.policy_version
    )
    rules = ",".join(finding.rule for finding in verdict.findings if finding.effect is Effect.BLOCK)
    return Drop(row, State.BLOCKED, rules, prepare(event))


def _wait(row: asyncpg.Record, verdict: Verdict, until: datetime, now: datetime) -> Wait:
    event = notice_event(
        row, EventKind.HELD, now, verdict_data(verdict), policy_version=verdict.policy_version
    )
    return Wait(row, until, verdict.rules, prepare(event))


_DROPPED = {
    State.EXPIRED: EventKind.EXPIRED,
    State.FAILED: EventKind.FAILED,
    State.BLOCKED: EventKind.BLOCKED,
    State.CANCELLED: EventKind.CANCELLED,
}


def drop(
    row: asyncpg.Record, state: State, code: str, now: datetime, data: dict[str, object]
) -> Drop:
    """A notice that leaves the queue for ``code``, with the event that says so."""
    event = notice_event(row, _DROPPED[state], now, {"code": code, **data})
    return Drop(row, state, code, prepare(event))
