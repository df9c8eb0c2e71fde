"""``outreach policy check``: packs, word list and creditors' values, before anybody is judged."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from outreach.clock import Clock
from outreach.compliance.checking import Creditor, Report, counts
from outreach.compliance.checking import check as check_policies
from outreach.settings import Settings, read

BROKEN = 3
"""The exit code of a configuration that does not hold."""

console = Console(highlight=False, soft_wrap=True)


def check(
    folder: Annotated[
        Path | None, typer.Argument(help="The packs' folder; else policies/ of the configuration.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check packs, word list and what creditors ask beyond; exit code 3 if anything is wrong."""
    settings = read()
    now = Clock(settings.clock_offset).now()
    report = check_policies(folder or settings.config_dir / "policies", _creditors(settings), now)
    if as_json:
        typer.echo(orjson.dumps(_json(report)).decode())
    else:
        _print(report)
    raise typer.Exit(BROKEN if report.errors else 0)


def _creditors(settings: Settings) -> list[Creditor]:
    folder = settings.config_dir / "creditors"
    return [
        Creditor(each.id, each.jurisdiction, each.policy, folder / f"{each.id}.toml")
        for each in settings.creditors
    ]


def _json(report: Report) -> dict[str, object]:
    return {
        "ok": not report.errors,
        "errors": [{"says": each.message, "fix": each.remedy} for each in report.errors],
        "warnings": report.warnings,
        "packs": {
            str(place): {
                "title": pack.title,
                "digest": pack.version,
                "rules": counts(pack),
                "not_enforced": len(pack.not_enforced),
            }
            for place, pack in report.packs.items()
        },
        "creditors": {
            creditor: {"place": pack.jurisdiction, "digest": pack.version}
            for creditor, pack in report.judging.items()
        },
    }


def _print(report: Report) -> None:
    for place, pack in report.packs.items():
        rules = ", ".join(f"{family} {count}" for family, count in counts(pack).items())
        console.print(
            f"{place} {pack.title}  {pack.version[:12]}  {len(pack.rules)} rules: {rules}; "
            f"{len(pack.not_enforced)} enforced elsewhere or not",
            markup=False,
        )
    for creditor, pack in report.judging.items():
        own = "" if pack is report.packs[pack.jurisdiction] else ", stricter than the pack"
        console.print(
            f"creditor {creditor}: {pack.jurisdiction} {pack.version[:12]}{own}", markup=False
        )
    for warning in report.warnings:
        console.print("[yellow]![/] ", end="")
        console.print(warning, markup=False)
    for error in report.errors:
        console.print("[red]✗[/] ", end="")
        console.print(error.message, markup=False)
        if error.remedy:
            console.print(f"    → {error.remedy}", markup=False)
    wrong, looked = len(report.errors), len(report.warnings)
    console.print(f"{wrong} wrong, {looked} to look at" if wrong else f"holds; {looked} to look at")
