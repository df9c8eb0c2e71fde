"""``outreach carriers``: how each carrier fares, and which routes use it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from outreach.cli.bells import check_redis
from outreach.cli.session import run, servers
from outreach.clock import Clock
from outreach.db import quotas, schema
from outreach.db.pool import open_pool
from outreach.pace import Breaker, Pace, Status, limits_of
from outreach.settings import (
    CmppSettings,
    PacedSettings,
    Settings,
    SmtpSettings,
    TwilioSettings,
    load,
)

app = typer.Typer(help="Carriers: pace, breaker, quota.", no_args_is_help=True)

_STATES = {Breaker.CLOSED: "正常", Breaker.OPEN: "熔断", Breaker.HALF_OPEN: "试探"}


@app.callback()
def carriers() -> None:
    """A noun with verbs, though there is only one yet."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One carrier just now; ``taken`` is of today's quota."""

    carrier: TwilioSettings | CmppSettings | SmtpSettings
    status: Status
    taken: int


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each carrier's breaker, pace, places in flight and quota, and the routes' weights."""
    settings = load()
    sights = run(look(settings))
    now = Clock().now()  # the breaker keeps real time, whatever the business clock says
    if as_json:
        told = {
            "carriers": {sight.carrier.name: _plain(sight, now) for sight in sights},
            "routes": {
                route.name: {"channel": route.channel, "carriers": route.carriers}
                for route in settings.routes
            },
        }
        typer.echo(json.dumps(told))
    else:
        _print(settings, sights, now)


async def look(settings: Settings) -> list[Sight]:
    """Every paced carrier; raises ``ConfigurationError`` if a server is away."""
    paced = [carrier for carrier in settings.carriers if isinstance(carrier, PacedSettings)]
    now = Clock(settings.clock_offset).now()
    async with servers(settings) as urls:
        await check_redis(urls.redis)
        async with Redis.from_url(urls.redis) as redis:
            limits = {carrier.name: limits_of(carrier) for carrier in paced}
            statuses = await Pace(redis, settings.lease_seconds).status(limits)
        async with await open_pool(urls.database, 1) as pool, pool.acquire() as conn:
            await schema.require_head(conn)
            taken = await quotas.taken(conn, {c.name: c.quota_day(now) for c in paced})
    return [Sight(c, statuses[c.name], taken[c.name]) for c in paced]


def _until(status: Status, now: datetime) -> datetime | None:
    """When an open breaker lets a probe through."""
    return now + timedelta(seconds=status.until) if status.state is Breaker.OPEN else None


def _plain(sight: Sight, now: datetime) -> dict[str, object]:
    carrier, status = sight.carrier, sight.status
    until = _until(status, now)
    return {
        "channel": carrier.channel,
        "state": status.state,
        "until": until.isoformat(timespec="seconds") if until else None,
        "failures": status.failures,
        "paused_seconds": status.paused,
        "rate": carrier.rate,
        "tokens": status.tokens,
        "in_flight": status.in_flight,
        "concurrency": carrier.concurrency,
        "holders": status.holders,
        "quota_taken": sight.taken,
        "daily_quota": carrier.daily_quota,
    }


def _print(settings: Settings, sights: list[Sight], now: datetime) -> None:
    console = Console(highlight=False)
    table = Table("carrier", "channel", "state", "pace", "in flight", "today")
    for sight in sights:
        carrier, status = sight.carrier, sight.status
        table.add_row(
            carrier.name,
            carrier.channel,
            _state(status, now),
            "no limit" if status.tokens is None else f"{carrier.rate:g}/s, {status.tokens:.0f} now",
            f"{status.in_flight} of {carrier.concurrency}",
            f"{sight.taken} of {carrier.daily_quota}" if carrier.daily_quota else "no quota",
        )
    console.print(table)
    for route in settings.routes:
        weights = ", ".join(f"{name} {weight}" for name, weight in route.carriers.items())
        console.print(f"route {route.name}: {weights}", markup=False)


def _state(status: Status, now: datetime) -> str:
    words = f"{_STATES[status.state]} {status.state.replace('_', '-')}"
    if until := _until(status, now):
        words += f" until {until.astimezone():%H:%M:%S}"
    elif status.failures:
        words += f", failures: {status.failures}"
    if status.paused:
        words += f", 暂停 paused {status.paused:.0f} s"
    return words
