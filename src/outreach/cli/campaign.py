"""``outreach campaign``: many notices at once, looked at before any of them exists."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from outreach.campaigns import approval
from outreach.campaigns.forecast import SAMPLE, Estimate, Forecast, Plan, forecast
from outreach.cli import progress
from outreach.cli.segment import print_counts, shown_count, whom
from outreach.cli.session import actor_of, office, run
from outreach.db import campaigns, events
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.events import campaign_stream
from outreach.domain.filter_text import spell
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts
from outreach.proof.names import CHANNELS, PURPOSES

app = typer.Typer(help="Campaigns (批次).", no_args_is_help=True)
console = Console(highlight=False)
T = TypeVar("T")


Number = Annotated[int, typer.Argument(help="The campaign's number.")]
Reason = Annotated[str, typer.Option(help="Why; kept on record.")]
Whom = Annotated[str | None, typer.Option("--segment", help="A segment's name.")]
WhomText = Annotated[str | None, typer.Option("--filter", help="A filter not kept as a segment.")]
Channels = Annotated[
    list[Channel],
    typer.Option("--channel", help="By which channel; again for what comes next in order."),
]
Why = Annotated[Purpose, typer.Option(help="Why we write (事由).")]


@app.command()
def preview(
    purpose: Why,
    channel: Channels,
    segment: Whom = None,
    text: WhomText = None,
    at: Annotated[
        str | None, typer.Option(help="When it would begin, 2026-11-24T09:30:00+08:00; else now.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many the gate is asked about.")
    ] = SAMPLE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Forecast a campaign: whom, by which channel, what the gate would say, at what cost.

    Nothing is written. Counts are exact; what the gate and the texts are asked for
    comes from a random sample and says so.
    """
    if len(set(channel)) < len(channel):
        raise InvalidInput("--channel names one channel twice", "each stands once in the order")
    found, plan = run(_preview(segment, text, purpose, tuple(channel), at, sample))
    if as_json:
        typer.echo(orjson.dumps(_json(found, plan)).decode())
    else:
        _print(found, plan)


async def _preview(
    segment: str | None,
    text: str | None,
    purpose: Purpose,
    channels: tuple[Channel, ...],
    at: str | None,
    sample: int,
) -> tuple[Forecast, Plan]:
    async with office() as parts:
        async with parts.pool.acquire() as conn:
            plan = Plan(await whom(conn, segment, text), purpose, channels)
        begins = _instant(at) if at else parts.clock.now()
        with progress.bar("asking the gate") as watch:
            return await forecast(parts, plan, begins, sample=sample, watch=watch), plan


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInput(
            "--at is not an instant with its zone", "write it as 2026-11-24T09:30:00+08:00"
        )
    return at


def _json(found: Forecast, plan: Plan) -> dict[str, Any]:
    return {
        "filter": spell(plan.audience),
        "at": found.at.isoformat(),
        "notices": found.notices,
        "unreachable": found.unreachable,
        "counts": [shown_count(row) for row in found.counts],
        "channels": {
            str(channel): {
                "notices": by.notices,
                "parts": by.parts,
                "cost": by.cost,
                "a_day": by.a_day,
                "days": by.days,
            }
            for channel, by in found.channels.items()
        },
        "sampled": found.sampled,
        "goes": _estimate(found.goes) if found.goes else None,
        **{
            name: {rule: _estimate(of) for rule, of in getattr(found, name).items()}
            for name in ("held", "blocked", "failed")
        },
        "rules": found.rules,
        "held_until": [until.isoformat() for until in found.held_until or ()],
        "texts": found.texts,
    }


def _estimate(of: Estimate) -> dict[str, int]:
    return {"seen": of.seen, "about": of.about, "low": of.low, "high": of.high}


def _print(found: Forecast, plan: Plan) -> None:
    console.print(
        f"{PURPOSES[plan.purpose]} ({plan.purpose}), {found.at:%Y-%m-%d %H:%M %Z}", style="bold"
    )
    console.print(spell(plan.audience), markup=False)
    print_counts([shown_count(row) for row in found.counts])
    console.print(_channels(found))
    if found.goes is None:
        return
    exact = found.sampled >= found.notices - found.unreachable
    how = "全部" if exact else f"随机抽样 {found.sampled}，95% 置信区间"
    console.print(f"\n合规闸与文案（{how}）：")
    console.print(f"  [green]可以发送[/]  {_about(found.goes)}")
    for word, estimates in (("[yellow]暂缓[/]", found.held), ("[red]不得发送[/]", found.blocked)):
        for rule, estimate in estimates.items():
            console.print(f"  {word}  {_about(estimate)}  {_rule(found.rules, rule)}")
    for why, estimate in found.failed.items():
        console.print(f"  [red]失败[/]  {_about(estimate)}  ", end="")
        console.print(why, markup=False)
    if found.held_until:
        first, last = found.held_until
        console.print(f"  暂缓至 {first:%m-%d %H:%M} – {last:%m-%d %H:%M %Z}")
    for channel, words in found.texts:
        console.print(Panel(words, title=f"{CHANNELS[channel]}样例", expand=False))


