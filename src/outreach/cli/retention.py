"""``outreach retention`` (留存): what is past its time, and taking it away."""

from datetime import date, datetime
from typing import Annotated

import typer

from outreach.cli.progress import Watch, bar
from outreach.cli.session import office, run
from outreach.compliance.retention import Retentions, load_retention
from outreach.compliance.window import instant, zone_named
from outreach.domain.debtor import HOME_ZONE, Jurisdiction
from outreach.domain.errors import InvalidInput
from outreach.life import retention
from outreach.life.parts import Parts
from outreach.life.retention import Due

app = typer.Typer(help="Retention (留存).", no_args_is_help=True)


@app.command()
def show() -> None:
    """The rules, with their sources, and how much is past its time today."""
    rules, due = run(_show())
    for place, rule in rules.places.items():
        typer.echo(f"{rule.id:8}{place:12}{rule.years} years  {rule.title} ({rule.confidence})")
        typer.echo(f"        {rule.source}")
    _print(due, "are due")


async def _show() -> tuple[Retentions, Due]:
    async with office() as parts:
        rules = _rules(parts)
        return rules, await retention.due(parts, rules, parts.clock.now())


@app.command("run")
def run_retention(
    at: Annotated[
        str | None, typer.Option(help="As of this day, with --dry-run only: 2031-01-01.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count; change nothing.")] = False,
) -> None:
    """Erase what is past its time; each stands in the history. Broken off, run it again."""
    if at is not None and not dry_run:
        raise InvalidInput("--at is for looking ahead", "add --dry-run")
    day = _day(at) if at else None
    with bar("erasing") as watch:
        due = run(_run(day, dry_run, watch))
    _print(due, "are due" if dry_run else "erased")


async def _run(day: datetime | None, dry_run: bool, watch: Watch) -> Due:
    async with office() as parts:
        rules, now = _rules(parts), day or parts.clock.now()
        if dry_run:
            return await retention.due(parts, rules, now)
        return await retention.run(parts, rules, now, watch)


def _rules(parts: Parts) -> Retentions:
    return load_retention(parts.settings.config_dir / "policies")


def _day(text: str) -> datetime:
    zone = zone_named(HOME_ZONE[Jurisdiction.MAINLAND])
    assert zone is not None
    try:
        return instant(date.fromisoformat(text), 0, zone)
    except ValueError:
        raise InvalidInput(f"--at: {text!r} is no day", "write it as 2031-01-01") from None


def _print(due: Due, verb: str) -> None:
    places = ", ".join(f"{count} of {place}" for place, count in due.debtors.items())
    typer.echo(f"debtors {verb}: {places}")
    typer.echo(f"contact points of strangers {verb}: {due.points}")
    typer.echo(f"days of raw callbacks {verb}: {due.days}")
