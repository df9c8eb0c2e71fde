"""Letters: the same life in batches. Collected, closed with intent for all, handed over.

A letter waits ``pending`` in an open batch. Closing runs the gate again and commits the intent of
every letter with the digest of its PDF; only then is the folder written, and writing it again
changes nothing. ``sent`` is the mail house's acknowledgement; printed, posted and tracked follow.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import LetterBatch, LetterItem, MailHouse
from outreach.db import carriage, events, facts, letters, notices, stops
from outreach.db.carriage import CarriageRow
from outreach.db.pool import Connection
from outreach.domain.contact import Address, Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import OutreachError, TemplateError
from outreach.domain.states import Delivery, State
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.envelope import Entry
from outreach.ledger.keys import WrappedKey
from outreach.life.intent import hold_and_drop, keep_templates, load_pinned, sending_entry
from outreach.life.parts import Parts
from outreach.life.prepare import Drop, Go, Park, Prepared, drop, prepare_all
from outreach.life.stops import scopes_of
from outreach.logs import Log
from outreach.settings import MailHouseSettings
from outreach.templating.letter import Letter, LetterPdf

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Pressed:
    """A letter's composed data and the PDF made of it."""

    data: Mapping[str, Any]
    pdf: LetterPdf


class LettersOut:
    """Collects due letters into open batches."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def collect(self, route: str) -> int:
        """Move every due letter the gate allows into the open batch; how many there were."""
        total = 0
        while taken := await self._collect_chunk(route):
            total += taken
        return total

    async def _collect_chunk(self, route: str) -> int:
        parts, carrier = self._parts, self._parts.routes[route].first
        size = _settings(parts, carrier).batch_size
        async with parts.pool.acquire() as conn, conn.transaction():
            now = parts.clock.now()
            # the batch is locked before its letters, here and at closing
            batch_id, room = await letters.with_room(conn, carrier, size) or (None, size)
            limit = min(room, parts.settings.chunk)
            rows = await facts.claim(conn, "letters", route, Channel.LETTER, now, limit)
            await load_pinned(conn, parts, rows)
            prepared = prepare_all(parts, rows, now)
            going = [each.row["id"] for each in prepared if isinstance(each, Go)]
            if going and batch_id is None:
                batch_id = f"B{now:%Y%m%d}-{new_id().hex[-8:]}"
                await letters.open_batch(conn, carrier, batch_id)
            if going and batch_id is not None:
                await letters.assign(conn, batch_id, going)
            await hold_and_drop(conn, parts, prepared)
        return len(rows)


def compose(parts: Parts, go: Go) -> dict[str, Any]:
    """All that varies in the letter, as plain data: what is kept, and what the PDF is made of."""
    assert isinstance(go.words.to, Address)
    letter = Letter(go.words.rendered, go.words.context, go.words.to, Locale(go.row["locale"]))
    return parts.press.compose(letter)


async def press_all(
    parts: Parts, prepared: Sequence[Prepared], now: datetime
) -> tuple[dict[UUID, Pressed], list[Drop]]:
    """Make the PDFs, off the event loop; a letter that cannot be set is dropped alone."""
    pressed: dict[UUID, Pressed] = {}
    unfit: list[Drop] = []
    for go in prepared:
        if not isinstance(go, Go):
            continue
        try:
            data = compose(parts, go)
            pressed[go.row["id"]] = Pressed(data, await asyncio.to_thread(parts.press.press, data))
        except TemplateError as error:
            unfit.append(drop(go.row, State.FAILED, "letter", now, {"error": error.message}))
    return pressed, unfit


async def close_batch(parts: Parts, batch_id: str, house: MailHouse) -> int:
    """Run the gate again and commit the intent of a batch's letters; how many go.

    PDFs are made before, outside the transaction. A letter whose facts changed meanwhile goes back
    to the queue, and so does one that a stop now covers.
    """
    now = parts.clock.now()
    async with parts.pool.acquire() as conn:
        rows = await facts.read(conn, await letters.members(conn, batch_id), now)
        await load_pinned(conn, parts, rows)
    pressed, unfit = await press_all(parts, prepare_all(parts, rows, now), now)
    async with parts.pool.acquire() as conn, conn.transaction():
        if not await letters.lock_open(conn, batch_id):
            return 0
        stopped = set(await stops.scopes(conn))
        rows = await facts.read(conn, await letters.members(conn, batch_id), now)
        prepared = prepare_all(parts, rows, now)
        going = [
            each
            for each in prepared
            if isinstance(each, Go) and _still(parts, each, pressed, stopped)
        ]
        await letters.close(conn, batch_id, empty=not going)
        await keep_templates(conn, going, now)
        await _back(conn, parts, prepared, going, unfit, now)
        entries = [_entry(each, pressed, house.name, batch_id, now) for each in going]
        if going:
            await notices.start_sending(conn, [each.intent for each in going])
            parts.metrics.moved((each.row["channel"], State.SENDING) for each in going)
            await carriage.merge(conn, [_carriage(house.name, each) for each in going])
            await events.append(conn, entries)
    if entries:
        parts.watermark.note(entries[-1].id, now)
    log.info("batch_closed", batch=batch_id, letters=len(going))
    await hand_over(parts, batch_id, house, {i: p.pdf for i, p in pressed.items()})
    return len(going)


def _still(parts: Parts, go: Go, pressed: Mapping[UUID, Pressed], stopped: set[str]) -> bool:
    made = pressed.get(go.row["id"])
    return (
        stopped.isdisjoint(scopes_of(go.row))
        and made is not None
        and made.data == compose(parts, go)
    )


async def _back(
    conn: Connection,
    parts: Parts,
    prepared: Sequence[Prepared],
    going: Sequence[Go],
    unfit: Sequence[Drop],
    now: datetime,
) -> None:
    """What does not go with the batch leaves it: dropped, held, or due again at once."""
    gone = {each.row["id"] for each in going}
    dropped = {each.row["id"] for each in unfit}
    rest = [each for each in prepared if each.row["id"] not in gone | dropped]
    left = [each.row["id"] for each in rest] + list(dropped)
    await letters.unassign(conn, left)
    # a paused campaign's too: what is claimed of it is parked, and only there without a gap
    again = [(each.row["id"], now) for each in rest if isinstance(each, (Go, Park))]
    if again:
        await notices.requeue(conn, again)
    held = [each for each in rest if not isinstance(each, (Go, Park))]
    await hold_and_drop(conn, parts, [*held, *unfit])


def _carriage(house: str, go: Go) -> CarriageRow:
    return CarriageRow(house, str(go.row["id"]), go.row["id"], go.attempt, 0, Delivery.NONE)


def _entry(
    go: Go, pressed: Mapping[UUID, Pressed], house: str, batch_id: str, now: datetime
) -> Entry:
    made = pressed[go.row["id"]]
    assert isinstance(go.words.to, Address)
    more: dict[str, object] = {
        "batch": batch_id,
        "pdf_sha256": sha256(made.pdf.pdf).hexdigest(),
        "pages": made.pdf.pages,
    }
    payload: dict[str, object] = {"letter": made.data, "address": asdict(go.words.to)}
    return sending_entry(go, house, now, more, payload)


async def hand_over(
    parts: Parts,
    batch_id: str,
    house: MailHouse,
    made: Mapping[UUID, LetterPdf] | None = None,
) -> None:
    """Write a closed batch's folder; PDFs not at hand are made again from what was committed.

    One process at a time works on a folder, and no transaction is open meanwhile.
    """
    async with parts.pool.acquire() as conn:
        if not await letters.take(conn, batch_id):
            return
        try:
            items = [
                await _item(parts, row, (made or {}).get(row["id"]))
                for row in await letters.contents(conn, batch_id)
                if row["wrapped"] is not None  # erased since: there is nothing left to print
            ]
            sender_code = _settings(parts, house.name).sender_code
            await house.hand_over(LetterBatch(batch_id, sender_code, tuple(items)))
            await letters.handed_over(conn, batch_id)
        finally:
            await letters.give_back(conn, batch_id)
    log.info("batch_handed_over", batch=batch_id, letters=len(items))


def _settings(parts: Parts, carrier: str) -> MailHouseSettings:
    settings = next(s for s in parts.settings.carriers if s.name == carrier)
    assert isinstance(settings, MailHouseSettings)
    return settings


async def _item(parts: Parts, row: asyncpg.Record, made: LetterPdf | None) -> LetterItem:
    key = parts.masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
    payload = orjson.loads(key.open(row["sealed"], places.payload(row["event_id"])))
    if made is None:
        made = await asyncio.to_thread(parts.press.press, payload["letter"])
    if sha256(made.pdf).hexdigest() != orjson.loads(row["data"])["pdf_sha256"]:
        # another font or version of typst since it was committed: a person must look
        raise RuntimeError(f"letter {row['id']} does not come out as committed")
    address = payload["address"]
    return LetterItem(
        letter_id=str(row["id"]),
        pdf=made.pdf,
        pages=made.pages,
        address=Address(
            address["recipient"], tuple(address["lines"]), address["postcode"], address["region"]
        ),
    )


async def tend(parts: Parts) -> None:
    """Close ripe batches and finish handing over."""
    for settings in parts.settings.carriers:
        if isinstance(settings, MailHouseSettings):
            await _tend(parts, settings)


async def _tend(parts: Parts, settings: MailHouseSettings) -> None:
    house = parts.mail_houses[settings.name]
    async with parts.pool.acquire() as conn:
        unfinished = await letters.to_hand_over(conn, house.name)
        ripe = await letters.ripe(conn, house.name, settings.batch_seconds, settings.batch_size)
    for batch_id in unfinished:
        try:
            await hand_over(parts, batch_id, house)
        except (OSError, OutreachError, RuntimeError) as error:
            # tried again every second; the batches after it must not wait for a person to look
            log.error("batch_not_handed_over", batch=batch_id, error=error)
    for batch_id in ripe:
        await close_batch(parts, batch_id, house)