def _channels(found: Forecast) -> Table:
    table = Table("渠道", "通知", "条数/封", "费用", "每日上限", "天数")
    for channel, by in found.channels.items():
        table.add_row(
            CHANNELS[channel],
            f"{by.notices:,}",
            f"约 {by.notices * by.parts:,.0f}" if by.parts else "—",
            f"约 {by.cost / 100:,.2f}" if by.cost is not None else "—",
            f"{by.a_day:,}" if by.a_day else "不限",
            f"{by.days}" if by.days else "—",
        )
    if found.unreachable:
        table.add_section()
        table.add_row("无法触达", f"{found.unreachable:,}")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _about(of: Estimate) -> str:
    if of.asked >= of.of:
        return f"{of.seen:,}"
    return f"约 {of.about:,} ({of.low:,}–{of.high:,})"


def _rule(rules: Mapping[str, Mapping[str, str]], rule: str) -> str:
    finding = rules.get(rule)
    if finding is None:
        return rule
    return f"{rule} {finding['says']} \\[{finding['confidence']}] {finding['source']}"


# -------------------------------------------------------------------------------------- its life


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    creditor: Annotated[str, typer.Option(help="On whose behalf we write.")],
    purpose: Why,
    channel: Channels,
    segment: Whom = None,
    text: WhomText = None,
) -> None:
    """Draft a campaign; nothing is sent before it is submitted, approved and started."""
    actor = actor_of(context)

    async def work(parts: Parts, conn: Connection) -> Campaign:
        asked = await whom(conn, segment, text)
        return await approval.draft(
            parts,
            conn,
            name=name,
            creditor_id=creditor,
            purpose=purpose,
            channels=tuple(channel),
            asked=asked,
            actor=actor,
        )

    _say(run(_in_office(work)))


@app.command()
def submit(context: typer.Context, number: Number) -> None:
    """Put a draft before a second person; a small one needs none and is approved at once."""
    actor = actor_of(context)
    _say(run(_in_office(lambda parts, conn: approval.submit(parts, conn, number, actor))))


@app.command()
def approve(context: typer.Context, number: Number) -> None:
    """Approve what somebody else submitted."""
    actor = actor_of(context)
    _say(run(_in_office(lambda parts, conn: approval.approve(parts, conn, number, actor))))


@app.command("send-back")
def send_back(context: typer.Context, number: Number, reason: Reason) -> None:
    """Give a submitted campaign back to its author, as a draft."""
    actor = actor_of(context)
    _say(run(_in_office(lambda p, conn: approval.send_back(p, conn, number, actor, reason))))


@app.command()
def cancel(context: typer.Context, number: Number, reason: Reason) -> None:
    """End a campaign for good."""
    actor = actor_of(context)
    _say(run(_in_office(lambda p, conn: approval.cancel(p, conn, number, actor, reason))))


@app.command()
def show(
    number: Number,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a campaign with every move, who made it and why."""
    campaign, moves = run(_show(number))
    if as_json:
        shown = {**asdict(campaign), "events": moves}
        typer.echo(orjson.dumps(shown, default=str).decode())
        return
    _say(campaign)
    console.print(
        f"{campaign.creditor_id}  {PURPOSES[campaign.purpose]} ({campaign.purpose})  "
        f"{' → '.join(CHANNELS[channel] for channel in campaign.channels)}"
    )
    console.print(campaign.audience, markup=False)
    table = Table("when", "what", "who", "how")
    for move in moves:
        how = "  ".join(f"{key}={value}" for key, value in move["data"].items())
        table.add_row(f"{move['at']:%Y-%m-%d %H:%M:%S}", move["kind"], move["actor"], how)
    console.print(table)


async def _show(number: int) -> tuple[Campaign, list[dict[str, Any]]]:
    async with office() as parts, parts.pool.acquire() as conn:
        campaign = await approval.found(conn, number)
        rows = await events.stream_events(conn, campaign_stream(campaign.id))
    moves = [
        {
            "at": row["at"],
            "kind": row["kind"],
            "actor": row["actor"],
            "data": orjson.loads(row["data"]),
        }
        for row in rows
    ]
    return campaign, moves


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
) -> None:
    """List campaigns, the newest first."""
    table = Table("number", "name", "creditor", "state", "notices", "by")
    for each in run(_in_office(lambda _, conn: campaigns.newest(conn, limit))):
        notices = f"{each.notices:,}" if each.notices is not None else ""
        table.add_row(
            str(each.number), each.name, each.creditor_id, each.state, notices, each.created_by
        )
    console.print(table)


async def _in_office(work: Callable[[Parts, Connection], Awaitable[T]]) -> T:
    async with office() as parts, parts.pool.acquire() as conn, conn.transaction():
        return await work(parts, conn)


def _say(campaign: Campaign) -> None:
    many = f", {campaign.notices:,} notices" if campaign.notices is not None else ""
    console.print(
        f"campaign {campaign.number}: {campaign.state}{many}: {campaign.name}", markup=False
    )
