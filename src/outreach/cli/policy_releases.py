"""``outreach policy releases``: what waits for a second person."""

from typing import Annotated

import asyncpg
import orjson
import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.session import office, run
from outreach.db import releases as asked
from outreach.proof.names import CHANNELS, PURPOSES

console = Console(highlight=False)


def releases(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List what somebody asked to release, for a second person to approve or refuse."""
    rows = run(_waiting())
    if as_json:
        typer.echo(orjson.dumps([dict(row) for row in rows]).decode())
        return
    if not rows:
        console.print("nothing waits for a second person")
        return
    table = Table("notice", "creditor", "what", "state", "rule", "reason", "asked by", "expires")
    for row in rows:
        table.add_row(
            str(row["number"]),
            row["creditor_id"],
            f"{PURPOSES[row['purpose']]} {CHANNELS[row['channel']]}",
            row["state"],
            row["rule"],
            row["reason"],
            f"{row['asked_by']} {row['asked_at']:%m-%d %H:%M}",
            f"{row['expires_at']:%Y-%m-%d %H:%M}",
        )
    console.print(table)
    console.print("outreach --as SOMEBODY notice release N --approve, or --refuse --reason ...")


async def _waiting() -> list[asyncpg.Record]:
    async with office() as parts, parts.pool.acquire() as conn:
        return await asked.waiting(conn, parts.clock.now())
