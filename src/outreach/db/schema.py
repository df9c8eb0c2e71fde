"""The schema this version of the program was built for, and the partitions it needs."""

from datetime import datetime
from pathlib import Path

from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"


def revisions() -> list[str]:
    """Every revision this version knows, oldest first: migrations are named ``<revision>_what.py``.

    Read from the file names, so that a process need not load Alembic to know its own schema.
    """
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*_*.py"))


async def current(conn: Connection) -> str | None:
    """The database's revision, or None for an empty database."""
    if await conn.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await conn.fetchval("select version_num from alembic_version")
    return revision


async def require_known(conn: Connection) -> str | None:
    """The revision; raises ``ConfigurationError`` for one that only another version can know."""
    revision, known = await current(conn), revisions()
    if revision is not None and revision not in known:
        raise ConfigurationError(
            f"this version of Outreach does not know the database's schema {revision}",
            f"install the version of Outreach that made it; this one knows {known[-1]}",
        )
    return revision


async def require_head(conn: Connection) -> None:
    """Raise ``ConfigurationError`` unless the schema is the one this program was built for."""
    revision, needed = await require_known(conn), revisions()[-1]
    if revision != needed:
        raise ConfigurationError(
            f"the database's schema is {revision or 'empty'}, this version needs {needed}",
            "run: outreach db upgrade",
        )


async def read_only(conn: Connection) -> bool:
    """Whether the server refuses writes: a standby, or one set so."""
    said: str = await conn.fetchval("show transaction_read_only")
    return said == "on"


async def ensure_partitions(conn: Connection, now: datetime, ahead: int = 3) -> None:
    """Make the monthly partitions of ``contact_events`` from last month to ``ahead`` months on."""
    months = now.year * 12 + now.month - 1
    for index in range(months - 1, months + ahead + 1):
        first, following = _month(index), _month(index + 1)
        name = f"contact_events_{first[:4]}_{first[5:7]}"
        await conn.execute(
            f"create table if not exists {name} partition of contact_events "
            f"for values from ('{first}+00') to ('{following}+00')"
        )


def _month(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}-01 00:00:00"
