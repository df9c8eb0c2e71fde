"""Contact events: appended in the caller's transaction, never changed."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from outreach.db.pool import Connection
from outreach.domain.events import Event, EventKind
from outreach.ledger.envelope import Entry, canonical

# One statement for three tables: a chunk's events cost one round trip.
_APPEND = """
with e as materialized (
    select * from unnest($1::event_row[])
), envelopes as (
    insert into contact_events (id, at, kind, stream, creditor_id, actor, debtor_id, notice_id,
        account_id, channel, policy_version, data, payload_digest)
    select id, at, kind, stream, creditor_id, actor, debtor_id, notice_id, account_id, channel,
        policy_version, data, payload_digest from e
), payloads as (
    insert into event_payloads (event_id, key_id, salt, sealed)
    select id, key_id, salt, sealed from e where sealed is not null
)
insert into unsealed (event_id, at, stream) select id, at, stream from e
"""

Link = tuple[str, int, UUID, datetime, bytes, int | None]
"""Of a chain: ``stream, seq, event, at, head``, and its leaf in the log if it ended a pass."""

COLUMNS = """e.id, e.at, e.kind, e.stream, e.creditor_id, e.actor, e.debtor_id, e.notice_id,
    e.account_id, e.channel, e.policy_version, e.data, e.payload_digest"""


async def append(conn: Connection, entries: Sequence[Entry]) -> None:
    """Store envelopes, sealed payloads and the sealer's work list, all or nothing."""
    if not entries:
        return
    await conn.execute(_APPEND, [_row(entry) for entry in entries])


def _row(entry: Entry) -> tuple[object, ...]:
    """An ``event_row``."""
    event = entry.event
    return (
        entry.id,
        event.at,
        event.kind,
        event.stream,
        event.creditor_id,
        event.actor,
        event.debtor_id,
        event.notice_id,
        event.account_id,
        event.channel,
        event.policy_version,
        canonical(event.data).decode(),
        entry.payload_digest,
        entry.key_id,
        entry.salt,
        entry.sealed,
    )


async def stored(conn: Connection, entry: Entry) -> bool:
    """Whether this event is in the history: then all that was written with it is, too."""
    found: bool = await conn.fetchval(
        "select exists (select from contact_events where id = $1 and at = $2)",
        entry.id,
        entry.event.at,
    )
    return found


def read_event(row: asyncpg.Record) -> Event:
    """The envelope of a stored row, as it was before storing."""
    return Event(
        kind=EventKind(row["kind"]),
        at=row["at"],
        stream=row["stream"],
        creditor_id=row["creditor_id"],
        actor=row["actor"],
        debtor_id=row["debtor_id"],
        notice_id=row["notice_id"],
        account_id=row["account_id"],
        channel=row["channel"],
        policy_version=row["policy_version"],
        data=orjson.loads(row["data"]),
    )


