"""Carriers that speak on connections: what comes on them is kept as any callback is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from outreach.channels.base import Callback, Carrier, Listening
from outreach.life import callbacks
from outreach.life.parts import Parts


async def listen(parts: Parts, carrier: Listening, beat: Callable[[], None]) -> None:
    """Keep its connections up until cancelled; ``beat`` is called while they are looked after."""

    async def keep(came: Sequence[Callback]) -> None:
        await callbacks.accept_all(parts, came)

    await carrier.listen(keep, beat)


@asynccontextmanager
async def linked(parts: Parts, carrier: Carrier) -> AsyncIterator[None]:
    """Have it connected while the block lasts, if it needs that: for who is no worker."""
    if not isinstance(carrier, Listening):
        yield
        return
    listening = asyncio.create_task(listen(parts, carrier, lambda: None))
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
