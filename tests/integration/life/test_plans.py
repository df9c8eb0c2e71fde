"""A worker's plans are made once; the queue they were made for may have been empty."""

from dataclasses import replace

from life_rig import House, Person

from outreach.db import facts
from outreach.db.pool import Connection, open_pool
from outreach.life import results

READ = """select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)
    from pg_stat_xact_user_tables where relname in ('due', 'uncertain')"""
REQUEUE = """insert into due (notice_id, lane, route, creditor_id, due_at)
    select id, lane, route, creditor_id, due_at from notices where state = 'pending'"""
WAITING = 300


async def read_so_far(conn: Connection) -> int:
    return int(await conn.fetchval(READ))


async def test_plans_made_on_an_empty_queue_do_not_read_a_long_one(
    own_house: House, database_url: str
) -> None:
    """In a database of its own: what other tests left in indexes must not sway the planner."""
    house = own_house
    people = [Person() for _ in range(WAITING)]
    await house.people(*people)
    requests = [await house.request(person) for person in people]
    first, *_ = await house.submit(*requests)
    # what an autovacuum sees of a queue just drained
    for statement in ("delete from due", "analyze due", "analyze uncertain"):
        await house.execute(statement)
    pool = await open_pool(database_url, 1, generic_plans=True)
    try:
        house.parts = replace(house.parts, pool=pool)
        house.set(chunk=4)
        await house.execute(REQUEUE + " and id = $1", first)
        worker = house.worker()
        await worker.record(await worker.send(await worker.intend()))  # the plans are made
        await house.execute(REQUEUE)
        await house.execute(
            """insert into uncertain (notice_id, attempt, since)
               select id, 1, now() from notices where state = 'pending'"""
        )
        sent = await worker.send(await worker.intend())
        async with pool.acquire() as conn, conn.transaction():
            before = await read_so_far(conn)
            await results.record(conn, house.parts, sent)
            assert await read_so_far(conn) - before < WAITING / 10
            before = await read_so_far(conn)
            rows = await facts.claim(conn, "bulk", "sms", "sms", house.now, 16)
            assert len(rows) == 16
            assert await read_so_far(conn) - before < WAITING / 4
    finally:
        await pool.close()
