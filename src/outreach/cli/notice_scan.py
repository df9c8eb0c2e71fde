"""``outreach notice scan``: pictures of receipts and returned letters, filed with their notices."""

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outreach.cli.progress import Watch, bar
from outreach.cli.session import actor_of, office, run
from outreach.domain.errors import InvalidInput, OutreachError
from outreach.life import scans
from outreach.life.parts import Parts
from outreach.life.scans import Filed

FAILED = 1

console = Console(highlight=False)


def scan_receipts(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Pictures named by mail number, or folders of them.")
    ],
    original: Annotated[
        Path | None,
        typer.Option(help="The whole scan they were cut from: its digest is kept with each."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be filed, and file nothing.")
    ] = False,
) -> None:
    """File what the post brought back: PNG, JPEG or PDF, each of one debtor's letter alone.

    RR100000017CN.png, RR100000017CN-2.png. What cannot be filed is listed and keeps out no other.
    """
    paths, whole = _paths(files), _digest(original) if original else ""
    with bar("filing") as watch:
        done = run(_file_all(paths, whole, actor_of(context), watch, dry_run=dry_run))
    table = Table("file", "notice", "")
    for path, found in zip(paths, done, strict=True):
        if isinstance(found, Filed):
            new = "would be filed" if dry_run else "filed"
            table.add_row(path.name, str(found.number), new if found.new else "filed before")
        else:
            table.add_row(Text(path.name), "", Text(str(found)))
    console.print(table)
    refused = sum(isinstance(found, OutreachError) for found in done)
    kept = len(done) - refused
    typer.echo(f"{kept} of {len(done)} {'could be' if dry_run else 'are'} filed")
    if refused:
        raise typer.Exit(FAILED)


def _paths(given: Sequence[Path]) -> list[Path]:
    """The files, those of folders in order of name."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = (each for each in path.iterdir() if not each.name.startswith("."))
            found += sorted(each for each in inside if each.is_file())
        else:
            found.append(path)
    if not found:
        raise InvalidInput("there is no file in these folders", "name pictures")
    return found


def _digest(original: Path) -> str:
    try:
        with original.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(f"--original: {original} cannot be read: {error.strerror}") from None


async def _file_all(
    paths: Sequence[Path], whole: str, actor: str, watch: Watch, *, dry_run: bool
) -> list[Filed | OutreachError]:
    done: list[Filed | OutreachError] = []
    async with office() as parts:
        for path in paths:
            done.append(await _file(parts, path, whole, actor, dry_run=dry_run))
            watch(len(done), len(paths))
    return done


async def _file(
    parts: Parts, path: Path, whole: str, actor: str, *, dry_run: bool
) -> Filed | OutreachError:
    """One by one: what is wrong with one keeps out no other."""
    async with parts.pool.acquire() as conn:
        filing = conn.transaction()
        await filing.start()
        try:
            scan = scans.read(path)
            found = await scans.file(parts, conn, scan, whole or scan.digest, actor)
        except OutreachError as error:
            await filing.rollback()
            return error
        except BaseException:
            await filing.rollback()
            raise
        await (filing.rollback() if dry_run else filing.commit())
        return found
