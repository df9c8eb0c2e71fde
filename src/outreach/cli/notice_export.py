"""``outreach notice export``: who got it and who did not, a line a notice."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
import typer

from outreach.channels.token import Tokens
from outreach.cli.progress import Watch, bar
from outreach.cli.session import office, run
from outreach.db import export
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.events import EventKind

_TOLD_EVERY = 500


def export_notices(
    out: Annotated[Path, typer.Option(help="The file to write: one JSON object a line.")],
) -> None:
    """Write every notice: state, delivery, attempts with their tokens, carriers' ids, steps.

    Nothing personal is in it. It is read in one snapshot, while workers go on.
    """
    with bar("exporting") as watch:
        total = run(_export(out, watch))
    typer.echo(f"{total} notices written to {out}")


async def _export(out: Path, watch: Watch) -> int:
    part = out.with_name(f".{out.name}.part")
    async with office() as parts, parts.pool.acquire() as conn:
        try:
            with os.fdopen(
                os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
            ) as file:
                async with conn.transaction(isolation="repeatable_read", readonly=True):
                    total, done = await export.count(conn), 0
                    async for row in export.notices(conn):
                        file.write(orjson.dumps(line(row, parts.tokens)) + b"\n")
                        done += 1
                        if done % _TOLD_EVERY == 0:
                            watch(done, total)
            part.replace(out)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InvalidInput(
                f"--out: {out} cannot be written: {error.strerror}", "choose another file"
            ) from None
    return done


def line(row: asyncpg.Record | Mapping[str, Any], tokens: Tokens) -> dict[str, Any]:
    """A notice as it is exported; ``attempts`` are those whose intent the history knows."""
    found = {name: _plain(value) for name, value in row.items()}
    found["messages"] = orjson.loads(row["messages"] or "[]")
    steps = [
        {name: value for name, value in step.items() if value is not None}
        for step in orjson.loads(row["steps"] or "[]")
    ]
    tried = {step["attempt"] for step in steps if step["kind"] == EventKind.SENDING}
    letter = row["channel"] == Channel.LETTER  # its folder and its answers bear the notice's id
    attempts = [
        {"attempt": n, "token": str(row["id"]) if letter else tokens.mint(row["id"], n)}
        for n in sorted(tried)
    ]
    return found | {"attempts": attempts, "steps": steps}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
