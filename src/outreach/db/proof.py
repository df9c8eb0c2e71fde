"""What a bundle of evidence is made of; read inside one repeatable read transaction."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outreach.db.events import COLUMNS
from outreach.db.pool import Connection


async def links(conn: Connection, stream: str) -> list[asyncpg.Record]:
    """A stream's chain links in order, each with its event, its payload and the wrapped key."""
    return await conn.fetch(
        f"""select c.seq, c.head, {COLUMNS}, p.salt, p.sealed, p.key_id, k.wrapped,
                k.master_version
            from chain c
            join contact_events e on e.id = c.event_id and e.at = c.at
            left join event_payloads p on p.event_id = c.event_id
            left join sealing_keys k on k.id = p.key_id
            where c.stream = $1 order by c.seq""",
        stream,
    )


async def notices(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """A debtor's notices in their order, with where their contact points came from."""
    return await conn.fetch(
        """select n.id, n.number, n.purpose, n.channel, n.account_ids, n.state, n.created_at,
               n.contact_point_id, p.origin, p.document, p.verified, p.usage
           from notices n left join contact_points p on p.id = n.contact_point_id
           where n.debtor_id = $1 order by n.number""",
        debtor_id,
    )


async def notice(conn: Connection, number: int) -> asyncpg.Record | None:
    """``id, debtor_id`` of a notice by its number."""
    return await conn.fetchrow("select id, debtor_id from notices where number = $1", number)


async def templates(conn: Connection, digests: Sequence[str]) -> dict[str, str]:
    """The sources of template versions, by digest."""
    rows = await conn.fetch(
        "select digest, source from template_versions where digest = any($1::text[])", digests
    )
    return {row["digest"]: row["source"] for row in rows}


async def policies(conn: Connection, digests: Sequence[str]) -> dict[str, str]:
    """The sources of policies, by digest."""
    rows = await conn.fetch(
        "select digest, source from policies where digest = any($1::text[])", digests
    )
    return {row["digest"]: row["source"] for row in rows}
