"""The connection pool: asyncpg itself, with what every query here assumes."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import asyncpg

from outreach.domain.errors import ConfigurationError

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

OLDEST = 18
"""The first version of PostgreSQL that makes ids in order of time (``uuidv7``)."""

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # how asyncpg sometimes takes a connection cut in mid-answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""The server, not the statement, failed: it restarts, is away, full or read-only, or dropped us."""


def about_data(error: Exception) -> bool:
    """Whether an error is about what was written (SQLSTATE classes 22 and 23) or our own code's,
    and so of one row, and not of the server, which would refuse any row.
    """
    if isinstance(error, (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)):
        return True
    refused = (*LOST, asyncpg.PostgresError, ConfigurationError)
    return not isinstance(error, refused)


async def _leave(_: Connection) -> None:
    """What a worker's connection goes back to the pool with: nothing to clear away, for whoever
    takes a lock of the session gives it back. The usual reset is a round trip a chunk.
    """


async def open_pool(
    dsn: str,
    size: int = 8,
    *,
    generic_plans: bool = False,
    init: Callable[[Connection], Coroutine[Any, Any, None]] | None = None,
) -> Pool:
    """Open at most ``size`` connections; raises ``ConfigurationError`` if the server is away.

    ``generic_plans`` is for workers, who ask the same few questions all day: planning the claim
    anew each time costs as much as answering it. ``init`` sees every new connection first; what it
    raises, whoever wanted that connection gets.
    """
    reset = None
    settings = {"application_name": "outreach", "timezone": "UTC", "jit": "off"}
    if generic_plans:
        settings["plan_cache_mode"] = "force_generic_plan"
        # a plan made while a table is small must still be right when it has grown
        settings["enable_seqscan"] = "off"
        # a worker that is suspended in a transaction must not hold its rows for ever
        settings["idle_in_transaction_session_timeout"] = "60s"
        reset = _leave
    try:
        # no floor: asyncpg would restore it behind our back, and log each failure with a traceback
        pool: Pool = await asyncpg.create_pool(
            dsn, min_size=0, max_size=size, server_settings=settings, init=init, reset=reset
        )
        async with pool.acquire() as conn:
            version = conn.get_server_version()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"PostgreSQL does not answer: {type(error).__name__}",
            "check OUTREACH_DATABASE_URL and that the server runs; "
            "leave it unset to use the embedded one",
        ) from error
    if version.major < OLDEST:
        await pool.close()
        raise ConfigurationError(
            f"this PostgreSQL is {version.major}, and {OLDEST} or later is needed",
            "upgrade the server that OUTREACH_DATABASE_URL names",
        )
    return pool
