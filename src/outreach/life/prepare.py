"""Prepare: from a claimed notice's facts to what happens to it now. Gate, words, gate on words.

Nothing is done here: the answer is a ``Go``, a ``Wait`` or a ``Drop``, with the contact event that
tells it, and the caller's transaction records it.
"""

import logging
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Message
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.gate import Decision, Verdict
from outreach.db.notices import IntentRow, save_template
from outreach.db.pool import Connection
from outreach.domain.contact import Address, Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import NotFound, TemplateError
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.states import State
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import SealingKey
from outreach.life.judging import covered, judge_row
from outreach.life.parts import Parts
from outreach.life.telling import notice_event, verdict_data
from outreach.life.words import build_context, open_person, open_point
from outreach.templating.catalog import Rendered, Template
from outreach.templating.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Go:
    """May be sent, until ``until``. ``key`` seals what is recorded of it.

    ``valid_for`` is how long the carrier may go on trying: what it holds at night is night contact.
    """

    row: asyncpg.Record
    attempt: int
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


Prepared = Go | Wait | Drop


def prepare_notice(
    parts: Parts, row: asyncpg.Record, now: datetime, also_today: int = 0
) -> Prepared:
    """Decide one notice. ``also_today`` counts this debtor's notices allowed in the same chunk.

    A fault of ours in one notice fails that notice, loudly, and no other.
    """
    try:
        return _prepare(parts, row, now, also_today)
    except (TemplateError, NotFound) as error:
        log.error("notice %s cannot be rendered: %s", row["id"], type(error).__name__)
        return drop(row, State.FAILED, "template", now, {"error": str(error)})
    except Exception as error:
        # the traceback's values may be personal: only where and what kind of fault
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where else "?"
        log.critical(
            "notice %s failed by a fault of ours: %s in %s", row["id"], type(error).__name__, line
        )
        return drop(row, State.FAILED, f"fault:{type(error).__name__}", now, {"where": line})


def _prepare(parts: Parts, row: asyncpg.Record, now: datetime, also_today: int) -> Prepared:
    if now >= row["expires_at"]:
        return drop(row, State.EXPIRED, "expired", now, {})
    debtor_key = parts.open_key(row, "debtor_", row["debtor_id"])
    point_key = parts.open_key(row, "point_", row["contact_point_id"])
    accounts = covered(orjson.loads(row["accounts"] or "[]"))
    if debtor_key is None or point_key is None or not accounts:
        return drop(row, State.BLOCKED, "erased", now, {})
    verdict = judge_row(parts, row, accounts, now, also_today)
    if verdict.decision is Decision.BLOCK:
        return _blocked(row, verdict, now)
    if verdict.decision is Decision.HOLD:
        assert verdict.until is not None
        return _wait(row, verdict, verdict.until, now)
    words = render_row(parts, row, accounts, now, debtor_key, point_key)
    if isinstance(words.to, Address) != (row["channel"] == Channel.LETTER):
        return drop(row, State.FAILED, "contact_kind", now, {})
    objections = words_findings(parts, row, words)
    if objections:
        found = Verdict(Decision.BLOCK, None, objections, verdict.policy_version)
        return _blocked(row, found, now)
    if not recipient_allowed(parts, words.to):
        return drop(row, State.BLOCKED, "allow_list", now, {})
    until = min(verdict.until or row["expires_at"], row["expires_at"])
    attempt = row["attempt"] + 1
    token = parts.tokens.mint(row["id"], attempt)
    return Go(row, attempt, verdict, words, until, until - now, point_key, token)


def render_row(
    parts: Parts,
    row: asyncpg.Record,
    accounts: list[Mapping[str, Any]],
    now: datetime,
    debtor_key: SealingKey,
    point_key: SealingKey,
) -> Words:
    """The words, in the debtor's locale."""
    template = parts.catalog.get(
        Channel(row["channel"]), Purpose(row["purpose"]), Locale(row["locale"])
    )
    person = open_person(row["debtor_sealed"], debtor_key, row["debtor_id"])
    to = open_point(row["point_sealed"], point_key, row["contact_point_id"])
    context = build_context(row, accounts, person, parts.creditor(row["creditor_id"]), now)
    return Words(template, template.render(context), context, to)


