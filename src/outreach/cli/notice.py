"""``outreach notice``: one-off notices, looked at before they are sent and after."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from outreach.channels.base import Accepted, Message
from outreach.cli.erasing import erase_notice
from outreach.cli.notice_export import export_notices
from outreach.cli.notice_release import release_notice
from outreach.cli.notice_scan import scan_receipts
from outreach.cli.session import actor_of, office, run
from outreach.db import carriage, events, facts, notices
from outreach.db.pool import Connection
from outreach.domain.contact import Channel, normalize_email, normalize_phone
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import Event, EventKind, user_stream
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.envelope import prepare
from outreach.ledger.keys import WrappedKey
from outreach.life import intake
from outreach.life.links import linked
from outreach.life.parts import Parts
from outreach.life.prepare import Drop, Go, Wait, prepare_notice

app = typer.Typer(help="One-off notices.", no_args_is_help=True)
app.command("export")(export_notices)
app.command("erase")(erase_notice)
app.command("release")(release_notice)
app.command("scan")(scan_receipts)
console = Console(highlight=False)


@app.command()
def send(
    context: typer.Context,
    account: Annotated[str, typer.Option(help="The account's number or id.")],
    purpose: Annotated[Purpose, typer.Option(help="Why we write (事由).")],
    channel: Annotated[Channel, typer.Option(help="sms, email or letter.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show verdict, words, parts and cost; send nothing.")
    ] = False,
    to_me: Annotated[
        str | None, typer.Option(help="Send the words to this number or mailbox of yours instead.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key never sends twice.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send one notice to an account's debtor; the verdict and the words are shown first."""
    asked = key or f"one-off:{new_id()}"
    shown = run(_send(account, purpose, channel, dry_run, to_me, asked, actor_of(context)))
    if as_json:
        typer.echo(orjson.dumps(shown).decode())
        return
    _print_preview(shown)


async def _send(
    account: str,
    purpose: Purpose,
    channel: Channel,
    dry_run: bool,
    to_me: str | None,
    key: str,
    actor: str,
) -> dict[str, Any]:
    async with office() as parts:
        async with parts.pool.acquire() as conn:
            now = parts.clock.now()
            request = await request_to(conn, parts, account, purpose, channel, key, now)
            row = await facts.preview(conn, request, new_id(), now)
        prepared = prepare_notice(parts, row, now)
        shown = describe(parts, prepared)
        if to_me is not None:
            shown["to_me"] = await _send_to_me(parts, prepared, channel, to_me, actor)
        elif not dry_run:
            async with parts.pool.acquire() as conn, conn.transaction():
                [(notice_id, new)] = await intake.submit(conn, parts, [request], actor)
                found = await notices.by_number_or_id(conn, str(notice_id))
            assert found is not None
            shown |= {"notice": found["number"], "id": str(notice_id), "new": new}
        return shown


async def request_to(
    conn: Connection,
    parts: Parts,
    account: str,
    purpose: Purpose,
    channel: Channel,
    key: str,
    now: datetime,
) -> NoticeRequest:
    """A request to the debtor of the account of this number or id."""
    ids = await intake.accounts_by_number(conn, parts.lookup, account)
    if len(ids) > 1:
        raise Conflict(
            "several creditors have an account of this number", "give the account's id instead"
        )
    return await intake.request_for(
        conn,
        ids[0],
        purpose,
        channel,
        key=key,
        lane=Lane.URGENT,
        now=now,
    )


def describe(parts: Parts, prepared: Go | Wait | Drop) -> dict[str, Any]:
    """What would happen now: the decision with its reasons, and the words if it may go."""
    data = prepared.verdict_data if isinstance(prepared, Go) else prepared.entry.event.data
    shown: dict[str, Any] = {"decision": data.get("decision", "block"), **data}
    if isinstance(prepared, Wait):
        shown["until"] = prepared.until.isoformat()
    if isinstance(prepared, Go):
        words, route = prepared.words, parts.routes_of(prepared.row)
        shown |= {
            "title": words.rendered.title,
            "subject": words.rendered.subject,
            "text": words.rendered.text,
            "template": words.template.digest,
            "parts": words.parts,
            "cost": route.price * words.parts,
        }
    return shown


