"""``outreach tasks``: what waits for a person."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import typer
from rich.table import Table
from rich.text import Text

from outreach.cli.facts_options import (
    AsJson,
    OfCreditor,
    check_creditor,
    console,
    needed,
    typed,
)
from outreach.cli.session import actor_of, in_office, office, run
from outreach.db import tasks
from outreach.db.pool import Connection
from outreach.domain.codes import code
from outreach.domain.errors import InvalidInput
from outreach.domain.events import EventKind
from outreach.domain.response import ResponseKind
from outreach.domain.task import TaskKind
from outreach.life import review, worklist
from outreach.life.parts import Parts
from outreach.life.review import Meaning, Reply
from outreach.portfolio import values
from outreach.proof import names
from outreach.proof.mask import mask_text
from outreach.proof.profile import load_profile
from outreach.proof.reading import find_debtor, note_reading

MOST = 1_000

app = typer.Typer(
    help="What waits for a person (待办): replies, uncertain notices, returned letters, broken "
    "promises, disputes and complaints to answer.",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As ``outreach tasks list`` says.")]


@app.command("list")
def list_tasks(
    context: typer.Context,
    creditor: OfCreditor = None,
    kind: Annotated[TaskKind | None, typer.Option(help="Of this kind only.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have taken.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits, what runs out first before the rest; names nobody."""
    taken_by = actor_of(context) if mine else None
    limit = None if as_json else MOST + 1
    rows = run(in_office(lambda parts, conn: _list(parts, conn, creditor, kind, taken_by, limit)))
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(dict(row), default=str).decode())
        return
    if not rows:
        console.print("nothing waits for a person")
        return
    console.print(_table(rows[:MOST]))
    if len(rows) > MOST:
        console.print("and more: narrow it by --creditor, --kind or --mine")


async def _list(
    parts: Parts,
    conn: Connection,
    creditor: str | None,
    kind: TaskKind | None,
    taken_by: str | None,
    limit: int | None,
) -> list[asyncpg.Record]:
    check_creditor(parts, creditor)
    return await tasks.listed(conn, creditor_id=creditor, kind=kind, taken_by=taken_by, limit=limit)


def _table(rows: list[asyncpg.Record]) -> Table:
    table = Table("task", "what", "said", "due by", "since", "creditor", "debtor", "notice", "with")
    for row in rows:
        zone = ZoneInfo(row["zone"] or "Asia/Shanghai")
        due = row["due_by"] and row["due_by"].astimezone(zone) - timedelta(microseconds=1)
        table.add_row(
            str(row["number"]),
            names.TASKS[TaskKind(row["kind"])],
            "、".join(_said(kind) for kind in row["understood"] or ()),
            f"{due:%Y-%m-%d}" if due else "",
            f"{row['since'].astimezone(zone):%m-%d %H:%M}",
            row["creditor_id"] or "",
            str(row["debtor_id"] or ""),
            str(row["notice"] or ""),
            Text(row["taken_by"] or ""),
        )
    return table


def _said(kind: str) -> str:
    return names.RESPONSES[ResponseKind(kind)] if kind in set(ResponseKind) else "不知是谁"


