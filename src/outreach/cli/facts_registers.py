"""``outreach facts register`` and ``agency``: what a creditor filed, and whom it entrusts."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

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
    check_creditor,
    console,
    needed,
    took,
    typed,
)
from outreach.cli.session import actor_of, in_office, run
from outreach.db import agencies, registers
from outreach.db.pool import Connection
from outreach.domain.codes import code
from outreach.domain.register import AgencyKind, Register, Status
from outreach.life.facts import Took
from outreach.life.parts import Parts
from outreach.life.registering import Entrusting, Filing, Registrar
from outreach.portfolio import values

Creditor = Annotated[str, typer.Option(help="Whose it is.")]
NoEnd = Annotated[bool, typer.Option("--no-end", help="It has no last day any more.")]
Within = Annotated[int, typer.Option(min=0, help="So many days before its last day it is marked.")]


def _line(longest: int = 60) -> Any:
    return lambda text: values.line(text, longest)


def register(
    context: typer.Context,
    kind: Annotated[Register, typer.Argument(help="What is registered.")],
    subject: Annotated[
        str, typer.Argument(help="The signature, template digest, account number, firm ...")
    ],
    creditor: Creditor,
    holder: Annotated[str, typer.Option(help="With whom: a carrier, a bank.")] = "",
    number: Annotated[str | None, typer.Option(help="What they file it under.")] = None,
    status: Annotated[Status | None, typer.Option(help="A new one is pending.")] = None,
    since: Since = None,
    until: Until = None,
    no_end: NoEnd = False,
    evidence: Evidence = None,
    lawyer: Annotated[str | None, typer.Option(help="Of a mandate: who signs.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of a mandate: the lawyer's number.")] = None,
) -> None:
    """Register something of a creditor's, or change it; what is not said again stays as it was.

    One subject stands once with each holder. Workers see the change within five seconds.
    """
    said = {"lawyer": typed("lawyer", lawyer, _line()), "licence": typed("licence", licence, code)}
    filing = Filing(
        kind=kind,
        subject=needed("subject", subject, _line(300)),
        holder=needed("holder", holder, _line()),
        number=typed("number", number, code),
        status=status,
        since=typed("since", since, values.day),
        until=typed("until", until, values.day),
        open_ended=no_end,
        evidence=typed("evidence", evidence, code),
        detail={name: text for name, text in said.items() if text},
    )
    actor = actor_of(context)
    done = run(in_office(lambda parts, conn: _register(parts, conn, creditor, filing, actor)))
    typer.echo(f"{WORDS[done]}: {kind}")


async def _register(
    parts: Parts, conn: Connection, creditor: str, filing: Filing, actor: str
) -> Took:
    registrar = await Registrar.open(conn, parts.places, [creditor], actor, parts.clock.now())
    done = took(registrar.file(creditor, filing))
    await registrar.write(conn)
    return done


def list_registers(
    creditor: OfCreditor = None,
    kind: Annotated[Register | None, typer.Option(help="Of this kind only.")] = None,
    within: Within = 30,
    as_json: AsJson = False,
) -> None:
    """List what is registered: what lapses next first, what has lapsed last."""
    rows, today = run(in_office(lambda parts, conn: _registers(parts, conn, creditor, kind)))
    if as_json:
        for row in rows:
            told = {**dict(row), "detail": orjson.loads(row["detail"])}
            typer.echo(orjson.dumps(told, default=str).decode())
        return
    table = Table("creditor", "kind", "subject", "holder", "number", "status", "since", "until")
    for row in rows:
        table.add_row(
            row["creditor_id"],
            row["kind"],
            Text(row["subject"][:40]),
            Text(row["holder"]),
            Text(row["number"]),
            row["status"],
            str(row["since"]),
            _until(row["until"], today, within),
        )
    console.print(table if rows else "nothing is registered")


async def _registers(
    parts: Parts, conn: Connection, creditor: str | None, kind: Register | None
) -> tuple[Sequence[asyncpg.Record], date]:
    check_creditor(parts, creditor)
    today = parts.clock.now().astimezone(values.LOCAL_TIME).date()
    return await registers.listed(conn, creditor, kind, today), today


def _until(until: date | None, today: date, within: int) -> Text:
    if until is None:
        return Text("")
    if until < today:
        return Text(f"{until}, over", "dim")
    soon = until - today <= timedelta(days=within)
    return Text(
        f"{until}, {(until - today).days} days left" if soon else str(until), "yellow" * soon
    )


def agency(
    context: typer.Context,
    agency_id: Annotated[str, typer.Argument(metavar="ID", help="2 to 40 of a-z, 0-9 and -.")],
    creditor: Creditor,
    name: Annotated[str | None, typer.Option(help="Its full registered name.")] = None,
    kind: Annotated[AgencyKind | None, typer.Option(help="What it is licensed as.")] = None,
    registration: Annotated[str | None, typer.Option(help="Its registration number.")] = None,
    contract: Annotated[str | None, typer.Option(help="The entrustment's number.")] = None,
    phone: Annotated[str | None, typer.Option(help="Where debtors reach it.")] = None,
    since: Since = None,
    until: Until = None,
    no_end: NoEnd = False,
    listed_on: Annotated[
        str | None, typer.Option(help="The day the creditor published it (白名单公示).")
    ] = None,
    evidence: Evidence = None,
) -> None:
    """Add an agency and its contract, or change them; what is not said again stays as it was."""
    said = Entrusting(
        id=agency_id,
        name=typed("name", name, _line()),
        kind=kind,
        registration=typed("registration", registration, code),
        contract=typed("contract", contract, code),
        phone=typed("phone", phone, _line(30)),
        since=typed("since", since, values.day),
        until=typed("until", until, values.day),
        open_ended=no_end,
        listed_on=typed("listed-on", listed_on, values.day),
        evidence=typed("evidence", evidence, code),
    )
    actor = actor_of(context)
    done = run(in_office(lambda parts, conn: _agency(parts, conn, creditor, said, actor)))
    typer.echo(f"{WORDS[done]}: {agency_id}")


async def _agency(
    parts: Parts, conn: Connection, creditor: str, said: Entrusting, actor: str
) -> Took:
    registrar = await Registrar.open(conn, parts.places, [creditor], actor, parts.clock.now())
    done = took(registrar.entrust(creditor, said, await agencies.agency(conn, said.id)))
    await registrar.write(conn)
    return done


def list_agencies(
    creditor: OfCreditor = None, within: Within = 30, as_json: AsJson = False
) -> None:
    """List agencies with the accounts each works; contracts that end next first."""
    rows, today = run(in_office(lambda parts, conn: _agencies(parts, conn, creditor)))
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(dict(row), default=str).decode())
        return
    table = Table("agency", "creditor", "name", "kind", "contract", "listed", "until", "accounts")
    for row in rows:
        table.add_row(
            row["id"],
            row["creditor_id"],
            Text(row["name"]),
            row["kind"],
            Text(row["contract"]),
            str(row["listed_on"] or Text("not yet", "yellow")),
            _until(row["until"], today, within),
            f"{row['accounts']:,}",
        )
    console.print(table if rows else "no agency works for anybody")


async def _agencies(
    parts: Parts, conn: Connection, creditor: str | None
) -> tuple[Sequence[asyncpg.Record], date]:
    check_creditor(parts, creditor)
    today = parts.clock.now().astimezone(values.LOCAL_TIME).date()
    return await agencies.listed(conn, creditor), today
