"""Which workers run, how they say they are, and which died without saying goodbye."""

import asyncpg
import orjson

from outreach.db import workers
from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError


async def check_workers(conn: Connection) -> str:
    """Those that live must be well; one that died is named, and is news only if none lives."""
    told = await workers.all_workers(conn)
    lives = [row for row in told if not row["gone"]]
    gone = ", ".join(
        f"{_named(row)} since {row['beat_at']:%H:%M} UTC" for row in told if row["gone"]
    )
    ill = [
        f"{_named(row)}: {loop} is {state}"
        for row in lives
        for loop, state in orjson.loads(row["loops"]).items()
        if state != "ok"
    ]
    if ill:
        raise ConfigurationError("; ".join(ill), "see its log; if it stays so, start it again")
    if gone and not lives:
        raise ConfigurationError(f"gone without a goodbye: {gone}", "start a worker: outreach up")
    says = ", ".join(f"{_named(row)} at {row['address'] or 'no port'}" for row in lives)
    return (says or "none run") + (f"; gone without a goodbye: {gone}" if gone else "")


def _named(row: asyncpg.Record) -> str:
    return f"{row['name']} ({row['host']}, process {row['pid']})"
