"""The stop switch as each process sees it: read often, asked before every write to the wire."""

from outreach.db import stops
from outreach.db.pool import Pool

REFRESH_SECONDS = 0.5


class Stops:
    """The scopes now stopped, at most ``REFRESH_SECONDS`` old while a worker runs."""

    def __init__(self) -> None:
        self._scopes: frozenset[str] = frozenset()

    def cover(self, creditor_id: str, channel: str) -> bool:
        scopes = self._scopes
        return bool(scopes) and not scopes.isdisjoint(
            ("all", f"creditor:{creditor_id}", f"channel:{channel}")
        )

    async def refresh(self, pool: Pool) -> None:
        async with pool.acquire() as conn:
            self._scopes = frozenset(await stops.scopes(conn))
