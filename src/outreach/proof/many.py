"""Bundles of many debtors, for a regulator: one after another into a folder, and what they come to.

```
request.json            what was asked for, and the time that all bundles state
bundles/<debtor>.zip
manifest.csv            a line a bundle: debtor, file, SHA-256, notices, events
completeness.csv        every notice that was made in that time, counted by how it ended
SHA256SUMS              of these three
```

Broken off and begun again it goes on where it was: what the manifest lists is not made again.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from outreach.db import proof as stored
from outreach.domain.errors import Conflict
from outreach.ledger.envelope import instant
from outreach.life.parts import Parts
from outreach.proof.audience import Audience
from outreach.proof.export import Request, make_bundle
from outreach.templating.document import DocumentPress

Progress = Callable[[int, int], None]
Write = Callable[[Path, bytes], None]

ASKED, MANIFEST, COMPLETENESS, SUMS = (
    "request.json",
    "manifest.csv",
    "completeness.csv",
    "SHA256SUMS",
)
_HEAD = ("debtor", "file", "sha256", "notices", "events")
_COUNTS = ("purpose", "channel", "state", "delivery", "notices", "debtors")


@dataclass(frozen=True, slots=True)
class Period:
    """All debtors for whom a creditor made notices from ``since`` to before ``until``."""

    creditor_id: str
    audience: Audience
    since: datetime
    until: datetime

    def stated(self) -> dict[str, str]:
        return {
            "creditor": self.creditor_id,
            "audience": str(self.audience),
            "from": instant(self.since),
            "to": instant(self.until),
        }


@dataclass(slots=True)
class Made:
    """``kept`` of the ``bundles`` were there from before; ``sums`` is the digest of SHA256SUMS."""

    bundles: int = 0
    kept: int = 0
    notices: int = 0
    sums: str = ""


async def make_many(
    parts: Parts, period: Period, folder: Path, now: datetime, write: Write, watch: Progress
) -> Made:
    """Fill the folder, ``write`` puts a file there whole or not at all.

    Raises ``Conflict`` for a folder of another request, and where a notice that is past waiting is
    missing from its debtor's history.
    """
    made_at = _begun(folder, period, now, write)
    press, made = DocumentPress("certificate", archival=True), Made()
    listed = _listed(folder)
    _manifest(folder, listed.values(), write)
    async with parts.pool.acquire() as conn:
        total = await stored.count_debtors(conn, period.creditor_id, period.since, period.until)
    async for row in _debtors(parts, period):
        line = listed.get(str(row["id"]))
        if line is None:
            line = await _bundle(parts, period, folder, row, made_at, press, write)
            with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
                manifest.write(f"{line}\n")
        else:
            made.kept += 1
        made.bundles += 1
        made.notices += row["notices"]
        watch(made.bundles, total)
    _manifest(folder, sorted(_listed(folder).values()), write)
    write(folder / COMPLETENESS, await _completeness(parts, period))
    sums = "".join(
        f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in (COMPLETENESS, MANIFEST, ASKED)
    ).encode()
    write(folder / SUMS, sums)
    made.sums = sha256(sums).hexdigest()
    return made


def _begun(folder: Path, period: Period, now: datetime, write: Write) -> datetime:
    """The time that all bundles state: when the work was begun."""
    path = folder / ASKED
    if path.exists():
        asked = orjson.loads(path.read_bytes())
        if asked.get("request") != period.stated():
            raise Conflict(
                f"{folder} holds the bundles of another request", "choose an empty folder"
            )
        return datetime.fromisoformat(asked["made_at"])
    write(path, orjson.dumps({"made_at": instant(now), "request": period.stated()}) + b"\n")
    return now


def _manifest(folder: Path, lines: Iterable[str], write: Write) -> None:
    write(folder / MANIFEST, "".join(f"{line}\n" for line in (",".join(_HEAD), *lines)).encode())


def _listed(folder: Path) -> dict[str, str]:
    """The manifest's lines by debtor, of bundles that are there as it says."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        if line.count(",") != len(_HEAD) - 1:
            continue  # broken off in the middle of it
        debtor, name, digest, *_ = line.split(",")
        file = folder / name
        if file.exists() and sha256(file.read_bytes()).hexdigest() == digest:
            found[debtor] = line
    return found


async def _debtors(parts: Parts, period: Period) -> AsyncIterator[asyncpg.Record]:
    after: UUID | None = None
    while True:
        async with parts.pool.acquire() as conn:
            rows = await stored.debtors(conn, period.creditor_id, period.since, period.until, after)
        for row in rows:
            yield row
        if not rows:
            return
        after = rows[-1]["id"]


async def _bundle(
    parts: Parts,
    period: Period,
    folder: Path,
    row: asyncpg.Record,
    made_at: datetime,
    press: DocumentPress,
    write: Write,
) -> str:
    """Make one and write it; its line of the manifest."""
    request = Request(row["id"], period.audience, since=period.since, until=period.until)
    bundle = await make_bundle(parts, request, made_at, press)
    if missing := set(row["gone"] or ()) - set(bundle.numbers):
        raise Conflict(
            f"notice {min(missing)} is not in its debtor's history of that time",
            "run: outreach history verify",
        )
    name = f"bundles/{row['id']}.zip"
    write(folder / name, bundle.content)
    digest = sha256(bundle.content).hexdigest()
    return f"{row['id']},{name},{digest},{row['notices']},{bundle.included}"


async def _completeness(parts: Parts, period: Period) -> bytes:
    async with parts.pool.acquire() as conn:
        rows = await stored.tally(conn, period.creditor_id, period.since, period.until)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COUNTS)
    table.writerows([row[name] for name in _COUNTS] for row in rows)
    return text.getvalue().encode()
