"""The stop switch as each process sees it: read often, asked before every write to the wire."""

import asyncpg

from outreach.db import stops
from outreach.db.pool import Pool

REFRESH_SECONDS = 0.5


def scopes_of(row: asyncpg.Record) -> tuple[str, ...]:
    """The scopes a notice is in."""
    return (
        "all",
        f"creditor:{row['creditor_id']}",
        f"channel:{row['channel']}",
        f"campaign:{row['campaign_id']}",
    )


class Stops:
    """The scopes now stopped, at most ``REFRESH_SECONDS`` old while a worker runs."""

    def __init__(self) -> None:
        self._scopes: frozenset[str] = frozenset()

    def cover(self, row: asyncpg.Record) -> bool:
        """Whether the notice of this row of facts is in one of them."""
        scopes = self._scopes
        return bool(scopes) and not scopes.isdisjoint(scopes_of(row))

    async def refresh(self, pool: Pool) -> None:
        async with pool.acquire() as conn:
            self._scopes = frozenset(await stops.scopes(conn))
