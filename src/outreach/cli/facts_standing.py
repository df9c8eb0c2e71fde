"""``outreach facts standing``: what stands in the way of writing to somebody, and its clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import typer
from rich.table import Table
from rich.text import Text

from outreach.cli.facts_options import (
    WORDS,
    AsJson,
    Evidence,
    OfCreditor,
    Since,
    Until,
    Whom,
    check_creditor,
    console,
    needed,
    took,
    typed,
)
from outreach.cli.session import actor_of, in_office, run
from outreach.db import standings
from outreach.db.pool import Connection
from outreach.domain.codes import code
from outreach.domain.contact import Channel
from outreach.domain.debtor import Standing
from outreach.domain.errors import Conflict
from outreach.domain.standing import About, Body, Stated
from outreach.life.facts import Book, Took
from outreach.life.parts import Parts
from outreach.life.stating import Ending, Statements
from outreach.portfolio import values
from outreach.proof.names import STANDINGS
from outreach.proof.reading import find_whom

MOST = 1_000
SOON_DAYS = 3

app = typer.Typer(
    help="Standings and lists (状态与名单): disputes, complaints, plans, do-not-contact ...",
    no_args_is_help=True,
)

Kind = Annotated[Standing, typer.Argument(help="What stands.")]
Reason = Annotated[str, typer.Option(help="A code or case number; kept on record, in the clear.")]
Reference = Annotated[
    str | None, typer.Option(help="The outside number: of the case, complaint or order.")
]
AccountOnly = Annotated[
    bool,
    typer.Option("--account-only", help="Of this account only, and so of all with a part in it."),
]


@app.command("set")
def set_standing(
    context: typer.Context,
    whom: Whom,
    kind: Kind,
    reason: Reason,
    evidence: Evidence = None,
    reference: Reference = None,
    owner: Annotated[
        str | None, typer.Option(help="Who answers for it; else whoever sets it.")
    ] = None,
    since: Since = None,
    until: Until = None,
    account_only: AccountOnly = False,
    answer_by: Annotated[
        str | None,
        typer.Option(
            help="The last day to answer; else as the place's rules count: complaints in the "
            "mainland 15 days (complex 30), in Taiwan 30; disputed credit data 20."
        ),
    ] = None,
    body: Annotated[Body | None, typer.Option(help="Of a complaint: where it came in.")] = None,
    complex_: Annotated[
        bool, typer.Option("--complex", help="Of a complaint: it takes the longer clock.")
    ] = False,
    about: Annotated[About | None, typer.Option(help="Of a dispute: what it is about.")] = None,
    channel: Annotated[
        list[Channel] | None, typer.Option(help="Of agreed hours: for which channels.")
    ] = None,
    opens: Annotated[str | None, typer.Option(help="Of agreed hours: from 19:00 on.")] = None,
    closes: Annotated[str | None, typer.Option(help="Of agreed hours: until 21:30.")] = None,
) -> None:
    """Set a standing, or bring one of the same kind and number up to date.

    What is not said again stays as it was. From the next message on the gate asks about it.
    """
    stated = Stated(
        kind=kind,
        reason=needed("reason", reason, code),
        evidence=typed("evidence", evidence, code),
        reference=typed("reference", reference, code),
        owner=typed("owner", owner, code),
        since=typed("since", since, values.day),
        until=typed("until", until, values.day),
        account_only=account_only,
        answer_by=typed("answer-by", answer_by, values.day),
        body=body,
        complex=complex_,
        about=about,
        channels=tuple(each for each in Channel if each in (channel or [])),
        opens=typed("opens", opens, values.hour),
        closes=typed("closes", closes, values.hour),
    )
    actor = actor_of(context)
    done, row = run(in_office(lambda parts, conn: _set(parts, conn, whom, stated, actor)))
    typer.echo(f"{WORDS[done]}: {kind}{_lasts(row)}")


async def _set(
    parts: Parts, conn: Connection, whom: str, stated: Stated, actor: str
) -> tuple[Took, asyncpg.Record]:
    debtor_id, account_id, statements = await _open(parts, conn, whom, actor)
    done = took(statements.state(debtor_id, account_id, stated))
    await statements.write(conn)
    rows = await standings.listed(
        conn, parts.clock.now(), debtor_id=debtor_id, kind=stated.kind, limit=MOST
    )
    of = account_id if stated.account_only else None
    same = (stated.reference, of)
    return done, next(row for row in rows if (row["reference"], row["account_id"]) == same)


async def _open(
    parts: Parts, conn: Connection, whom: str, actor: str
) -> tuple[Any, Any, Statements]:
    debtor_id, account_id = await find_whom(conn, parts.lookup, whom)
    accounts = [account_id] if account_id else []
    book = await Book.open(conn, [debtor_id], accounts, actor, parts.clock.now())
    return debtor_id, account_id, await Statements.open(conn, book)


def _lasts(row: asyncpg.Record) -> str:
    said = ""
    if row["answer_by"]:
        said += f", to be answered by {_last_day(row['answer_by'], row['zone'])}"
    if row["expires_at"]:
        said += f", until {_last_day(row['expires_at'], row['zone'])}"
    return said


def _last_day(at: datetime, zone: str) -> str:
    """The day that is over at this instant."""
    return str((at.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)).date())


@app.command()
def end(
    context: typer.Context,
    whom: Whom,
    kind: Kind,
    reason: Reason,
    evidence: Evidence = None,
    reference: Reference = None,
    account_only: AccountOnly = False,
    every: Annotated[
        bool, typer.Option("--all", help="All of this kind, whatever their numbers.")
    ] = False,
) -> None:
    """End a standing: answered, settled, broken, lifted; the gate asks again when it next may."""
    ending = Ending(
        kind=kind,
        reason=needed("reason", reason, code),
        evidence=typed("evidence", evidence, code),
        reference=typed("reference", reference, code),
        account_only=account_only,
        every=every,
    )
    actor = actor_of(context)
    ended = run(in_office(lambda parts, conn: _end(parts, conn, whom, ending, actor)))
    typer.echo(f"ended: {kind}" + (f", {ended} of them" if ended > 1 else ""))


async def _end(parts: Parts, conn: Connection, whom: str, ending: Ending, actor: str) -> int:
    debtor_id, account_id, statements = await _open(parts, conn, whom, actor)
    ended = took(statements.end(debtor_id, account_id, ending))
    if not ended:
        scope = "of this account only" if ending.account_only else "of the whole person"
        number = " of this number" if ending.reference else ""
        raise Conflict(
            f"no {ending.kind}{number} stands {scope}",
            "outreach debtor show tells what does; --account-only is for what is of one account",
        )
    await statements.write(conn)
    return ended


@app.command("list")
def list_all(
    creditor: OfCreditor = None,
    kind: Annotated[Standing | None, typer.Option(help="Of this kind only.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what is to be answered.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what stands, the clocks that run out first before the others; names nobody."""
    limit = None if as_json else MOST + 1
    rows, now = run(in_office(lambda parts, conn: _list(parts, conn, creditor, kind, due, limit)))
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(_json(row), default=str).decode())
        return
    if not rows:
        console.print("nothing is to be answered" if due else "nothing stands")
        return
    console.print(_table(rows[:MOST], now))
    if len(rows) > MOST:
        console.print("and more: narrow it by --creditor, --kind or --due")


