"""A fact stated while a dispatch runs: no notice is judged on a part of it."""

import asyncio

import pytest
from life_rig import House, Person, until

from outreach.domain.debtor import Standing
from outreach.domain.events import EventKind
from outreach.domain.standing import Body, Stated
from outreach.life.facts import Book, Took
from outreach.life.stating import Ending, Statements

pytestmark = pytest.mark.timeout(60)

COMPLAINT = Stated(Standing.COMPLAINT, "case-1", evidence="doc-1", body=Body.BRANCH)


async def state(house: House, person: Person, stated: Stated | Ending) -> None:
    row = await house.row(person)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        book = await Book.open(conn, [row["debtor_id"]], [], "user:anna", house.now)
        statements = await Statements.open(conn, book)
        if isinstance(stated, Stated):
            assert statements.state(row["debtor_id"], None, stated) is Took.CREATED
        else:
            assert statements.end(row["debtor_id"], None, stated) == 1
        await statements.write(conn)


async def test_whom_something_is_stated_of_is_not_judged_meanwhile(house: House) -> None:
    person, notice = await house.a_notice()
    row = await house.row(person)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        book = await Book.open(conn, [row["debtor_id"]], [], "user:anna", house.now)
        assert await house.dispatch() == 0, "the debtor is locked: their notice is left for later"
        assert await house.kinds(notice) == []
        statements = await Statements.open(conn, book)
        statements.state(row["debtor_id"], None, COMPLAINT)
        await statements.write(conn)
        assert await house.dispatch() == 0
    assert await house.dispatch() == 0
    assert EventKind.HELD in await house.kinds(notice)
    assert house.book() == []


async def test_a_statement_waits_for_whoever_holds_the_debtor(house: House) -> None:
    person, _ = await house.a_notice()
    row = await house.row(person)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await conn.execute("select from debtors where id = $1 for no key update", row["debtor_id"])
        waiting = asyncio.create_task(state(house, person, COMPLAINT))

        async def waits() -> bool:
            return bool(
                await house.fetchval(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                    " and datname = current_database()"
                )
            )

        await until(waits)
        assert not waiting.done()
        assert await house.fetchval("select count(*) from standings") == 0
    await waiting
    assert await house.fetchval("select count(*) from standings") == 1


async def test_a_reply_does_not_double_what_a_person_stated(open_doors: House) -> None:
    house = open_doors
    person, _ = await house.a_notice()
    await house.dispatch()
    await state(house, person, Stated(Standing.DISPUTE, "c-1", evidence="d-1", reference="D-7"))
    assert await house.post(house.reply(person, "金额不对")) == [200]
    await house.apply()
    assert await house.fetchval("select count(*) from standings") == 1
    await state(house, person, Ending(Standing.DISPUTE, "answered", "letter-1"))
    assert await house.post(house.reply(person, "金额不对")) == [200]
    await house.apply()
    assert await house.fetchval("select count(*) from standings where ended_at is null") == 1