async def _send_to_me(
    parts: Parts, prepared: Go | Wait | Drop, channel: Channel, to: str, actor: str
) -> str:
    """Send the words to the person who asks; it stands in their stream, not in the debtor's."""
    if not isinstance(prepared, Go):
        raise Conflict("the gate does not let this notice go now", "see it with --dry-run")
    if channel is Channel.LETTER:
        raise InvalidInput("a letter cannot go to a mailbox", "see it: outreach template preview")
    try:
        mine = normalize_email(to) if channel is Channel.EMAIL else normalize_phone(to, "CN")
    except ValueError as error:
        raise InvalidInput(f"--to-me: {error}", "give your own number or mailbox") from None
    route = parts.routes_of(prepared.row)
    test = prepared.message()
    message = Message(
        notice_id=new_id(),
        attempt=0,
        token=parts.tokens.mint(new_id(), 0),
        to=mine,
        sender_name=test.sender_name,
        text=test.text,
        subject=test.subject,
        html=test.html,
    )
    carrier = parts.carriers[route.first]
    async with linked(parts, carrier):
        outcome = await carrier.send(message)
    event = Event(
        kind=EventKind.NOTE,
        at=parts.clock.now(),
        stream=user_stream(actor.removeprefix("user:")),
        creditor_id=prepared.row["creditor_id"],
        actor=actor,
        data={"test": True, "template": prepared.words.template.digest, "carrier": carrier.name},
    )
    async with parts.pool.acquire() as conn, conn.transaction():
        await events.append(conn, [prepare(event)])
    if not isinstance(outcome, Accepted):
        raise Conflict(f"the carrier did not take it: {outcome.code}", "see outreach doctor")
    return "accepted"


_DECISIONS = {
    "allow": ("green", "可以发送"),
    "hold": ("yellow", "暂缓"),
    "block": ("red", "不得发送"),
}


def _print_preview(shown: Mapping[str, Any]) -> None:
    colour, word = _DECISIONS[shown["decision"]]
    until = f"  至 {shown['until']}" if shown.get("until") else ""
    console.print(f"[{colour}]{word} ({shown['decision']})[/]{until}")
    if shown.get("code"):
        console.print(f"code: {shown['code']}  {shown.get('error', '')}", markup=False)
    for finding in shown.get("findings", []):
        console.print(
            f"  {finding['rule']}  {finding['says']}  "
            f"[{finding['confidence']}] {finding['source']}",
            markup=False,
        )
    if shown.get("text"):
        title = shown["subject"] or shown["title"] or "words"
        console.print(Panel(shown["text"], title=title, expand=False))
        console.print(f"parts: {shown['parts']}   cost: {shown['cost'] / 100:.2f}")
    if shown.get("notice"):
        again = "" if shown["new"] else " (already asked for with this key; nothing was added)"
        console.print(f"notice {shown['notice']}{again}: outreach notice show {shown['notice']}")
    if shown.get("to_me"):
        console.print("sent to you; the debtor was not contacted")


# ----------------------------------------------------------------------------------------- show


@app.command()
def show(
    notice: Annotated[str, typer.Argument(help="The notice's number or id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show one notice: state, delivery, what the carriers said, its events and its words."""
    found = run(_show(notice))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str))
        return
    _print_notice(found)


async def _show(name: str) -> dict[str, Any]:
    async with office() as parts, parts.pool.acquire() as conn:
        row = await notices.by_number_or_id(conn, name)
        if row is None:
            raise NotFound(f"no notice {name}", "give its number or id")
        told = await notices_events(conn, parts, row)
        said = [dict(part) for part in await carriage.parts(conn, [row["id"]])]
        zone = await notices.zone_of(conn, row["debtor_id"])
    return {"notice": dict(row), "zone": zone, "carriage": said, "events": told}


async def notices_events(
    conn: Connection, parts: Parts, row: asyncpg.Record
) -> list[dict[str, Any]]:
    found = []
    for event in await events.notice_events(conn, row["id"]):
        shown = {"at": event["at"], "kind": event["kind"], "data": orjson.loads(event["data"])}
        if event["sealed"] and event["wrapped"]:
            stored = WrappedKey(event["key_id"], event["wrapped"], event["master_version"])
            plain = parts.masters.unwrap(stored).open(event["sealed"], places.payload(event["id"]))
            shown["payload"] = orjson.loads(plain)
        found.append(shown)
    return found


def _print_notice(found: Mapping[str, Any]) -> None:
    row, zone = found["notice"], ZoneInfo(found["zone"])
    console.print(
        f"notice {row['number']}  {row['purpose']} by {row['channel']}  "
        f"state [bold]{row['state']}[/]  delivery [bold]{row['delivery']}[/]"
    )
    for name in ("code", "failure", "batch_id"):
        if row[name]:
            console.print(f"{name}: {row[name]}", markup=False)
    table = Table("when", "what", "how")
    for event in found["events"]:
        data = {
            k: v
            for k, v in event["data"].items()
            if v and k not in ("findings", "facts", "template")
        }
        how = "  ".join(f"{key}={value}" for key, value in data.items())
        table.add_row(_local(event["at"], zone), event["kind"], how)
    console.print(table)
    for event in found["events"]:
        text = event.get("payload", {}).get("text")
        if text:
            console.print(Panel(text, title=event["kind"], expand=False))


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