@app.command()
def show(
    context: typer.Context,
    number: Number,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Open a reply: their words, what they were taken to say and by which of them.

    That you read it stands in your own stream.
    """
    reply, text = run(in_office(lambda parts, conn: _open(parts, conn, number, actor_of(context))))
    if as_json:
        typer.echo(orjson.dumps(_json(reply, text), default=str).decode())
        return
    console.print(Text(text if text is not None else "依法删除 (erased)", "bold"))
    for because, row in zip([*reply.because, *[""] * len(reply.rows)], reply.rows, strict=False):
        console.print(_reading(row, because), markup=False)
    for each in reply.candidates:
        console.print(f"may be of debtor {each['debtor_id']} ({each['creditor_id']})")
    console.print(_next(reply), style="dim", markup=False)


async def _open(
    parts: Parts, conn: Connection, number: int, actor: str
) -> tuple[Reply, str | None]:
    reply = await review.open_reply(conn, parts, number)
    debtor_id, now = reply.task["debtor_id"], parts.clock.now()
    data: dict[str, object] = {"task": number, "debtor": debtor_id and str(debtor_id)}
    await note_reading(conn, EventKind.VIEWED, actor, reply.task["creditor_id"] or "", now, data)
    if debtor_id is None or reply.text is None:
        return reply, reply.text
    profile = await load_profile(conn, parts.masters, debtor_id, now)
    return reply, mask_text(reply.text, profile.name, profile.locale)


def _reading(row: asyncpg.Record, because: str) -> str:
    said = [_said(row["kind"])]
    if row["promised_on"]:
        said.append(str(row["promised_on"]))
    if row["amount"] is not None:
        said.append(f"{row['amount']} (minor units)")
    if because:
        said.append(f"因「{because}」")
    if not row["sure"]:
        said.append("待人工确认")
    return "  " + " · ".join(said)


def _next(reply: Reply) -> str:
    number = reply.task["number"]
    if reply.task["closed_at"]:
        return f"closed by {reply.task['closed_by']}: {reply.task['outcome']}"
    if reply.task["debtor_id"] is None:
        return f"outreach tasks done {number} --whose DEBTOR, or --nobodys; --reason CODE"
    kinds = "|".join(ResponseKind)
    return f"outreach tasks done {number} --confirm, or --meant {kinds}; --reason CODE"


def _json(reply: Reply, text: str | None) -> dict[str, Any]:
    return {
        "task": dict(reply.task),
        "text": text,
        "because": list(reply.because),
        "understood": [dict(row) for row in reply.rows],
        "candidates": [str(each["debtor_id"]) for each in reply.candidates],
    }


@app.command()
def reread(
    whom: Annotated[
        str, typer.Argument(metavar="WHOM", help="The debtor's id, or an account's number or id.")
    ],
) -> None:
    """Put a debtor's newest reply on the list, to correct what it was surely taken to say."""
    number = run(in_office(lambda parts, conn: _reread(parts, conn, whom)))
    typer.echo(f"task {number}: outreach tasks show {number}")


async def _reread(parts: Parts, conn: Connection, whom: str) -> int:
    return await review.reread(conn, parts, await find_debtor(conn, parts.lookup, whom))


@app.command()
def take(
    context: typer.Context,
    number: Number,
    over: Annotated[bool, typer.Option("--over", help="From whoever has it.")] = False,
) -> None:
    """Take a task, so that nobody else works on it."""
    run(_take(number, actor_of(context), over))
    typer.echo(f"task {number} is yours")


async def _take(number: int, actor: str, over: bool) -> None:
    async with office() as parts:
        await worklist.take(parts, number, actor, over=over)


@app.command()
def done(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option(help="What was done: kept on record, in the clear.")],
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Of a reply: it says what it was taken to say.")
    ] = False,
    meant: Annotated[
        list[ResponseKind] | None,
        typer.Option(help="Of a reply: what it does say, once for each; the rest is taken back."),
    ] = None,
    on: Annotated[str | None, typer.Option(help="Of a promise: its day.")] = None,
    amount: Annotated[str | None, typer.Option(help="Of a promise or payment: its sum.")] = None,
    whose: Annotated[
        str | None, typer.Option(help="Of a reply nobody knows: the debtor, or an account.")
    ] = None,
    nobodys: Annotated[
        bool, typer.Option("--nobodys", help="Of a reply: it is of nobody we know.")
    ] = False,
) -> None:
    """Close a task; it stands in the debtor's history.

    A reply that was misunderstood is corrected, and what the misunderstanding did is taken back.
    """
    reason = needed("reason", reason, code)
    answers = [bool(meant), confirm, whose is not None, nobodys]
    if sum(answers) > 1:
        raise InvalidInput("one answer only", "--confirm, --meant, --whose or --nobodys")
    if (on or amount) and not meant:
        raise InvalidInput("a day or a sum of what?", "add --meant promised")
    actor = actor_of(context)
    if meant:
        meaning = Meaning(
            tuple(dict.fromkeys(meant)), typed("on", on, values.day), typed("amount", amount, _sum)
        )
        was, kinds = run(_correct(number, meaning, actor, reason))
        typer.echo(f"task {number}: {', '.join(was)} -> {', '.join(kinds)}")
        return
    run(_close(number, actor, reason, confirm, whose, nobodys))
    typer.echo(f"task {number} is done")


def _sum(text: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise ValueError("a sum such as 500 or 1,200.50 expected") from None
    if not 0 < value < Decimal(10) ** 12:
        raise ValueError("a sum above 0 expected")
    return value


async def _correct(
    number: int, meaning: Meaning, actor: str, reason: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    async with office() as parts:
        return await review.correct(parts, number, meaning, actor, reason)


async def _close(
    number: int, actor: str, reason: str, confirm: bool, whose: str | None, nobodys: bool
) -> None:
    async with office() as parts:
        if confirm:
            await review.confirm(parts, number, actor, reason)
        elif nobodys:
            await review.nobodys(parts, number, actor, reason)
        elif whose is not None:
            async with parts.pool.acquire() as conn:
                debtor_id = await find_debtor(conn, parts.lookup, whose)
            await review.attribute(parts, number, debtor_id, actor, reason)
        else:
            await worklist.close(parts, number, actor, reason)
