"""Every policy that judged: kept whole by its digest, so that a verdict can be judged again."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from outreach.compliance.pack import Pack
from outreach.db.pool import Connection


async def keep(conn: Connection, packs: Iterable[Pack], now: datetime) -> list[str]:
    """Keep those that are not kept yet; their digests."""
    rows = await conn.fetch(
        """insert into policies (digest, jurisdiction, title, source, first_used_at)
           select * from unnest($1::policies[]) on conflict (digest) do nothing returning digest""",
        [(pack.version, pack.jurisdiction, pack.title, pack.source, now) for pack in packs],
    )
    return [row["digest"] for row in rows]


async def find(conn: Connection, digest: str) -> list[asyncpg.Record]:
    """The policies whose digest begins so: ``digest, jurisdiction, title, source, first_used_at``,
    the first used first.
    """
    return await conn.fetch(
        "select * from policies where starts_with(digest, $1) order by first_used_at, digest",
        digest,
    )