async def _list(
    parts: Parts,
    conn: Connection,
    creditor: str | None,
    kind: Standing | None,
    due: bool,
    limit: int | None,
) -> tuple[Sequence[asyncpg.Record], datetime]:
    check_creditor(parts, creditor)
    now = parts.clock.now()
    rows = await standings.listed(
        conn, now, creditor_id=creditor, kind=kind, clocks=due, limit=limit
    )
    return rows, now


def _table(rows: Sequence[asyncpg.Record], now: datetime) -> Table:
    table = Table("answer by", "kind", "number", "debtor", "account", "since", "until", "owner")
    for row in rows:
        table.add_row(
            _clock(row, now),
            f"{STANDINGS[Standing(row['kind'])]} ({row['kind']})",
            Text(row["reference"] or ""),
            str(row["debtor_id"]),
            f"…{row['number_tail']}" if row["number_tail"] else "",
            f"{row['since'].astimezone(ZoneInfo(row['zone'])):%Y-%m-%d}",
            _last(row, "expires_at"),
            Text(row["owner"]),
        )
    return table


def _last(row: asyncpg.Record, name: str) -> str:
    return _last_day(row[name], row["zone"]) if row[name] else ""


def _clock(row: asyncpg.Record, now: datetime) -> Text:
    by = row["answer_by"]
    if by is None:
        return Text("")
    day = _last_day(by, row["zone"])
    if by <= now:
        return Text(f"{day}, overdue", "bold red")
    days = (by - now).days
    return Text(f"{day}, {days} days left", "yellow" if days < SOON_DAYS else "")


def _json(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), "detail": orjson.loads(row["detail"])}
