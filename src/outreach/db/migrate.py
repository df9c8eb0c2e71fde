"""Bring a database to this version's schema, by Alembic; nothing else here needs it."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from outreach.db.pool import open_pool
from outreach.db.schema import MIGRATIONS, require_known


async def upgrade(dsn: str) -> None:
    """Run every missing migration, each in its own transaction; raises ``ConfigurationError``."""
    async with await open_pool(dsn, 1) as pool, pool.acquire() as conn:
        await require_known(conn)
    url = dsn.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=NullPool)

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await engine.dispose()
