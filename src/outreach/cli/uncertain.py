"""``outreach uncertain``: notices that may or may not have been sent, settled by a named person."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.session import actor_of, office, run
from outreach.db import uncertain
from outreach.domain.errors import InvalidInput
from outreach.life import reconcile
from outreach.portfolio.answers import read_answers, refuse

app = typer.Typer(help="Notices whose answer was lost.", no_args_is_help=True)


@app.command("list")
def show(
    every: Annotated[
        bool, typer.Option("--all", help="Also what evidence may still settle by itself.")
    ] = False,
) -> None:
    """List what evidence has not settled in time (see ``uncertain_minutes``)."""
    run(_list(every))


async def _list(every: bool) -> None:
    async with office() as parts, parts.pool.acquire() as conn:
        rows = await uncertain.list_uncertain(conn, parts.settings.uncertain_minutes * 60)
    table = Table("notice", "creditor", "debtor", "channel", "purpose", "attempt", "since")
    shown = [row for row in rows if every or row["open"]]
    for row in shown:
        table.add_row(
            str(row["number"]),
            row["creditor_id"],
            str(row["debtor_id"]),
            row["channel"],
            row["purpose"],
            str(row["attempt"]),
            f"{row['since']:%Y-%m-%d %H:%M:%S}",
        )
    console = Console()
    console.print(table if shown else "nothing asks for a person")
    if waiting := len(rows) - len(shown):
        console.print(f"{waiting} more wait for evidence: outreach uncertain list --all")


@app.command()
def resolve(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="The evidence; kept on record.")],
    notice: Annotated[str | None, typer.Argument(help="The notice's number or id.")] = None,
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="What the evidence shows.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Many at once: .csv or .xlsx, columns 通知 and 结果 (已发 or 未发)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --file: check every row, change nothing.")
    ] = False,
) -> None:
    """Settle one notice, or a file of them; --not-sent lets it go out again, through the gate."""
    if file is not None:
        if notice is not None or sent is not None:
            raise InvalidInput("--file says which and what itself", "leave out the others")
        run(_resolve_file(file, actor_of(context), reason, dry_run))
        return
    if notice is None or sent is None or dry_run:
        raise InvalidInput("say what the evidence shows", "NUMBER --sent, --not-sent, or --file F")
    run(_resolve(notice, sent, actor_of(context), reason))
    typer.echo(f"notice {notice}: {'sent' if sent else 'not sent, due again'}")


async def _resolve(notice: str, sent: bool, actor: str, reason: str) -> None:
    async with office() as parts:
        await reconcile.resolve(parts, notice, sent, actor, reason)


async def _resolve_file(file: Path, actor: str, reason: str, dry_run: bool) -> None:
    answers = read_answers(file)
    async with office() as parts:
        refuse(file, await reconcile.resolve_all(parts, answers, actor, reason, dry_run=dry_run))
    sent = sum(answer.sent for answer in answers)
    would = "would be " if dry_run else ""
    typer.echo(f"{would}settled: {sent} sent, {len(answers) - sent} not sent and due again")
