"""Write once more to those who answered: what they said decides whether it goes."""

from outreach.db import audience
from outreach.demo.plan import submit_all
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.life import intake
from outreach.life.parts import Parts

KEY = "demo:again:"


async def write_again(parts: Parts) -> int:
    """The same purpose by the same channel; how many notices that are."""
    requests: list[NoticeRequest] = []
    async with parts.pool.acquire() as conn:
        for row in await audience.answered(conn):
            try:
                request = await intake.request_for(
                    conn,
                    row["account_id"],
                    Purpose(row["purpose"]),
                    Channel(row["channel"]),
                    key=f"{KEY}{row['debtor_id']}",
                    lane=Lane.BULK,
                    now=parts.clock.now(),
                )
            except InvalidInput:
                continue  # paid meanwhile: nothing is owed
            requests.append(request)
    await submit_all(parts, requests)
    return len(requests)
