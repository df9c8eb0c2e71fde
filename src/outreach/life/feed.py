"""Feed: count what is due and ring the bells; a bell that is lost costs one period, no more."""

from collections.abc import Awaitable, Callable

from outreach.db import notices
from outreach.domain.notice import Lane
from outreach.life.parts import Parts

Ring = Callable[[str, str, int], Awaitable[None]]
"""Ring the bell of slot ``n`` of ``(lane, route)``; ringing one already rung is no bell more."""


async def feed_once(parts: Parts, ring: Ring) -> int:
    """Ring as many bells as there are chunks due, never more than slots; how many were rung."""
    most = parts.settings.slots * parts.settings.chunk
    async with parts.pool.acquire() as conn:
        counts = await notices.count_due(
            conn,
            parts.clock.now(),
            list(Lane),
            [(route.name, route.channel) for route in parts.routes.values()],
            most,
        )
    rung = 0
    for lane, route, count in counts:
        # one batch is collected at a time: letters need no second slot
        slots = 1 if lane == Lane.LETTERS else parts.settings.slots
        for slot in range(min(slots, -(-count // parts.settings.chunk))):
            await ring(lane, route, slot)
            rung += 1
    return rung
