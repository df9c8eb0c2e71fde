"""The connection pool: asyncpg itself, with what every query here assumes."""

from typing import TypeAlias

import asyncpg

from outreach.domain.errors import ConfigurationError

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)


async def open_pool(dsn: str, size: int = 8, *, generic_plans: bool = False) -> Pool:
    """Open at most ``size`` connections; raises ``ConfigurationError`` if the server is away.

    ``generic_plans`` is for workers, who ask the same few questions all day: planning the claim
    anew each time costs as much as answering it.
    """
    settings = {"application_name": "outreach", "timezone": "UTC", "jit": "off"}
    if generic_plans:
        settings["plan_cache_mode"] = "force_generic_plan"
    try:
        pool: Pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            server_settings=settings,
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"PostgreSQL does not answer: {type(error).__name__}",
            "check OUTREACH_DATABASE_URL and that the server runs; "
            "leave it unset to use the embedded one",
        ) from error
    return pool
