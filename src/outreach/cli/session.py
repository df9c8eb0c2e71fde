"""What every command has at hand: who acts, the opened parts, and how asynchronous work is run."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import typer
import uvloop

from outreach.bootstrap import open_parts
from outreach.db.pool import Connection
from outreach.embedded import Embedded, Urls
from outreach.life.parts import Parts
from outreach.settings import Settings, load

T = TypeVar("T")


def actor_of(context: typer.Context) -> str:
    """Who acts in this command (``--as``): ``user:<name>``, written on every event it leaves."""
    actor = context.find_root().obj
    assert isinstance(actor, str)
    return actor


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous work on uvloop and return what it returns."""
    return uvloop.run(work)


@asynccontextmanager
async def servers(settings: Settings) -> AsyncIterator[Urls]:
    """The configured PostgreSQL and Redis; the embedded ones, joined or started, where none is."""
    database, redis = settings.database_url, settings.redis_url
    if database is not None and redis is not None:
        yield Urls(database.get_secret_value(), redis.get_secret_value())
        return
    async with Embedded(settings.data_dir) as urls:
        yield Urls(
            database.get_secret_value() if database else urls.database,
            redis.get_secret_value() if redis else urls.redis,
        )


@asynccontextmanager
async def office(settings: Settings | None = None) -> AsyncIterator[Parts]:
    """Everything opened, for one command: ``async with office() as parts``."""
    settings = settings or load()
    async with (
        servers(settings) as urls,
        open_parts(settings, urls.database, pool_size=4) as parts,
    ):
        yield parts


async def in_office(work: Callable[[Parts, Connection], Awaitable[T]]) -> T:
    """Do it in one transaction of an opened office."""
    async with office() as parts, parts.pool.acquire() as conn, conn.transaction():
        return await work(parts, conn)
