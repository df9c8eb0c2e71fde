"""Intent: claimed notices are judged and rendered; what goes is committed before the wire."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outreach.channels.base import Carrier
from outreach.clock import monotonic
from outreach.db import events, members, notices, release
from outreach.db.notices import Claim, save_template
from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import State
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.kept import kept_facts
from outreach.life.parts import Parts
from outreach.life.prepare import Drop, Go, Park, Prepared, Wait, prepare_all
from outreach.life.telling import notice_event, verdict_data

MARGIN = 0.9
"""The part of a lease in which a worker may still write to the wire."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Notices on their way to the wire, under a lease; ``deadline`` is monotonic.

    ``entries`` are their ``sending`` events: that one is stored proves that the intent committed.
    """

    claim_id: UUID
    carrier: Carrier
    going: tuple[Go, ...]
    entries: tuple[Entry, ...]
    deadline: float


async def intend(
    conn: Connection,
    parts: Parts,
    carrier: Carrier,
    rows: Sequence[asyncpg.Record],
    worker: str,
    kept: Container[str] = (),
) -> Chunk:
    """Decide on claimed rows and write the intent of those that go, all but their events.

    ``kept`` are the digests of template versions known to be stored.
    """
    now, lease = parts.clock.now(), parts.settings.lease_seconds
    await load_pinned(conn, parts, rows)
    prepared = prepare_all(parts, rows, now)
    going = tuple(each for each in prepared if isinstance(each, Go))
    await keep_templates(conn, going, now, kept)
    await hold_and_drop(conn, parts, prepared)
    claim = Claim(new_id(), worker, timedelta(seconds=lease))
    deadline = monotonic() + lease * MARGIN
    if going:
        await notices.start_sending(conn, [each.intent for each in going], claim)
        parts.metrics.moved({(carrier.channel, State.SENDING): len(going)})
    entries = tuple(sending_entry(each, carrier.name, now) for each in going)
    return Chunk(claim.id, carrier, going, entries, deadline)


async def hold_and_drop(conn: Connection, parts: Parts, prepared: Sequence[Prepared]) -> None:
    """Record what does not go now: held notices wait, parked and dropped ones leave the queue."""
    waits = [each for each in prepared if isinstance(each, Wait)]
    if waits:
        known = await events.last_hold(conn, [each.row["id"] for each in waits])
        fresh = [each for each in waits if known.get(each.row["id"]) != list(each.rules)]
        await notices.requeue(conn, [(each.row["id"], each.until) for each in waits])
        await events.append(conn, [each.entry for each in fresh])
    parked = [each.row["id"] for each in prepared if isinstance(each, Park)]
    if parked:
        await release.park(conn, parked)
    drops = [each for each in prepared if isinstance(each, Drop)]
    if drops:
        await notices.leave_queue(conn, [(each.row["id"], each.state, each.code) for each in drops])
        await events.append(conn, [each.entry for each in drops])
        parts.metrics.moved((each.row["channel"], each.state) for each in drops)
    missed = [each.row["id"] for each in drops if _point_lost(each.row)]
    if missed:
        await members.miss(conn, missed)


def _point_lost(row: asyncpg.Record) -> bool:
    """Whether a campaign's notice has lost the address it was made for."""
    lost = row["dead_at"] is not None or row["wrong_person_at"] is not None
    return lost and row["campaign_id"] is not None


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
    data = {
        **verdict_data(go.verdict),
        **(more or {}),
        "attempt": go.attempt,
        "purpose": go.row["purpose"],
        "carrier": carrier,
        "template": go.words.template.digest,
        "parts": go.words.parts,
        "facts": kept_facts(go.facts),
    }
    event = notice_event(
        go.row,
        EventKind.SENDING,
        now,
        data,
        payload=payload,
        policy_version=go.verdict.policy_version,
    )
    return prepare(event, go.key)


async def load_pinned(conn: Connection, parts: Parts, rows: Sequence[asyncpg.Record]) -> None:
    """Have the template versions at hand that campaigns have pinned."""
    digests = {row["pinned"] for row in rows if row["pinned"]}
    missing = [digest for digest in digests if parts.catalog.version(digest) is None]
    if not missing:
        return
    for source in await notices.template_sources(conn, missing):
        parts.catalog.kept(source)


async def keep_templates(
    conn: Connection, going: Sequence[Go], now: datetime, kept: Container[str] = ()
) -> None:
    """Keep every version about to be sent, in the transaction that commits the intent.

    ``kept`` are the digests known to be kept.
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
