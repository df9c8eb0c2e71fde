"""``outreach backup`` and ``outreach restore``: see docs/recovery.md for the drill."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from outreach import backup as copies
from outreach.backup.manifest import Manifest
from outreach.cli.progress import Watch, bar
from outreach.cli.session import actor_of, run, servers
from outreach.settings import load

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def backup(folder: Folder, as_json: AsJson = False) -> None:
    """Write a backup into a new folder; the wrapped keys are a file of their own in it.

    OUTREACH_MASTER_KEYS and OUTREACH_LOOKUP_KEY are not in it: without them it opens nothing.
    """
    with bar("dumping") as watch:
        made = run(_backup(folder, watch))
    if as_json:
        typer.echo(orjson.dumps(_summary(made)).decode())
        return
    _tell(made)
    typer.echo(f"→ store {folder / copies.KEYS} apart from the rest; only the newest need be kept")


async def _backup(folder: Path, watch: Watch) -> Manifest:
    async with servers(load()) as urls:
        return await copies.backup(urls.database, folder, watch)


@app.command()
def restore(
    context: typer.Context,
    folder: Folder,
    newer: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            metavar="FOLDER",
            help="The newest backup's folder: what it knows as destroyed stays destroyed.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a backup; nothing is sent from it until: outreach recover."""
    with bar("restoring") as watch:
        found, destroyed = run(_restore(folder, newer, actor_of(context), dry_run, watch))
    if as_json:
        typer.echo(orjson.dumps(_summary(found) | {"kept_destroyed": destroyed}).decode())
        return
    _tell(found)
    if dry_run:
        typer.echo("the backup is whole and the database empty; nothing was written")
        return
    if destroyed:
        typer.echo(f"{destroyed:>9} keys destroyed since then stay destroyed")
    typer.echo("→ outreach db upgrade, then: outreach recover --dry-run")


async def _restore(
    folder: Path, newer: Path | None, actor: str, dry_run: bool, watch: Watch
) -> tuple[Manifest, int]:
    async with servers(load()) as urls:
        return await copies.restore(
            urls.database, folder, newer, actor, dry_run=dry_run, progress=watch
        )


def _summary(manifest: Manifest) -> dict[str, object]:
    return {
        "made_at": manifest.made_at,
        "schema": manifest.schema,
        "newest_event": manifest.newest_event[1] if manifest.newest_event else None,
        "counts": dict(manifest.counts),
    }


def _tell(manifest: Manifest) -> None:
    typer.echo(f"backup of {manifest.made_at:%F %T} UTC, schema {manifest.schema}")
    for name, count in manifest.counts.items():
        typer.echo(f"{count:>9} {name.replace('_', ' ')}")
