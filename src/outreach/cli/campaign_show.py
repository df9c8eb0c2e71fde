"""``outreach campaign show``, ``watch`` and ``list``: what became of it, and how it gets on."""

import asyncio
from collections import deque
from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from outreach.campaigns import moves
from outreach.campaigns.progress import Progress, progress
from outreach.cli.campaign_options import AsJson, Number, console, say
from outreach.cli.session import in_office, office, run
from outreach.clock import monotonic
from outreach.db import campaigns, events, tallies
from outreach.db.pool import Connection
from outreach.db.tallies import Waiting
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.events import campaign_stream
from outreach.domain.frozen import frozen
from outreach.life.parts import Parts
from outreach.proof.names import CHANNELS, PURPOSES

ASKED = 1_000
"""Of so many held notices it is asked which rules hold them."""
MEASURED_SECONDS = 60.0
_OVER = (CampaignState.FINISHED, CampaignState.CANCELLED)
_INNER = ("templates", "frozen_to", "counted_from")


def show(number: Number, as_json: AsJson = False) -> None:
    """Show how far a campaign is, what stands in the way of the rest, and every move made."""
    found = run(in_office(lambda parts, conn: _look(parts, conn, number)))
    campaign, waiting = found.progress.campaign, found.waiting
    if as_json:
        told = {
            **{name: value for name, value in asdict(campaign).items() if name not in _INNER},
            "lifetime": campaign.lifetime.days,
            "templates": sorted(set((campaign.templates or {}).values())),
            **_counts(found.progress),
            "held": waiting.held,
            "held_until": waiting.until,
            "held_by": dict(found.held_by),
            "codes": found.codes,
            "events": found.moves,
        }
        typer.echo(orjson.dumps(told, default=str).decode())
        return
    say(campaign)
    console.print(
        f"{campaign.creditor_id}  {PURPOSES[campaign.purpose]} ({campaign.purpose})  "
        f"{' → '.join(CHANNELS[channel] for channel in campaign.channels)}"
    )
    console.print(_whom(campaign, found.related), markup=False)
    console.print(_table(found.progress))
    if waiting.held:
        console.print(f"held: {waiting.held:,}, the last until {waiting.until:%Y-%m-%d %H:%M %Z}")
        among = f" (of the first {ASKED:,})" if waiting.held > ASKED else ""
        for rule, count in found.held_by:
            console.print(f"  {rule}  {count:,}{among}")
    for code in found.codes:
        console.print(f"{code['state']}: {code['count']:,}  {code['code']}", markup=False)
    table = Table("when", "what", "who", "how")
    for move in found.moves:
        how = "  ".join(f"{key}={value}" for key, value in move["data"].items())
        table.add_row(f"{move['at']:%Y-%m-%d %H:%M:%S}", move["kind"], move["actor"], how)
    console.print(table)


def _whom(campaign: Campaign, related: int | None) -> str:
    """Whom it means, and which other campaign it comes of."""
    if campaign.corrects is not None:
        return f"exactly those whom campaign {related} has reached"
    whom = campaign.audience or "everybody who owes"
    if campaign.listed is not None:
        whom += f", of {campaign.listed:,} accounts listed"
    return f"{whom} (a run of campaign {related})" if campaign.run_of is not None else whom


@frozen
class _Found:
    """``related`` is the number of the campaign it corrects or is a run of."""

    progress: Progress
    related: int | None
    moves: list[dict[str, Any]]
    waiting: Waiting
    held_by: list[tuple[str, int]]
    codes: list[dict[str, Any]]


async def _look(parts: Parts, conn: Connection, number: int) -> _Found:
    now, campaign = parts.clock.now(), await moves.found(conn, number)
    rows = await events.stream_events(conn, campaign_stream(campaign.id))
    of = campaign.corrects or campaign.run_of
    return _Found(
        progress=await progress(conn, campaign, now),
        related=(await campaigns.by_id(conn, of)).number if of else None,
        moves=[
            {
                "at": row["at"],
                "kind": row["kind"],
                "actor": row["actor"],
                "data": orjson.loads(row["data"]),
            }
            for row in rows
        ],
        waiting=await tallies.waiting(conn, campaign.id, now),
        held_by=await tallies.held_by(conn, campaign.id, now, ASKED),
        codes=[dict(row) for row in await tallies.codes(conn, campaign.id)],
    )


def _counts(shown: Progress) -> dict[str, Any]:
    return {
        "total": shown.total,
        "states": shown.states,
        "deliveries": shown.deliveries,
        "excluded": shown.excluded,
        "responses": shown.responses,
    }


def _table(shown: Progress) -> Table:
    table = Table("", *("notices", "share"))
    for name, counts in (
        ("state", shown.states),
        ("delivery", shown.deliveries),
        ("excluded", shown.excluded),
        ("response", shown.responses),
    ):
        for what, count in counts.items():
            table.add_row(f"{name}: {what}", f"{count:,}", f"{count / max(1, shown.total):.1%}")
    return table


def watch(
    number: Number,
    seconds: Annotated[float, typer.Option(min=0.2, help="How often it is looked at anew.")] = 1.0,
) -> None:
    """Watch a campaign until it is over: counts, rate, and when it will be done. Ctrl-C leaves."""
    try:
        run(_watch(number, seconds))
    except KeyboardInterrupt:
        console.print("left; it goes on by itself")


async def _watch(number: int, seconds: float) -> None:
    past: deque[tuple[float, int]] = deque()
    async with office() as parts:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                async with parts.pool.acquire() as conn:
                    shown = await progress(conn, await moves.found(conn, number), parts.clock.now())
                live.update(_live(parts, shown, _rate(past, shown)), refresh=True)
                if shown.campaign.state in _OVER and not shown.waiting:
                    return
                await asyncio.sleep(seconds)


def _rate(past: deque[tuple[float, int]], shown: Progress) -> float | None:
    """Notices a minute over the last minute or so; None before there is anything to compare."""
    now, gone = monotonic(), shown.total - shown.waiting
    past.append((now, gone))
    while now - past[0][0] > MEASURED_SECONDS:
        past.popleft()
    then, before = past[0]
    return (gone - before) * 60 / (now - then) if now > then else None


def _live(parts: Parts, shown: Progress, rate: float | None) -> RenderableType:
    campaign, gone = shown.campaign, shown.total - shown.waiting
    head = f"{campaign.number} {campaign.name}: {campaign.state}"
    if campaign.state is CampaignState.RUNNING and campaign.frozen_at is None:
        return Group(Text(head), Text(f"freezing the audience: {shown.total:,} so far"))
    line = f"{gone:,} of {shown.total:,}"
    if rate is not None:
        line += f", {rate:,.0f} a minute"
    ends = shown.ends(parts, rate)
    if ends is not None and shown.waiting:
        line += f", done about {ends:%Y-%m-%d %H:%M %Z} if nothing is held"
    bar = ProgressBar(total=max(1, shown.total), completed=gone, width=60)
    return Group(Text(head), bar, Text(line), _table(shown))


def list_all(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
) -> None:
    """List campaigns, the newest first."""
    table = Table("number", "name", "creditor", "state", "notices", "starts", "by")
    for each in run(in_office(lambda _, conn: campaigns.newest(conn, limit))):
        notices = f"{each.notices:,}" if each.notices is not None else ""
        starts = f"{each.starts_at:%Y-%m-%d %H:%M %Z}" if each.starts_at else each.repeats or ""
        table.add_row(
            str(each.number),
            each.name,
            each.creditor_id,
            each.state,
            notices,
            starts,
            each.created_by,
        )
    console.print(table)
