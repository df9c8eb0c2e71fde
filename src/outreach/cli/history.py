"""``outreach history``: check that the history holds together, and copy a debtor's part out."""

import asyncio
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
import typer
from rich.console import Console

from outreach.cli.private_file import write_private
from outreach.cli.progress import Watch, bar
from outreach.cli.session import actor_of, office, run
from outreach.db import events, tree
from outreach.domain.errors import InvalidInput
from outreach.domain.events import EventKind, debtor_stream
from outreach.ledger.checkpoint import PublicKey
from outreach.life.checkpoints import checkpoint_once, signed_from_here
from outreach.life.parts import Parts
from outreach.life.seal import seal_all
from outreach.proof import listing
from outreach.proof.profile import load_profile
from outreach.proof.reading import find_debtor, note_reading
from outreach.proof.report import LISTED, Problem, Report
from outreach.proof.timeline import read_line
from outreach.proof.verify import verify as verify_history
from outreach.templating.document import DocumentPress

BROKEN = 1
PRINTED = 20

app = typer.Typer(help="The contact history (触达记录).", no_args_is_help=True)
console = Console(highlight=False)


# --------------------------------------------------------------------------------------- verify


@app.command()
def verify(
    debtor: Annotated[
        str | None, typer.Option(help="Only this debtor's: their id or an account number.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="With --debtor: the whole log too, not only their part.")
    ] = False,
    since: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere: the log must have begun as it says."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Recompute the history: exit code 0 if all of it fits, 1 if anything was changed."""
    note = _note(since) if since else None
    with bar("checking") as watch:
        report = run(_verify(debtor, full, note, watch))
    if as_json:
        typer.echo(orjson.dumps(report_json(report), default=str).decode())
    else:
        _print_report(report)
    if not report.good:
        raise typer.Exit(BROKEN)


def _note(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise InvalidInput(
            f"--since: {path} cannot be read: {why}", "name a checkpoint's file"
        ) from None


async def _verify(debtor: str | None, full: bool, note: str | None, watch: Watch) -> Report:
    async with office() as parts:
        stream = None
        if debtor is not None:
            async with parts.pool.acquire() as conn:
                stream = debtor_stream(await find_debtor(conn, parts.lookup, debtor))
        return await verify_history(
            parts.pool,
            parts.masters,
            stream=stream,
            full=full,
            since=note,
            kept=await signed_from_here(parts),
            progress=watch,
        )


def report_json(report: Report) -> dict[str, Any]:
    """``verified``, the counts, and the first problems."""
    return {
        "verified": report.good,
        "streams": report.streams,
        "events": report.events,
        "payloads": report.payloads,
        "unsealed": report.unsealed,
        "erased": report.erased,
        "leaves": report.leaves,
        "checkpoints": report.checkpoints,
        "signed_at": report.signed_at,
        "counts": {str(kind): count for kind, count in report.counts.items()},
        "problems": report.problems,
    }


def _print_report(report: Report) -> None:
    console.print(
        f"{report.events} events in {report.streams} streams, {report.payloads} payloads opened"
    )
    if report.signed_at:
        console.print(
            f"{report.leaves} leaves in the log, {report.checkpoints} checkpoints signed, "
            f"the last at {report.signed_at:%F %T%z}"
        )
    if report.unsealed:
        console.print(f"{report.unsealed} not sealed yet: their envelopes are not covered so far")
    if report.erased:
        console.print(f"{report.erased} payloads lawfully erased (依法删除)")
    if report.good:
        console.print("[green]the history holds: nothing was changed, removed, added or moved[/]")
        return
    total = sum(report.counts.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.counts.most_common())
    console.print(f"[bold red]the history does not hold: {kinds}[/]")
    for problem in report.problems[:PRINTED]:
        console.print(f"  {_sentence(problem)}", markup=False, soft_wrap=True)
    if total > PRINTED:
        console.print(f"  ... and {total - PRINTED} more; --json lists the first {LISTED}")


def _sentence(problem: Problem) -> str:
    where = " ".join(
        filter(
            None,
            [
                f"event {problem.event_id}" if problem.event_id else None,
                f"in {problem.stream}" if problem.stream else None,
                f"at {problem.seq}" if problem.seq else None,
            ],
        )
    )
    return f"{problem.kind.upper()}  {where}: {problem.sentence}"


# --------------------------------------------------------------------------------------- the log


@app.command()
def checkpoint(
    out: Annotated[
        Path | None, typer.Option(help="A file for it, to be kept where we cannot reach.")
    ] = None,
) -> None:
    """Seal what waits and sign the log now; without news the last checkpoint is shown again."""
    note = run(_checkpoint())
    if note is None:
        typer.echo("nothing has happened yet: there is nothing to sign")
    elif out is None:
        typer.echo(note, nl=False)
    else:
        write_private(out, note.encode())
        typer.echo(str(out))


async def _checkpoint() -> str | None:
    async with office() as parts:
        await seal_all(parts.pool)
        await checkpoint_once(parts)
        async with parts.pool.acquire() as conn:
            row = await tree.latest(conn)
    return row["note"] if row else None


@app.command()
def keys() -> None:
    """The keys that signed the log, with their fingerprints: a page for a contract's annex."""
    rows, name = run(_keys())
    typer.echo(f"触达日志签名公钥 / Keys that sign the log {name}\n")
    for row in rows:
        key = PublicKey(row["origin"], row["raw"])
        first = f"{row['since']}, {row['first_used_at']:%F %T} UTC"
        typer.echo(f"日志名 log          {key.origin}")
        typer.echo(f"首个检查点 since     {first}")
        typer.echo(
            f"指纹 SHA-256        {key.printed[:39]}\n                    {key.printed[40:]}"
        )
        typer.echo(f"公钥 verifier key   {key.verifier}\n")
    if not rows:
        typer.echo("没有签过 / nothing was signed yet: outreach history checkpoint")


async def _keys() -> tuple[list[asyncpg.Record], str]:
    async with office() as parts, parts.pool.acquire() as conn:
        return await tree.keys(conn), parts.settings.log_name


# --------------------------------------------------------------------------------------- export


@app.command()
def export(
    context: typer.Context,
    debtor: Annotated[str, typer.Option(help="The debtor's id or an account number.")],
    out: Annotated[
        Path, typer.Option(help="A folder for both files, or one file ending in .json or .pdf.")
    ],
) -> None:
    """Copy a debtor's history out, opened: JSON for programs, PDF for people.

    The copy holds personal data in clear; that it was made stands in your own stream.
    """
    report, files = run(_export(debtor, out, actor_of(context)))
    for path, content in files.items():
        write_private(path, content)
        typer.echo(str(path))
    if not report.good:
        _print_report(report)
        raise typer.Exit(BROKEN)


async def _export(name: str, out: Path, actor: str) -> tuple[Report, dict[Path, bytes]]:
    """The files' contents, once it is on record that they were handed out."""
    async with office() as parts:
        async with parts.pool.acquire() as conn:
            debtor_id = await find_debtor(conn, parts.lookup, name)
        copy = await _copy(parts, debtor_id, actor)
        files = {
            path: listing.as_json(copy) if path.suffix == ".json" else await _pdf(copy)
            for path in _paths(out, f"history-{debtor_id}")
        }
        digests = {path.suffix[1:]: sha256(content).hexdigest() for path, content in files.items()}
        data = {"debtor": str(debtor_id), "events": len(copy.lines), "sha256": digests}
        async with parts.pool.acquire() as conn:
            creditor = copy.profile.creditor_id
            await note_reading(conn, EventKind.EXPORTED, actor, creditor, copy.made_at, data)
        return copy.report, files


async def _pdf(copy: listing.Copy) -> bytes:
    content = asdict(listing.as_listing(copy))
    return await asyncio.to_thread(DocumentPress("listing").press, content, copy.made_at)


async def _copy(parts: Parts, debtor_id: UUID, actor: str) -> listing.Copy:
    stream, now = debtor_stream(debtor_id), parts.clock.now()
    report = await verify_history(parts.pool, parts.masters, stream=stream)
    async with (
        parts.pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        profile = await load_profile(conn, parts.masters, debtor_id, now)
        rows = await events.timeline(conn, debtor_id)
        seq, head = (await events.heads(conn, stream)).get(stream, (0, b""))
    creditor = parts.creditors.get(profile.creditor_id)
    return listing.Copy(
        profile=profile,
        creditor=creditor.name if creditor else profile.creditor_id,
        lines=[read_line(parts.masters, row) for row in rows],
        report=report,
        seq=seq,
        head=head,
        made_at=now,
        actor=actor,
    )


def _paths(out: Path, name: str) -> list[Path]:
    """What to write; raises ``InvalidInput`` for what is no place for it."""
    if out.suffix in (".json", ".pdf") and not out.is_dir() and out.parent.is_dir():
        return [out]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"--out: {out}: {error.strerror}", "name a folder, or a .json or .pdf file in one"
        ) from None
    return [out / f"{name}.json", out / f"{name}.pdf"]
