"""What ``accounts import`` and ``payments import`` share: options, progress bar, summary."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Protocol

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from outreach.cli.session import actor_of, office, run
from outreach.domain.errors import InvalidInput
from outreach.life.parts import Parts
from outreach.portfolio import values
from outreach.portfolio.load import Watch
from outreach.portfolio.reading import Control
from outreach.portfolio.report import Report

File = Annotated[Path, typer.Argument(help=".csv (UTF-8 or GB18030) or .xlsx.")]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", help="TOML with your own column names.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and compare everything, write nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")]
ShiftDays = Annotated[
    int, typer.Option("--shift-days", help="Move every date: example files of one day, today.")
]
ExpectRows = Annotated[
    int | None, typer.Option("--expect-rows", min=0, help="Data rows the file must have.")
]


class Import(Protocol):
    """``import_accounts`` or ``import_payments``."""

    async def __call__(
        self,
        parts: Parts,
        path: Path,
        actor: str,
        *,
        mapping: Path | None = None,
        shift_days: int = 0,
        expected: Control | None = None,
        dry_run: bool = False,
        watch: Watch = ...,
    ) -> Report: ...


def control(rows: int | None, total: str | None, option: str) -> Control | None:
    """The totals given as flags; raises ``InvalidInput`` for a sum that is no figure."""
    if rows is None and total is None:
        return None
    return Control(rows, _figure(total, option) if total else None)


def _figure(text: str, option: str) -> Decimal:
    try:
        return values.figure(text)[0]
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}", f"write {option} 1234567.89") from None


def run_import(
    context: typer.Context,
    work: Import,
    file: Path,
    *,
    mapping: Path | None,
    shift_days: int,
    expected: Control | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import with a progress bar on a terminal, then say what came of it."""

    async def go(watch: Watch) -> Report:
        async with office() as parts:
            return await work(
                parts,
                file,
                actor_of(context),
                mapping=mapping,
                shift_days=shift_days,
                expected=expected,
                dry_run=dry_run,
                watch=watch,
            )

    with _bar() as watch:
        report = run(go(watch))
    if as_json:
        typer.echo(orjson.dumps(report.as_dict()).decode())
    else:
        _summarise(report)


@contextmanager
def _bar() -> Iterator[Watch]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("opening", total=None)

        def watch(what: str, done: int, size: int) -> None:
            progress.update(task, description=what, completed=done, total=size)

        yield watch


def _summarise(report: Report) -> None:
    would = "would be " if report.dry_run else ""
    typer.echo(f"{report.file}: {report.rows} rows read")
    for count, words in (
        (report.created, f"{would}new"),
        (report.changed, f"{would}changed"),
        (report.unchanged, "unchanged"),
        (report.stale, "with an older balance than the one here: not used"),
        (report.refused, f"refused: see {report.bad_rows}"),
        (report.settled, f"accounts {would}settled"),
        (report.shared_phones or 0, "phone numbers belong to more than one debtor here"),
    ):
        if count:
            typer.echo(f"{count:>9} {words}")
    if report.ignored:
        typer.echo(f"columns not used: {', '.join(report.ignored)}")
