"""``outreach policy forecast``: how many of an audience may be written to, and why not the rest."""

from typing import Annotated

import orjson
import typer

from outreach.campaigns.forecast import SAMPLE, Plan
from outreach.cli.campaign_options import (
    AsJson,
    Channels,
    Whom,
    WhomText,
    Why,
    asked_of,
    console,
)
from outreach.cli.campaign_preview import as_data, forecast_of, print_gate
from outreach.cli.session import run
from outreach.db.pool import Connection
from outreach.domain.filter_text import spell
from outreach.life.parts import Parts
from outreach.proof.names import PURPOSES

Sample = Annotated[int, typer.Option(min=1, max=10_000, help="How many the gate is asked about.")]
At = Annotated[str | None, typer.Option(help="As of when, 2026-11-24T09:30:00+08:00; else now.")]

_OF_THE_GATE = ("filter", "at", "notices", "unreachable", "sampled", "goes", "held", "blocked")
_MORE = ("failed", "rules", "held_until")


def forecast(
    purpose: Why,
    channel: Channels,
    segment: Whom = None,
    text: WhomText = None,
    at: At = None,
    sample: Sample = SAMPLE,
    as_json: AsJson = False,
) -> None:
    """Forecast what the gate would say of an audience: how many go, are held, are blocked, by rule.

    Of a random sample, with its interval; a small audience is asked whole. Costs and texts are in
    outreach campaign preview. Nothing is written.
    """

    async def planned(_: Parts, conn: Connection) -> Plan:
        return Plan(await asked_of(conn, segment, text, None), purpose, tuple(channel))

    found, plan = run(forecast_of(planned, at, sample))
    if as_json:
        data = as_data(found, plan)
        typer.echo(orjson.dumps({name: data[name] for name in (*_OF_THE_GATE, *_MORE)}).decode())
        return
    console.print(
        f"{PURPOSES[plan.purpose]} ({plan.purpose}), {found.at:%Y-%m-%d %H:%M %Z}: "
        f"{found.notices:,} 件，其中无法触达 {found.unreachable:,}",
        style="bold",
    )
    console.print(spell(plan.audience), markup=False)
    print_gate(found)
