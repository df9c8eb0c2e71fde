"""``outreach proof`` (通知证据包): a debtor's history for a court, a regulator or the debtor."""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from outreach.cli.private_file import write_private
from outreach.cli.progress import Watch, bar
from outreach.cli.session import actor_of, office, run
from outreach.compliance.window import DAY, instant, zone_named
from outreach.db import debtors
from outreach.db import proof as stored
from outreach.db.pool import Connection
from outreach.domain.debtor import HOME_ZONE, Jurisdiction
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.life.checkpoints import checkpoint_once
from outreach.life.parts import Parts
from outreach.life.seal import seal_all
from outreach.proof.audience import Audience
from outreach.proof.check import Check, Found, NoBundle, check_bundle
from outreach.proof.export import Bundle, Request, make_bundle
from outreach.proof.many import Made, Period, make_many
from outreach.proof.reading import find_account, find_debtor, note_reading
from outreach.templating.document import DocumentPress

BROKEN = 1

app = typer.Typer(help="Bundles of evidence (通知证据包).", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


# --------------------------------------------------------------------------------------- export


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The .zip file to write.")],
    debtor: Annotated[
        str | None, typer.Option(help="Everything of this debtor: their id or an account number.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="What concerns this account: its number or id.")
    ] = None,
    notice: Annotated[int | None, typer.Option(help="One notice, by its number.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="The first day, in the debtor's zone: 2026-11-01.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day.")] = None,
    audience: Annotated[
        Audience, typer.Option("--for", help="Who is given it: they see more or less.")
    ] = Audience.COURT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write what proves one debtor's notices: a certificate, the evidence, and how to check it.

    The newest events are sealed and signed first. The bundle holds personal data in clear; that it
    was made stands in your own stream.
    """
    asked = _Asked(debtor, account, notice, since, until, audience)
    if sum(each is not None for each in (debtor, account, notice)) != 1:
        raise InvalidInput("whose evidence?", "give one of --debtor, --account and --notice")
    if out.suffix != ".zip":
        raise InvalidInput(f"--out: {out} is no .zip file", "name a file that ends in .zip")
    bundle = run(_export(asked, out, actor_of(context)))
    if as_json:
        told = {"out": str(out), "notices": len(bundle.numbers), "events": bundle.events}
        digest = sha256(bundle.content).hexdigest()
        typer.echo(orjson.dumps(told | {"included": bundle.included, "sha256": digest}).decode())
        return
    console.print(
        f"{out}: {len(bundle.numbers)} notices, {bundle.included} of {bundle.events} events, "
        f"{len(bundle.content):,} bytes"
    )
    console.print(f"check it with: outreach proof verify {out}", markup=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The command's options as they were typed."""

    debtor: str | None
    account: str | None
    notice: int | None
    since: str | None
    until: str | None
    audience: Audience


async def _export(asked: _Asked, out: Path, actor: str) -> Bundle:
    async with office() as parts:
        await seal_all(parts.pool)
        await checkpoint_once(parts)
        async with parts.pool.acquire() as conn:
            request = await _request(parts, conn, asked)
        made_at = parts.clock.now()
        press = DocumentPress("certificate", archival=True)
        bundle = await make_bundle(parts, request, made_at, press)
        data: dict[str, Any] = {
            **{name: value for name, value in request.stated().items() if value},
            "sha256": {"zip": sha256(bundle.content).hexdigest()},
        }
        # on record before it is handed out
        async with parts.pool.acquire() as conn:
            await note_reading(conn, EventKind.EXPORTED, actor, bundle.creditor_id, made_at, data)
        write_private(out, bundle.content)
    return bundle


async def _request(parts: Parts, conn: Connection, asked: _Asked) -> Request:
    account_id = notice_id = None
    if asked.notice is not None:
        row = await stored.notice(conn, asked.notice)
        if row is None:
            raise NotFound(f"there is no notice {asked.notice}", "its number stands in the history")
        debtor_id, notice_id = row["debtor_id"], row["id"]
    elif asked.account is not None:
        account_id = await find_account(conn, parts.lookup, asked.account)
        debtor_id = await find_debtor(conn, parts.lookup, asked.account)
    else:
        debtor_id = await find_debtor(conn, parts.lookup, asked.debtor or "")
    row = await debtors.debtor(conn, debtor_id)
    assert row is not None
    return Request(
        debtor_id=debtor_id,
        audience=asked.audience,
        account_id=account_id,
        notice_id=notice_id,
        since=_day("--from", asked.since, row["zone"], 0),
        until=_day("--to", asked.until, row["zone"], DAY),
    )


def _day(option: str, text: str | None, zone: str, minute: int) -> datetime | None:
    """The instant a day begins or ends."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no day", "write it as 2026-11-01") from None
    known = zone_named(zone)
    assert known is not None
    return instant(day, minute, known)


# ----------------------------------------------------------------------------------- many at once


@app.command("export-many")
def export_many(
    context: typer.Context,
    creditor: Annotated[str, typer.Option(help="Whose debtors.")],
    since: Annotated[str, typer.Option("--from", help="The first day, in Asia/Shanghai.")],
    until: Annotated[str, typer.Option("--to", help="The last day.")],
    out: Annotated[Path, typer.Option(help="A folder; one that was begun is finished.")],
    audience: Annotated[
        Audience, typer.Option("--for", help="Who is given them.")
    ] = Audience.REGULATOR,
) -> None:
    """Write a bundle for every debtor who had a notice made in that time, and a manifest.

    It says how many notices of each kind ended in which state. Broken off, run it again: it goes on
    where it was.
    """
    home = HOME_ZONE[Jurisdiction.MAINLAND]
    first, last = _day("--from", since, home, 0), _day("--to", until, home, DAY)
    assert first is not None
    assert last is not None
    with bar("bundling") as watch:
        period = Period(creditor, audience, first, last)
        made = run(_export_many(period, out, actor_of(context), watch))
    console.print(
        f"{out}: {made.bundles} bundles of {made.notices} notices"
        f"{f', {made.kept} were there' if made.kept else ''}; SHA256SUMS {made.sums}"
    )


async def _export_many(period: Period, out: Path, actor: str, watch: Watch) -> Made:
    try:
        (out / "bundles").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"--out: {out} cannot be made: {error.strerror}", "choose another folder"
        ) from None
    async with office() as parts:
        parts.creditor(period.creditor_id)
        await seal_all(parts.pool)
        await checkpoint_once(parts)
        now = parts.clock.now()
        made = await make_many(parts, period, out, now, write_private, watch)
        data: dict[str, Any] = {
            **period.stated(),
            "bundles": made.bundles,
            "sha256": {"sums": made.sums},
        }
        async with parts.pool.acquire() as conn:
            kind, creditor = EventKind.EXPORTED, period.creditor_id
            await note_reading(conn, kind, actor, creditor, now, data)
    return made


# --------------------------------------------------------------------------------------- verify


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="The .zip file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a bundle: offline, without a database. Exit code 0 if all of it fits, 1 if not."""
    try:
        checks, found = check_bundle(bundle)
    except NoBundle as error:
        raise InvalidInput(
            f"{bundle}: {error}", "give a file that outreach proof export wrote"
        ) from None
    good = all(check.good for check in checks)
    if as_json:
        typer.echo(orjson.dumps(_json(checks, found)).decode())
    else:
        _print(checks, found, good=good)
    if not good:
        raise typer.Exit(BROKEN)


SHOWN = 10


def _print(checks: list[Check], found: Found, *, good: bool) -> None:
    for check in checks:
        mark = "[green]ok[/]    " if check.good else "[bold red]BROKEN[/]"
        console.print(f"{mark}  {check.sentence if check.good else 'does not hold:'}")
        for fault in check.faults[:SHOWN]:
            console.print(f"          {fault}", markup=False)
        if len(check.faults) > SHOWN:
            console.print(f"          ... and {len(check.faults) - SHOWN} more")
    for fingerprint in found.fingerprints:
        printed = " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
        console.print(f"signed by  {printed}")
    if good:
        console.print("compare this fingerprint with one you were given by another way")


def _json(checks: list[Check], found: Found) -> dict[str, Any]:
    return {
        "good": all(check.good for check in checks),
        "stream": found.stream,
        "events": len(found.heads),
        "covered": found.covered,
        "fingerprints": found.fingerprints,
        "checks": checks,
    }
