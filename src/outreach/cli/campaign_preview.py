"""``outreach campaign preview``: a campaign looked at before any of it exists."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
import typer
from rich.panel import Panel
from rich.table import Table

from outreach.campaigns.approval import filter_of
from outreach.campaigns.forecast import SAMPLE, Estimate, Forecast, Plan, forecast
from outreach.campaigns.moves import found
from outreach.cli.campaign_options import (
    Accounts,
    AsJson,
    Whom,
    WhomText,
    asked_of,
    console,
    instant,
    listed_in,
)
from outreach.cli.progress import bar
from outreach.cli.segment import print_counts, shown_count
from outreach.cli.session import office, run
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.filter_text import spell
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts
from outreach.proof.names import CHANNELS, PURPOSES


def preview(
    number: Annotated[
        int | None, typer.Argument(help="A campaign there is; else what it would be:")
    ] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="Why we write (事由).")] = None,
    channel: Annotated[
        list[Channel] | None,
        typer.Option("--channel", help="By which channel; again for what comes next in order."),
    ] = None,
    segment: Whom = None,
    text: WhomText = None,
    accounts: Accounts = None,
    creditor: Annotated[str | None, typer.Option(help="Whose accounts --accounts are.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When it would begin, 2026-11-24T09:30:00+08:00; else now.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many the gate is asked about.")
    ] = SAMPLE,
    as_json: AsJson = False,
) -> None:
    """Forecast a campaign: whom, by which channel, what the gate would say, at what cost.

    Nothing is written. Counts are exact; what the gate and the texts are asked for
    comes from a random sample and says so.
    """

    async def planned(parts: Parts, conn: Connection) -> Plan:
        if number is not None:
            return await _of_campaign(conn, number)
        if purpose is None or not channel:
            raise InvalidInput(
                "say what to forecast", "a campaign's number, or --purpose, --channel"
            )
        if len(set(channel)) < len(channel):
            raise InvalidInput("--channel names one channel twice", "each stands once in the order")
        asked = await asked_of(conn, segment, text, accounts)
        if accounts is None:
            return Plan(asked, purpose, tuple(channel))
        if creditor is None:
            raise InvalidInput("whose accounts are these?", "--creditor")
        listed = await listed_in(parts, conn, creditor, accounts)
        return Plan(asked, purpose, tuple(channel), listed)

    made, plan = run(forecast_of(planned, at, sample))
    if as_json:
        typer.echo(orjson.dumps(as_data(made, plan)).decode())
    else:
        _print(made, plan)


async def _of_campaign(conn: Connection, number: int) -> Plan:
    campaign = await found(conn, number)
    if campaign.corrects is not None:
        raise InvalidInput(
            f"campaign {number} corrects another: it goes to exactly those that one reached",
            "submitting it counts them",
        )
    listed = None if campaign.listed is None else campaign.id
    return Plan(filter_of(campaign), campaign.purpose, campaign.channels, listed)


async def forecast_of(
    planned: Callable[[Parts, Connection], Awaitable[Plan]], at: str | None, sample: int
) -> tuple[Forecast, Plan]:
    """The forecast of a plan, and the plan; ``at`` as it is typed."""
    async with office() as parts:
        async with parts.pool.acquire() as conn:
            plan = await planned(parts, conn)
        begins = instant(at) if at else parts.clock.now()
        with bar("asking the gate") as watch:
            return await forecast(parts, plan, begins, sample=sample, watch=watch), plan


def as_data(found: Forecast, plan: Plan) -> dict[str, Any]:
    """All of it as one object."""
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
    print_gate(found)
    for channel, words in found.texts:
        console.print(Panel(words, title=f"{CHANNELS[channel]}样例", expand=False))


def print_gate(found: Forecast) -> None:
    """What the gate and the templates said of the sample."""
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
