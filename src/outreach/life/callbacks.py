"""Callbacks: verify what a carrier says, keep it raw and sealed, answer at once; apply nothing.

Nothing answered is lost: the raw callback is committed before the answer.
"""

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson

from outreach.channels.base import Callback
from outreach.db import callbacks, keys
from outreach.db.callbacks import CallbackRow
from outreach.db.pool import LOST, Connection
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.keys import SealingKey
from outreach.life.parts import Parts

TOGETHER = 200
"""Callbacks kept in one transaction at most."""


async def accept(parts: Parts, callback: Callback) -> bool:
    """Verify and keep one callback; False if the very same one is kept already.

    Raises ``CallbackRejected`` for what is not the carrier's own, ``NotFound`` for an unknown one.
    """
    return await accept_all(parts, [callback]) == 1


async def accept_all(parts: Parts, came: Sequence[Callback]) -> int:
    """The same for several in one transaction, all or none: how many were not kept already."""
    for callback in came:
        parts.adapter(callback.carrier).verify(callback)
    return await _keep(parts, came)


class Door:
    """Takes callbacks one by one; those that come while others are being kept go together.

    A commit costs the same for one as for fifty, and carriers call at many connections at once.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._waiting: list[tuple[Callback, asyncio.Future[None]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def take(self, callback: Callback) -> None:
        """Verify it, and return once it is kept; raises as ``accept`` does."""
        self._parts.adapter(callback.carrier).verify(callback)
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((callback, kept))
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        await kept

    async def _keep(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            errors = await self._errors([callback for callback, _ in together])
            for (_, kept), error in zip(together, errors, strict=True):
                if kept.done():  # whoever called has gone
                    continue
                if error is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(error)

    async def _errors(self, came: Sequence[Callback]) -> list[Exception | None]:
        """What each could not be kept for: one that cannot must not keep out those beside it, and
        a server that is away is not asked again for each.
        """
        try:
            await _keep(self._parts, came)
        except LOST as error:
            return [error] * len(came)
        except Exception as error:
            if len(came) == 1:
                return [error]
            return [(await self._errors([each]))[0] for each in came]
        return [None] * len(came)


async def _keep(parts: Parts, came: Sequence[Callback]) -> int:
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
