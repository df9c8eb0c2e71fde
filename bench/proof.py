"""Sealing, verifying and exporting, measured: ``python -m bench.proof [--events 1000000]``.

Sealing is in passes as the worker makes them, tiles and a checkpoint included. Verification is held
against bare hashing of the same bytes; export and a history's reading are told by their slowest.
"""

import argparse
import statistics
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from uuid import UUID

import uvloop
from bench.stage import Stage, open_stage, say

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import debtors, events, keys
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import SealingKey
from outreach.life import seal
from outreach.life.checkpoints import checkpoint_once
from outreach.life.parts import Parts
from outreach.proof.audience import Audience
from outreach.proof.export import Request, make_bundle
from outreach.proof.timeline import read_line
from outreach.proof.verify import verify
from outreach.templating.document import DocumentPress

EACH = 20
"""Events of a debtor: five notices sent, delivered and answered."""
KINDS = (EventKind.SENDING, EventKind.SENT, EventKind.DELIVERED, EventKind.REPLIED)
TEXT = "【青岚银行】王先生,您尾号1234的信用卡账单已逾期12天,逾期应还1,234.56元,请尽快还款。"


async def measure(stage: Stage, size: int, asked: int, *, verifying: bool) -> None:
    people = max(size // EACH, 1)
    await stage.import_people(people)
    place = await stage.database("proof")
    async with open_parts(place.settings(), place.database, pool_size=4) as parts:
        await seal.seal_all(parts.pool)
        await _write(parts, people)
        await _sealing(parts)
        if verifying:
            await _verifying(parts)
        await _exporting(parts, people, asked)


async def _write(parts: Parts, people: int) -> None:
    """A debtor's events lie apart, as they come in life: everybody's first, then the second."""
    async with parts.pool.acquire() as conn:
        ids = [row["id"] for row in await conn.fetch("select id from debtors limit $1", people)]
        known = await keys.fetch(conn, ids)
    opened = {debtor: parts.masters.unwrap(known[debtor]) for debtor in ids}
    for chunk in _chunks(_entries(parts, opened), 500):
        async with parts.pool.acquire() as conn, conn.transaction():
            await events.append(conn, chunk)


def _entries(parts: Parts, opened: dict[UUID, SealingKey]) -> Iterator[Entry]:
    now = parts.clock.now()
    notices = {debtor: [new_id() for _ in range(EACH // len(KINDS))] for debtor in opened}
    for number in range(EACH):
        for debtor, key in opened.items():
            event = Event(
                kind=KINDS[number % len(KINDS)],
                at=now + timedelta(seconds=number),
                stream=debtor_stream(debtor),
                creditor_id="qinglan-bank",
                actor="job:dispatch",
                debtor_id=debtor,
                notice_id=notices[debtor][number // len(KINDS)],
                channel="sms",
                data={"attempt": 1, "carrier": "twilio", "parts": 1},
                payload={"to": "+8614200000000", "text": TEXT},
            )
            yield prepare(event, key)


def _chunks(entries: Iterator[Entry], size: int) -> Iterator[list[Entry]]:
    while chunk := list(islice(entries, size)):
        yield chunk


async def _sealing(parts: Parts) -> None:
    began = monotonic()
    total = await seal.seal_all(parts.pool)
    await checkpoint_once(parts)
    took = monotonic() - began
    say(
        f"sealing: {total / took:,.0f} events/s in passes of {seal.BATCH}, tiles and a checkpoint "
        f"included ({total:,} events)",
        "",
    )


async def _verifying(parts: Parts) -> None:
    bare, contents = 0.0, list[bytes]()
    async with parts.pool.acquire() as conn, conn.transaction():
        async for row in events.sealed_links(conn, None):
            contents.append(bytes(row["head"]) + bytes(row["sealed"] or b""))
            if len(contents) == 1000:
                bare += _hashing(contents)
                contents.clear()
    bare += _hashing(contents)
    began = monotonic()
    report = await verify(parts.pool, parts.masters)
    took = monotonic() - began
    if not report.good:
        raise SystemExit("the history does not hold")
    say(
        f"verifying: {report.events / took:,.0f} events/s, {took / bare:,.0f} times bare hashing "
        f"of the same bytes ({report.events:,} events, {report.leaves:,} leaves)",
        "",
    )


def _hashing(contents: Iterable[bytes]) -> float:
    began = monotonic()
    for content in contents:
        sha256(content).digest()
    return monotonic() - began


async def _exporting(parts: Parts, people: int, asked: int) -> None:
    press = DocumentPress("certificate", archival=True)
    async with parts.pool.acquire() as conn:
        rows = await conn.fetch("select id from debtors order by random() limit $1", asked)
    exports, pages = [], []
    for row in rows:
        began = monotonic()
        await make_bundle(parts, Request(row["id"], Audience.COURT), parts.clock.now(), press)
        exports.append(monotonic() - began)
        began = monotonic()
        async with parts.pool.acquire() as conn:
            await debtors.debtor(conn, row["id"])
            lines = [
                read_line(parts.masters, each) for each in await events.timeline(conn, row["id"])
            ]
        pages.append(monotonic() - began)
        if len(lines) < EACH:
            raise SystemExit("a history is too short")
    for what, took in (("one debtor's bundle", exports), ("a history read", pages)):
        worst = statistics.quantiles(took, n=100)[-1] if len(took) > 1 else took[0]
        say(
            f"{what}: median {statistics.median(took) * 1000:.0f} ms, "
            f"p99 {worst * 1000:.0f} ms, {EACH} events of {people * EACH:,}",
            "",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--no-verifying", action="store_true", help="for very many events")
    parser.add_argument("--asked", type=int, default=100, help="bundles and histories")
    options = parser.parse_args()
    with open_stage() as stage:
        uvloop.run(
            measure(stage, options.events, options.asked, verifying=not options.no_verifying)
        )


if __name__ == "__main__":
    main()
