"""How much of each carrier's daily quota is taken, in the carrier's own days."""

from collections.abc import Mapping
from datetime import date

from outreach.db.pool import Connection


async def take(conn: Connection, carrier: str, day: date, want: int, quota: int) -> int:
    """Take up to ``want`` of what is left of the day's ``quota``; how many there were.

    Exact however many ask at once. The day's row stays locked until the transaction ends: do it in
    one of its own, not in the claim's, or all workers wait for each other.
    """
    return int(
        await conn.fetchval(
            """insert into carrier_days as d (carrier, day, taken, last_take)
               values ($1, $2, least($3::bigint, $4::bigint), least($3::bigint, $4::bigint))
               on conflict (carrier, day) do update set
                   taken = d.taken + least($3, greatest($4 - d.taken, 0)),
                   last_take = least($3, greatest($4 - d.taken, 0))
               returning last_take""",
            carrier,
            day,
            want,
            quota,
        )
    )


async def give_back(conn: Connection, carrier: str, day: date, count: int) -> None:
    """Return what was taken and not sent."""
    await conn.execute(
        """update carrier_days set taken = greatest(taken - $3::bigint, 0)
           where carrier = $1 and day = $2""",
        carrier,
        day,
        count,
    )


async def taken(conn: Connection, days: Mapping[str, date]) -> dict[str, int]:
    """How much each carrier has taken of its day; nothing of it where it has not begun."""
    rows = await conn.fetch(
        """select d.carrier, d.taken from carrier_days d
           join unnest($1::text[], $2::date[]) as w (carrier, day) using (carrier, day)""",
        list(days),
        list(days.values()),
    )
    return dict.fromkeys(days, 0) | {row["carrier"]: row["taken"] for row in rows}