async def timeline(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """A debtor's events in order, each with its sealed payload and wrapped key where they exist."""
    return await conn.fetch(
        f"""select {COLUMNS}, p.salt, p.sealed, p.key_id, k.wrapped, k.master_version
            from contact_events e
            left join event_payloads p on p.event_id = e.id
            left join sealing_keys k on k.id = p.key_id
            where e.debtor_id = $1 order by e.at, e.id""",
        debtor_id,
    )


async def notice_events(conn: Connection, notice_id: UUID) -> list[asyncpg.Record]:
    """One notice's events in order, with sealed payloads and wrapped keys."""
    return await conn.fetch(
        f"""select {COLUMNS}, p.salt, p.sealed, p.key_id, k.wrapped, k.master_version
            from contact_events e
            left join event_payloads p on p.event_id = e.id
            left join sealing_keys k on k.id = p.key_id
            where e.notice_id = $1 order by e.at, e.id""",
        notice_id,
    )


async def stream_events(conn: Connection, stream: str) -> list[asyncpg.Record]:
    """A stream's events in order, without payloads."""
    return await conn.fetch(
        f"select {COLUMNS} from contact_events e where e.stream = $1 order by e.at, e.id", stream
    )


async def last_hold(conn: Connection, notice_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Per notice, the rules of its newest event if that is a hold: no hold is told twice."""
    rows = await conn.fetch(
        """select distinct on (notice_id) notice_id, kind, data->'rules' as rules
           from contact_events where notice_id = any($1::uuid[])
           order by notice_id, at desc, id desc""",
        notice_ids,
    )
    return {
        row["notice_id"]: orjson.loads(row["rules"])
        for row in rows
        if row["kind"] == EventKind.HELD and row["rules"]
    }


# ------------------------------------------------------------------------------- the sealer


async def take_sealer_lock(conn: Connection, *, wait: bool) -> bool:
    """One sealer at a time, until this transaction ends; ``wait`` for the one at work, or not."""
    if wait:
        await conn.execute("select pg_advisory_xact_lock(hashtext('outreach.sealer'))")
        return True
    taken: bool = await conn.fetchval(
        "select pg_try_advisory_xact_lock(hashtext('outreach.sealer'))"
    )
    return taken


async def unsealed(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """The oldest unsealed events with their streams' heads.

    Laterally, one look-up a row: left to itself the planner reads a whole month of events for each
    batch, as long as the month is not large beside the batch.
    """
    return await conn.fetch(
        f"""with u as materialized (select * from unsealed order by event_id limit $1)
            select e.*, s.seq, s.head from u
            cross join lateral (
                select {COLUMNS} from contact_events e
                where e.id = u.event_id and e.at = u.at offset 0) e
            left join lateral (
                select seq, head from streams where stream = u.stream offset 0) s on true
            order by u.event_id""",
        limit,
    )


async def seal(
    conn: Connection,
    links: Sequence[Link],
    heads: Sequence[tuple[str, int, bytes]],
) -> None:
    """Record chain links and the streams' new heads."""
    await conn.execute(
        """with done as (delete from unsealed where event_id = any($3))
           insert into chain (stream, seq, event_id, at, head, leaf)
           select * from unnest($1::text[], $2::bigint[], $3::uuid[], $4::timestamptz[],
               $5::bytea[], $6::bigint[])""",
        *(list(column) for column in zip(*links, strict=True)),
    )
    await conn.execute(
        """insert into streams (stream, seq, head)
           select * from unnest($1::text[], $2::bigint[], $3::bytea[])
           on conflict (stream) do update set seq = excluded.seq, head = excluded.head""",
        *(list(column) for column in zip(*heads, strict=True)),
    )


# --------------------------------------------------------------------------- for verification
#
# Cursors, so that memory stays flat: run them inside one repeatable read transaction.


async def sealed_links(conn: Connection, stream: str | None) -> AsyncIterator[asyncpg.Record]:
    """Every chain link with its event, payload and stream's head, by stream and seq."""
    query = f"""
        select c.stream as chain_stream, c.seq, c.head, c.event_id, c.at as link_at, {COLUMNS},
            p.salt, p.sealed, p.key_id, k.wrapped, k.master_version,
            s.seq as stream_seq, s.head as stream_head
        from chain c
        left join contact_events e on e.id = c.event_id and e.at = c.at
        left join event_payloads p on p.event_id = c.event_id
        left join sealing_keys k on k.id = p.key_id
        left join streams s on s.stream = c.stream
        where $1::text is null or c.stream = $1
        order by c.stream, c.seq"""
    async for row in conn.cursor(query, stream, prefetch=1000):
        yield row


async def unsealed_payloads(conn: Connection, stream: str | None) -> AsyncIterator[asyncpg.Record]:
    """Events not yet chained: their payload digests are checked all the same."""
    query = f"""
        select u.stream as waiting_in, {COLUMNS}, p.salt, p.sealed, p.key_id, k.wrapped,
            k.master_version
        from unsealed u join contact_events e on e.id = u.event_id and e.at = u.at
        left join event_payloads p on p.event_id = e.id
        left join sealing_keys k on k.id = p.key_id
        where $1::text is null or u.stream = $1
        order by u.event_id"""
    async for row in conn.cursor(query, stream, prefetch=1000):
        yield row


async def strays(conn: Connection, stream: str | None) -> AsyncIterator[asyncpg.Record]:
    """``(what, id, stream)`` of rows that have no partner in the tables they belong with.

    ``event``: neither chained nor waiting; ``payload``: of no event (asked of the whole history
    only); ``waiting``: waits to be sealed without an event; ``twice``: waits though chained;
    ``head``: the head of a stream without links.
    """
    query = """
        select 'waiting' as what, u.event_id as id, u.stream from unsealed u
        where ($1::text is null or u.stream = $1)
          and not exists (select from contact_events e where e.id = u.event_id and e.at = u.at)
        union all
        select 'event', e.id, e.stream from contact_events e
        where ($1::text is null or e.stream = $1)
          and not exists (select from chain c where c.event_id = e.id and c.at = e.at)
          and not exists (select from unsealed u where u.event_id = e.id and u.at = e.at)
        union all
        select 'payload', p.event_id, null from event_payloads p
        where $1::text is null
          and not exists (select from contact_events e where e.id = p.event_id)
        union all
        select 'twice', u.event_id, u.stream from unsealed u
        where ($1::text is null or u.stream = $1)
          and exists (select from chain c where c.event_id = u.event_id)
        union all
        select 'head', null, s.stream from streams s
        where ($1::text is null or s.stream = $1)
          and not exists (select from chain c where c.stream = s.stream)"""
    async for row in conn.cursor(query, stream, prefetch=1000):
        yield row


async def by_id(conn: Connection, event_id: UUID) -> asyncpg.Record | None:
    """An event by its id alone, for a link or a waiting row whose time does not match."""
    return await conn.fetchrow(
        f"select {COLUMNS} from contact_events e where e.id = $1 limit 1", event_id
    )


async def payload(conn: Connection, event_id: UUID) -> asyncpg.Record | None:
    """An event's sealed payload with its wrapped key; None where it has none, or was erased."""
    return await conn.fetchrow(
        """select p.sealed, p.key_id, k.wrapped, k.master_version
           from event_payloads p join sealing_keys k on k.id = p.key_id where p.event_id = $1""",
        event_id,
    )


async def erasures(conn: Connection, stream: str | None) -> AsyncIterator[dict[str, object]]:
    """What each ``erased`` event says was destroyed: ``keys`` and ``payloads``, lists of ids."""
    query = f"""select data from contact_events
        where kind = '{EventKind.ERASED}' and ($1::text is null or stream = $1)"""
    async for row in conn.cursor(query, stream, prefetch=1000):
        yield orjson.loads(row["data"])


async def count_sealed(conn: Connection, stream: str | None) -> int:
    count: int = await conn.fetchval(
        "select count(*) from chain where $1::text is null or stream = $1", stream
    )
    return count


async def heads(conn: Connection, stream: str | None) -> dict[str, tuple[int, bytes]]:
    rows = await conn.fetch(
        "select stream, seq, head from streams where $1::text is null or stream = $1", stream
    )
    return {row["stream"]: (row["seq"], row["head"]) for row in rows}


async def has_scan(conn: Connection, notice_id: UUID, digest: str) -> bool:
    """Whether this very picture is filed with the notice."""
    return bool(
        await conn.fetchval(
            f"""select exists (select from contact_events where notice_id = $1
                and kind = '{EventKind.SCANNED}' and data->>'scan_sha256' = $2)""",
            notice_id,
            digest,
        )
    )
