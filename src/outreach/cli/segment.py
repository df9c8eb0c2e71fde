"""``outreach segment``: audiences (受众), counted before they are used and kept by name."""

from collections.abc import Iterable
from typing import Annotated, Any

import asyncpg
import orjson
import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.session import actor_of, office, run
from outreach.db import audience, segments
from outreach.db.filters import where
from outreach.db.pool import Connection
from outreach.domain.account import DEFAULT_STAGES, Bucket
from outreach.domain.audience import FIELDS, Filter
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.filter_text import parse, spell
from outreach.domain.money import Currency, Money
from outreach.proof.names import CHANNELS

app = typer.Typer(
    help="Segments (受众): filters over the portfolio, kept by name.", no_args_is_help=True
)
console = Console(highlight=False)

Name = Annotated[str, typer.Argument(help="The segment's name.")]


@app.command()
def save(
    context: typer.Context,
    name: Name,
    text: Annotated[str, typer.Argument(metavar="FILTER", help='"bucket = M1 and overdue > 100"')],
) -> None:
    """Keep a filter under a name; campaigns that began with the old one keep what they have."""
    if not name.strip() or len(name) > 60:
        raise InvalidInput("a segment's name has 1 to 60 characters", "choose a shorter one")
    asked = parse(text)
    changed = run(_save(name.strip(), spell(asked), actor_of(context)))
    typer.echo(f"{'saved' if changed else 'unchanged'}: {name.strip()}: {spell(asked)}")


async def _save(name: str, spelt: str, actor: str) -> bool:
    async with office() as parts, parts.pool.acquire() as conn:
        return await segments.save(conn, name, spelt, actor, parts.clock.now())


@app.command("list")
def list_all() -> None:
    """List the segments with their filters and who saved them."""
    table = Table("name", "filter", "saved by", "at")
    for row in run(_all()):
        table.add_row(row["name"], row["filter"], row["actor"], f"{row['saved_at']:%Y-%m-%d %H:%M}")
    console.print(table)


async def _all() -> list[Any]:
    async with office() as parts, parts.pool.acquire() as conn:
        return list(await segments.all_of_them(conn))


@app.command()
def remove(name: Name) -> None:
    """Forget a segment; what was begun with it stays."""
    if not run(_remove(name)):
        raise NotFound(f"no segment {name!r}", "outreach segment list")
    typer.echo(f"removed: {name}")


async def _remove(name: str) -> bool:
    async with office() as parts, parts.pool.acquire() as conn:
        return await segments.remove(conn, name)


@app.command()
def fields() -> None:
    """List what a filter may ask about, with each field's Chinese name and what it holds."""
    table = Table("field", "字段", "holds", "one of")
    for field in FIELDS:
        table.add_row(field.name, field.chinese, field.holds.value, ", ".join(field.words))
    console.print(table)


@app.command()
def count(
    name: Annotated[str | None, typer.Argument(help="A segment's name.")] = None,
    text: Annotated[str | None, typer.Option("--filter", help="A filter not kept yet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count whom a segment or filter means now: exact, by stage and by channel; changes nothing."""
    asked, rows = run(_count(name, text))
    if as_json:
        typer.echo(orjson.dumps({"filter": spell(asked), "counts": rows}).decode())
        return
    console.print(spell(asked), markup=False)
    if not rows:
        console.print("nobody")
    print_counts(rows)


def print_counts(rows: list[dict[str, Any]]) -> None:
    """A table for each creditor and currency."""
    for creditor, currency in sorted({(row["creditor"], row["currency"]) for row in rows}):
        among = [r for r in rows if (r["creditor"], r["currency"]) == (creditor, currency)]
        console.print(_table(f"{creditor} {currency}", among))


async def _count(name: str | None, text: str | None) -> tuple[Filter, list[dict[str, Any]]]:
    async with office() as parts, parts.pool.acquire() as conn:
        asked = await whom(conn, name, text)
        found = await audience.count(conn, where(asked, parts.clock.now(), DEFAULT_STAGES))
    return asked, [shown_count(row) for row in found]


async def whom(conn: Connection, name: str | None, text: str | None) -> Filter:
    """The filter of a segment, or the one given; raises ``InvalidInput`` unless it is one of them,
    ``NotFound`` for a segment that is not there.
    """
    if text is not None and name is None:
        return parse(text)
    if name is None or text is not None:
        raise InvalidInput("say whom is meant", "a segment's name or --filter FILTER, not both")
    kept = await segments.find(conn, name)
    if kept is None:
        raise NotFound(f"no segment {name!r}", "outreach segment list")
    return parse(kept["filter"])


def shown_count(row: asyncpg.Record) -> dict[str, Any]:
    currency = Currency(row["currency"])
    return {
        "creditor": row["creditor_id"],
        "currency": currency,
        "bucket": DEFAULT_STAGES.buckets[row["stage"]],
        "reachable": [channel for channel in Channel if row[KIND_FOR[channel]]],
        "notices": row["notices"],
        "accounts": row["accounts"],
        "overdue": f"{Money(row['overdue'], currency).decimal:.{currency.decimals}f}",
        "balance": f"{Money(row['balance'], currency).decimal:.{currency.decimals}f}",
    }


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    heads = ("阶段", "人数", "账户", "逾期金额", "余额", *CHANNELS.values(), "无法触达")
    table = Table(*heads, title=title, title_justify="left")
    for bucket in Bucket:
        if among := [row for row in rows if row["bucket"] == bucket]:
            table.add_row(bucket, *_line(among))
    if len({row["bucket"] for row in rows}) > 1:
        table.add_section()
        table.add_row("合计", *_line(rows))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _line(rows: list[dict[str, Any]]) -> list[str]:
    def people(among: Iterable[dict[str, Any]]) -> str:
        return f"{sum(row['notices'] for row in among):,}"

    currency = Currency(rows[0]["currency"])
    sums = [
        sum((Money.parse(row[name], currency) for row in rows), Money(0, currency)).decimal
        for name in ("overdue", "balance")
    ]
    return [
        people(rows),
        f"{sum(row['accounts'] for row in rows):,}",
        *(f"{each:,.{currency.decimals}f}" for each in sums),
        *(people(row for row in rows if channel in row["reachable"]) for channel in Channel),
        people(row for row in rows if not row["reachable"]),
    ]