def words_findings(parts: Parts, row: asyncpg.Record, words: Words) -> tuple[Finding, ...]:
    """The gate on words, and the recipient allow-list outside production."""
    rendered, channel = words.rendered, Channel(row["channel"])
    text = "\n".join(part for part in (rendered.subject, rendered.text) if part)
    found = parts.wording.check_words(text, channel, words.context.creditor.signature)
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


def sending_entry(
    go: Go,
    carrier: str,
    now: datetime,
    more: Mapping[str, object] | None = None,
    payload: dict[str, object] | None = None,
) -> Entry:
    """The intent as the history keeps it: the words themselves, sealed under the point's key.

    A letter brings its own ``payload`` (its composed data) and ``more`` (its batch and PDF).
    """
    rendered = go.words.rendered
    if payload is None:
        assert isinstance(go.words.to, str)
        payload = {
            "to": go.words.to,
            "subject": rendered.subject,
            "text": rendered.text,
            "html": rendered.html,
        }
    data = (
        verdict_data(go.verdict)
        | dict(more or {})
        | {
            "attempt": go.attempt,
            "purpose": go.row["purpose"],
            "carrier": carrier,
            "template": go.words.template.digest,
            "parts": go.words.parts,
        }
    )
    event = notice_event(
        go.row,
        EventKind.SENDING,
        now,
        data,
        payload=payload,
        policy_version=go.verdict.policy_version,
    )
    return prepare(event, go.key)


def _blocked(row: asyncpg.Record, verdict: Verdict, now: datetime) -> Drop:
    event = notice_event(
        row, EventKind.BLOCKED, now, verdict_data(verdict), policy_version=verdict.policy_version
    )
    rules = ",".join(finding.rule for finding in verdict.findings if finding.effect is Effect.BLOCK)
    return Drop(row, State.BLOCKED, rules, prepare(event))


def _wait(row: asyncpg.Record, verdict: Verdict, until: datetime, now: datetime) -> Wait:
    rules = tuple(finding.rule for finding in verdict.findings)
    event = notice_event(
        row, EventKind.HELD, now, verdict_data(verdict), policy_version=verdict.policy_version
    )
    return Wait(row, until, rules, prepare(event))


_DROPPED = {
    State.EXPIRED: EventKind.EXPIRED,
    State.FAILED: EventKind.FAILED,
    State.BLOCKED: EventKind.BLOCKED,
}


def drop(
    row: asyncpg.Record, state: State, code: str, now: datetime, data: dict[str, object]
) -> Drop:
    """A notice that leaves the queue for ``code``, with the event that says so."""
    event = notice_event(row, _DROPPED[state], now, {"code": code, **data})
    return Drop(row, state, code, prepare(event))


def same_day(notices: dict[UUID, int], go: Prepared) -> None:
    """Count an allowed notice for its debtor: the next one in the chunk must see it."""
    if isinstance(go, Go):
        debtor = go.row["debtor_id"]
        notices[debtor] = notices.get(debtor, 0) + 1


async def keep_templates(
    conn: Connection, going: Sequence[Go], now: datetime, kept: Container[str] = ()
) -> set[str]:
    """Keep every version about to be sent, in the transaction that commits the intent.

    ``kept`` are the digests known to be kept; returns those added.
    """
    used = {each.words.template.digest: each.words.template for each in going}
    fresh = {digest: template for digest, template in used.items() if digest not in kept}
    for _, template in sorted(fresh.items()):  # in one order, so that nobody waits in a ring
        await save_template(
            conn,
            template.digest,
            template.channel,
            template.purpose,
            template.locale,
            template.source,
            now,
        )
    return set(fresh)
