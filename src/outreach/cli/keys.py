"""``outreach keys``: the master keys that wrap every sealing key."""

from typing import Annotated

import orjson
import typer

from outreach.cli.progress import Watch, bar
from outreach.cli.session import office, run
from outreach.db import keys
from outreach.db.pool import Pool
from outreach.domain.errors import Conflict
from outreach.ledger.keys import MasterKeys

BATCH = 500

app = typer.Typer(help="Master keys (OUTREACH_MASTER_KEYS).", no_args_is_help=True)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count the sealing keys by the master key that wraps them."""
    newest, counts, destroyed = run(_status())
    if as_json:
        found = {"newest": newest, "wrapped_by": counts, "destroyed": destroyed}
        typer.echo(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS).decode())
        return
    typer.echo(f"newest master key: version {newest}")
    for version, count in counts.items():
        old = "" if version == newest else "  (old: outreach keys rotate rewraps them)"
        typer.echo(f"{count:>10} sealing keys wrapped by version {version}{old}")
    if destroyed:
        typer.echo(f"{destroyed:>10} destroyed: what they sealed is gone for ever")


async def _status() -> tuple[int, dict[int, int], int]:
    async with office() as parts, parts.pool.acquire() as conn:
        counts, destroyed = await keys.count_by_version(conn)
        return parts.masters.current, counts, destroyed


@app.command()
def rotate() -> None:
    """Rewrap every sealing key under the newest master key; what they seal is not touched.

    Put the new key first in OUTREACH_MASTER_KEYS, beside the old ones, and restart everything
    before. Broken off, it goes on where it was; run again, it changes nothing.
    """
    with bar("rewrapping") as watch:
        newest, done, left = run(_rotate(watch))
    typer.echo(f"{done} sealing keys rewrapped under version {newest}")
    if left:
        raise Conflict(
            f"{left} sealing keys are still under another version",
            "another rotation is at work, or a process still runs with the older keys: "
            "restart it and run this again",
        )
    typer.echo(
        f"→ keep only {newest}:... in OUTREACH_MASTER_KEYS and restart: no other version opens "
        "anything here any more; put the old ones away with the backups made before today"
    )


async def _rotate(watch: Watch) -> tuple[int, int, int]:
    """The newest version, how many keys were rewrapped, and how many are left."""
    async with office() as parts:
        newest = parts.masters.current
        async with parts.pool.acquire() as conn:
            total = await keys.count_outdated(conn, newest)
        done = 0
        while taken := await rewrap_batch(parts.pool, parts.masters):
            done += taken
            watch(done, max(total, done))
        async with parts.pool.acquire() as conn:
            return newest, done, await keys.count_outdated(conn, newest)


async def rewrap_batch(pool: Pool, masters: MasterKeys) -> int:
    """Rewrap up to ``BATCH`` keys in one transaction; how many there were."""
    async with pool.acquire() as conn, conn.transaction():
        old = await keys.outdated(conn, masters.current, BATCH)
        await keys.replace(conn, [masters.rewrap(key) for key in old])
    return len(old)
