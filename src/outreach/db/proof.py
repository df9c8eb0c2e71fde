"""What a bundle of evidence is made of; read inside one repeatable read transaction."""

from collections.abc import Sequence
from datetime import datetime
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


# ----------------------------------------------------------------------------------- many at once


async def debtors(
    conn: Connection, creditor_id: str, since: datetime, until: datetime, after: UUID | None
) -> list[asyncpg.Record]:
    """The next debtors, by id, for whom the creditor made notices in that time: ``id,
    notices, gone``; ``gone`` are the numbers of those that are past waiting.
    """
    return await conn.fetch(
        """select d.id, count(*) as notices,
               array_agg(n.number order by n.number) filter (where n.state <> 'pending') as gone
           from notices n join debtors d on d.id = n.debtor_id
           where n.creditor_id = $1 and n.created_at >= $2 and n.created_at < $3
             and ($4::uuid is null or d.id > $4)
           group by d.id order by d.id limit 200""",
        *(creditor_id, since, until, after),
    )


async def count_debtors(
    conn: Connection, creditor_id: str, since: datetime, until: datetime
) -> int:
    count: int = await conn.fetchval(
        """select count(distinct debtor_id) from notices
           where creditor_id = $1 and created_at >= $2 and created_at < $3""",
        *(creditor_id, since, until),
    )
    return count


async def tally(
    conn: Connection, creditor_id: str, since: datetime, until: datetime
) -> list[asyncpg.Record]:
    """``purpose, channel, state, delivery, notices, debtors`` of what was made in that time."""
    return await conn.fetch(
        """select purpose, channel, state, delivery, count(*) as notices,
               count(distinct debtor_id) as debtors
           from notices where creditor_id = $1 and created_at >= $2 and created_at < $3
           group by 1, 2, 3, 4 order by 1, 2, 3, 4""",
        *(creditor_id, since, until),
    )
