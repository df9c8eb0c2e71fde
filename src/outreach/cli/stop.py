"""``outreach stop`` and ``outreach resume``: the switch that keeps everything, or a part, in."""

from datetime import datetime
from typing import Annotated

import typer

from outreach.cli.session import actor_of, office, run
from outreach.db import events, stops
from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict, InvalidInput
from outreach.domain.events import Event, EventKind, user_stream
from outreach.ledger.envelope import prepare

app = typer.Typer()

All = Annotated[bool, typer.Option("--all", help="Everything.")]
Creditor = Annotated[str | None, typer.Option("--creditor", help="One creditor's notices.")]
OneChannel = Annotated[Channel | None, typer.Option("--channel", help="One channel's notices.")]


def scope_of(everything: bool, creditor: str | None, channel: Channel | None) -> str:
    """The one scope asked for; raises ``InvalidInput`` unless it is exactly one."""
    scopes = [
        *(["all"] if everything else []),
        *([f"creditor:{creditor}"] if creditor else []),
        *([f"channel:{channel}"] if channel else []),
    ]
    if len(scopes) != 1:
        raise InvalidInput("say what to stop or resume", "one of --all, --creditor ID, --channel C")
    return scopes[0]


@app.command()
def stop(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    everything: All = False,
    creditor: Creditor = None,
    channel: OneChannel = None,
) -> None:
    """Let nothing more leave, within two seconds; what is due waits."""
    scope = scope_of(everything, creditor, channel)
    if not run(_set(actor_of(context), scope, reason)):
        raise Conflict(f"{scope} is stopped already", f"outreach resume lifts it: {scope}")
    typer.echo(f"stopped: {scope}")


@app.command()
def resume(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    everything: All = False,
    creditor: Creditor = None,
    channel: OneChannel = None,
) -> None:
    """Lift a stop; what waited goes through the gate again before it leaves."""
    scope = scope_of(everything, creditor, channel)
    if not run(_lift(actor_of(context), scope, reason)):
        raise Conflict(f"{scope} is not stopped", "outreach doctor lists the stops")
    typer.echo(f"resumed: {scope}")


async def _set(actor: str, scope: str, reason: str) -> bool:
    async with office() as parts, parts.pool.acquire() as conn, conn.transaction():
        now = parts.clock.now()
        if not await stops.put(conn, scope, actor, reason, now):
            return False
        await events.append(conn, [prepare(_event(EventKind.STOPPED, actor, scope, reason, now))])
        return True


async def _lift(actor: str, scope: str, reason: str) -> bool:
    async with office() as parts, parts.pool.acquire() as conn, conn.transaction():
        if not await stops.lift(conn, scope):
            return False
        now = parts.clock.now()
        await events.append(conn, [prepare(_event(EventKind.RESUMED, actor, scope, reason, now))])
        return True


def _event(kind: EventKind, actor: str, scope: str, reason: str, now: datetime) -> Event:
    """A stop is its setter's deed: it stands in their stream, not in any debtor's."""
    creditor = scope.partition(":")[2] if scope.startswith("creditor:") else ""
    return Event(
        kind=kind,
        at=now,
        stream=user_stream(actor.removeprefix("user:")),
        creditor_id=creditor,
        actor=actor,
        data={"scope": scope, "reason": reason},
    )
