"""Callbacks: verify what a carrier says, keep it raw and sealed, answer at once; apply nothing.

Nothing answered is lost: the raw callback is committed before the answer.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson

from outreach.channels.base import Callback
from outreach.db import callbacks, keys
from outreach.db.callbacks import CallbackRow
from outreach.db.pool import Connection
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.keys import SealingKey
from outreach.life.parts import Parts


async def accept(parts: Parts, callback: Callback) -> bool:
    """Verify and keep one callback; False if the very same one is kept already.

    Raises ``CallbackRejected`` for what is not the carrier's own, ``NotFound`` for an unknown one.
    """
    return await accept_all(parts, [callback]) == 1


async def accept_all(parts: Parts, came: Sequence[Callback]) -> int:
    """The same for several in one transaction, all or none: how many were not kept already."""
    for callback in came:
        parts.adapter(callback.carrier).verify(callback)
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        key = await _day_key(conn, parts, now)
        rows = [_row(parts, callback, key, now) for callback in came]
        return await callbacks.store(conn, rows)


def _row(parts: Parts, callback: Callback, key: SealingKey, now: datetime) -> CallbackRow:
    fields = {
        "path": callback.path,
        "url": callback.url,
        "headers": dict(callback.headers),
        "body": base64.b64encode(callback.body).decode(),
    }
    callback_id = new_id()
    # keyed: what a body of few words said could be guessed from a plain digest
    digest = parts.lookup.hash(
        "callback", sha256(callback.path.encode() + b"\0" + callback.body).hexdigest()
    )
    sealed = key.seal(orjson.dumps(fields), places.callback(callback_id))
    return CallbackRow(callback_id, callback.carrier, now, key.id, sealed, digest)


async def _day_key(conn: Connection, parts: Parts, now: datetime) -> SealingKey:
    """The key of a day's raw callbacks: they hold several people, so no person's key fits them."""
    key_id = UUID(bytes=sha256(f"callbacks:{now:%Y-%m-%d}".encode()).digest()[:16])
    stored = (await keys.fetch(conn, [key_id])).get(key_id)
    if stored is None:
        _, wrapped = parts.masters.new_key(key_id)
        await keys.insert(conn, [wrapped], now)
        stored = (await keys.fetch(conn, [key_id]))[key_id]
    return parts.masters.unwrap(stored)
