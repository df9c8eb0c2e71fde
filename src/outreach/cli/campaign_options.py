"""What the commands of ``outreach campaign`` have in common."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from outreach.cli.progress import bar
from outreach.cli.segment import whom
from outreach.db.pool import Connection
from outreach.domain.audience import Every, Filter
from outreach.domain.campaign import Campaign
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts
from outreach.portfolio.account_list import read_account_list
from outreach.portfolio.files import open_table

console = Console(highlight=False)

Number = Annotated[int, typer.Argument(help="The campaign's number.")]
Reason = Annotated[str, typer.Option(help="Why; kept on record.")]
Whom = Annotated[str | None, typer.Option("--segment", help="A segment's name.")]
WhomText = Annotated[str | None, typer.Option("--filter", help="A filter not kept as a segment.")]
Accounts = Annotated[
    Path | None,
    typer.Option(help="A CSV or Excel file of account numbers (账号) that it is within."),
]
Channels = Annotated[
    list[Channel],
    typer.Option("--channel", help="By which channel; again for what comes next in order."),
]
Why = Annotated[Purpose, typer.Option(help="Why we write (事由).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

EVERYBODY = Every(())


async def asked_of(
    conn: Connection, segment: str | None, text: str | None, accounts: Path | None
) -> Filter:
    """The filter asked for; a list of accounts may do without one."""
    if accounts is not None and segment is None and text is None:
        return EVERYBODY
    return await whom(conn, segment, text)


async def listed_in(parts: Parts, conn: Connection, creditor: str, file: Path) -> tuple[UUID, ...]:
    """The creditor's accounts in a file; what is wrong with it is said, and where."""
    parts.creditor(creditor)
    table = open_table(file)
    with bar("looking up the accounts") as watch:
        found = await read_account_list(
            conn, parts.lookup, creditor, table, lambda done: watch(done, table.size)
        )
    said = (
        f"{file}: {found.rows:,} rows: {len(found.account_ids):,} accounts, "
        f"{found.unknown:,} unknown, {found.bad:,} not readable, {found.duplicates:,} twice"
    )
    typer.echo(said, err=True)  # what follows may be read by a script
    if found.problems:
        typer.echo(f"which rows, and why: {found.problems}", err=True)
    return found.account_ids


def instant(text: str) -> datetime:
    """Read what ``--at`` says; raises ``InvalidInput`` for what is no instant."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInput(
            "--at is not an instant with its zone", "write it as 2026-11-24T09:30:00+08:00"
        )
    return at


def say(campaign: Campaign) -> None:
    """A campaign in one line."""
    many = f", {campaign.notices:,} notices" if campaign.notices is not None else ""
    if campaign.starts_at is not None:
        many += f", starts {campaign.starts_at:%Y-%m-%d %H:%M %Z}"
    console.print(
        f"campaign {campaign.number}: {campaign.state}{many}: {campaign.name}", markup=False
    )
