"""``outreach uncertain``: notices that may or may not have been sent, settled by a named person."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.session import actor_of, office, run
from outreach.db import uncertain
from outreach.domain.errors import InvalidInput
from outreach.life import reconcile

app = typer.Typer(help="Notices whose answer was lost.", no_args_is_help=True)


@app.command("list")
def show() -> None:
    """List what evidence has not settled yet."""
    run(_list())


async def _list() -> None:
    async with office() as parts, parts.pool.acquire() as conn:
        rows = await uncertain.list_uncertain(conn)
    table = Table("notice", "creditor", "debtor", "channel", "purpose", "attempt", "since")
    for row in rows:
        table.add_row(
            str(row["number"]),
            row["creditor_id"],
            str(row["debtor_id"]),
            row["channel"],
            row["purpose"],
            str(row["attempt"]),
            f"{row['since']:%Y-%m-%d %H:%M:%S}",
        )
    Console().print(table if rows else "nothing is uncertain")


@app.command()
def resolve(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="The notice's number or id.")],
    reason: Annotated[str, typer.Option(help="The evidence; kept on record.")],
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="What the evidence shows.")
    ] = None,
) -> None:
    """Settle one notice; --not-sent lets it go out again, through the gate."""
    if sent is None:
        raise InvalidInput("say what the evidence shows", "add --sent or --not-sent")
    run(_resolve(notice, sent, actor_of(context), reason))
    typer.echo(f"notice {notice}: {'sent' if sent else 'not sent, due again'}")


async def _resolve(notice: str, sent: bool, actor: str, reason: str) -> None:
    async with office() as parts:
        await reconcile.resolve(parts, notice, sent, actor, reason)
