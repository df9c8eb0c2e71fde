"""What waits for a worker, and since when: for ``outreach doctor``."""

from datetime import datetime
from typing import NamedTuple

from outreach.db.pool import Connection


class Backlog(NamedTuple):
    """How many wait; ``since`` is the oldest one's instant on the business clock."""

    waiting: int
    since: datetime | None


async def unsealed(conn: Connection) -> Backlog:
    """Events that no sealer has chained yet."""
    row = await conn.fetchrow("select count(*), min(at) from unsealed")
    assert row is not None
    return Backlog(*row)


async def unapplied(conn: Connection) -> Backlog:
    """Callbacks stored and answered, but not in the history yet."""
    row = await conn.fetchrow(
        """select count(*), min(r.received_at)
           from callbacks_due d join raw_callbacks r on r.id = d.callback_id"""
    )
    assert row is not None
    return Backlog(*row)
