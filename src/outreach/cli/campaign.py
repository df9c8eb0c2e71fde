"""``outreach campaign``: many notices at once, looked at before any of them exists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from outreach.campaigns.forecast import SAMPLE, Estimate, Forecast, Plan, forecast
from outreach.cli import progress
from outreach.cli.segment import print_counts, shown_count, whom
from outreach.cli.session import office, run
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.notice import Purpose
from outreach.proof.names import CHANNELS, PURPOSES

app = typer.Typer(help="Campaigns (批次).", no_args_is_help=True)
console = Console(highlight=False)


@app.callback()
def begin() -> None:
    """Keep ``campaign`` a group though it has one command."""


@app.command()
def preview(
    purpose: Annotated[Purpose, typer.Option(help="Why we write (事由).")],
    channel: Annotated[
        list[Channel], typer.Option(help="By which channel; again for what comes next in order.")
    ],
    segment: Annotated[str | None, typer.Argument(help="A segment's name.")] = None,
    text: Annotated[str | None, typer.Option("--filter", help="A filter not kept yet.")] = None,
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
        plan = Plan(await whom(parts, segment, text), purpose, channels)
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
        "filter": str(plan.audience),
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
    console.print(str(plan.audience), markup=False)
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
