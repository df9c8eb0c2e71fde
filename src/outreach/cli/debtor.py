"""``outreach debtor``: who somebody is, what they owe, what was said. Read before writing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import typer
from rich.console import Console

from outreach.cli.dossier import print_dossier, timeline_table
from outreach.cli.erasing import erase_debtor
from outreach.cli.session import actor_of, office, run
from outreach.db import debtors, events, segments
from outreach.domain.errors import Conflict, InvalidInput
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.ledger.envelope import prepare
from outreach.ledger.keys import MasterKeys
from outreach.proof.listing import line_json
from outreach.proof.mask import mask_text
from outreach.proof.profile import Profile, load_profile, mask
from outreach.proof.reading import find_debtor, note_reading
from outreach.proof.timeline import Line, Words, read_line, words_of

app = typer.Typer(help="Debtors (债务人).", no_args_is_help=True)
app.command("erase")(erase_debtor)


@dataclass(frozen=True, slots=True)
class Dossier:
    """A profile as it may be shown, and each line of the history with its words, if it has any."""

    profile: Profile
    timeline: list[tuple[Line, Words | None]]
    now: datetime


@app.command()
def show(
    context: typer.Context,
    debtor: Annotated[str, typer.Argument(help="The debtor's id, or an account's number or id.")],
    words: Annotated[bool, typer.Option("--words", help="Show what we wrote, too.")] = False,
    unmask: Annotated[
        bool, typer.Option("--unmask", help="Show names and numbers whole; needs --reason.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why they are needed: a case number or code; kept on record.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a debtor's profile and timeline; that you looked stands in your own stream."""
    if unmask and not reason.strip():
        raise InvalidInput("--unmask needs a reason", "add --reason with a case number or code")
    dossier = run(_load(debtor, actor_of(context), unmask, reason.strip()))
    if as_json:
        typer.echo(orjson.dumps(_json(dossier), default=str).decode())
    else:
        console = Console(highlight=False)
        print_dossier(console, dossier.profile, dossier.timeline, dossier.now, ours=words)


TAG_LENGTH = 30


@app.command()
def tag(
    context: typer.Context,
    debtor: Annotated[str, typer.Argument(help="The debtor's id, or an account's number or id.")],
    word: Annotated[str, typer.Argument(metavar="TAG", help="A word that segments may ask for.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
) -> None:
    """Give a debtor a tag (标签), or take it away; both stand in their history."""
    word = word.strip()
    if not 0 < len(word) <= TAG_LENGTH or not word.isprintable():
        raise InvalidInput(f"a tag has 1 to {TAG_LENGTH} characters of one line", "shorten it")
    if not run(_tag(debtor, word, not remove, actor_of(context))):
        raise Conflict(f"the debtor {'does not carry' if remove else 'carries'} this tag already")
    typer.echo(f"{'removed' if remove else 'tagged'}: {word}")


async def _tag(name: str, word: str, add: bool, actor: str) -> bool:
    async with office() as parts, parts.pool.acquire() as conn, conn.transaction():
        debtor_id, now = await find_debtor(conn, parts.lookup, name), parts.clock.now()
        row = await debtors.debtor(conn, debtor_id)
        assert row is not None
        if add:
            changed = await segments.tag(conn, debtor_id, word, actor, now)
        else:
            changed = await segments.untag(conn, debtor_id, word)
        if changed:
            event = Event(
                kind=EventKind.TAGGED if add else EventKind.UNTAGGED,
                at=now,
                stream=debtor_stream(debtor_id),
                creditor_id=row["creditor_id"],
                actor=actor,
                debtor_id=debtor_id,
                data={"tag": word},
            )
            await events.append(conn, [prepare(event)])
        return changed


async def _load(name: str, actor: str, unmask: bool, reason: str) -> Dossier:
    async with office() as parts, parts.pool.acquire() as conn:
        now = parts.clock.now()
        debtor_id = await find_debtor(conn, parts.lookup, name)
        profile = await load_profile(conn, parts.masters, debtor_id, now)
        rows = await events.timeline(conn, debtor_id)
        data: dict[str, object] = {"debtor": str(debtor_id), "unmasked": unmask}
        if reason:
            data["reason"] = reason
        await note_reading(conn, EventKind.VIEWED, actor, profile.creditor_id, now, data)
        lines = [read_line(parts.masters, row) for row in rows]
    if unmask:
        return Dossier(profile, [(line, words_of(line)) for line in lines], now)
    return Dossier(mask(profile), [(line, _masked(line, profile)) for line in lines], now)


def _masked(line: Line, profile: Profile) -> Words | None:
    words = words_of(line)
    if words is None:
        return None
    name, locale = profile.name, profile.locale
    return Words("", mask_text(words.subject, name, locale), mask_text(words.text, name, locale))


def print_timeline(
    console: Console,
    rows: Sequence[asyncpg.Record],
    masters: MasterKeys | None = None,
    zone: str = "Asia/Shanghai",
) -> None:
    """Rows of ``events.timeline`` as a table; with ``masters``, the debtor's words too."""
    lines = [read_line(masters, row) for row in rows]
    told = [(line, words_of(line)) for line in lines]
    console.print(timeline_table(told, ZoneInfo(zone), ours=False))


def _json(dossier: Dossier) -> dict[str, Any]:
    """``debtor`` and ``timeline``; sealed payloads only if unmasked, ``words`` always."""
    hidden: dict[str, object] = {"payload": None} if dossier.profile.masked else {}
    return {
        "debtor": dossier.profile,
        "timeline": [
            line_json(line) | hidden | {"words": words} for line, words in dossier.timeline
        ],
    }
