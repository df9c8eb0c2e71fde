"""``outreach db``: the database's schema."""

import typer

from outreach.bootstrap import check_database, open_keys
from outreach.cli.session import run, servers
from outreach.clock import Clock
from outreach.db import migrate, schema
from outreach.db.pool import open_pool
from outreach.settings import load

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.callback()
def begin() -> None:
    """Keep ``db`` a group though it has one command."""


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema; nothing is ever removed."""
    typer.echo(f"schema: {run(_upgrade())}")


async def _upgrade() -> str:
    settings = load()
    async with servers(settings) as urls:
        await migrate.upgrade(urls.database)
        pool = await open_pool(urls.database, 1)
        try:
            await check_database(pool, settings, open_keys(settings), Clock(settings.clock_offset))
        finally:
            await pool.close()
    return schema.revisions()[-1]
