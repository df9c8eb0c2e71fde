"""A fact stated while a dispatch runs: no notice is judged on a part of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from life_rig import ZONE, House, Person, until

from outreach.db import agencies
from outreach.domain.debtor import Standing
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.refusal import Refusal
from outreach.domain.register import Register, Status
from outreach.domain.standing import Body, Stated
from outreach.life.account_facts import Disclosures, Placed, Placements, Told
from outreach.life.facts import Book, Took
from outreach.life.registering import Entrusting, Filing, Registrar
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


async def rules(house: House, person: Person) -> list[str]:
    """The rules that keep a new notice in; none if it went."""
    notice = await house.notice(person)
    await house.dispatch()
    last = (await house.events(notice))[-1]
    found = last.data.get("rules") if last.kind in (EventKind.HELD, EventKind.BLOCKED) else []
    assert isinstance(found, list)
    return found


async def test_an_agency_writes_once_the_facts_say_so(house: House) -> None:
    """Contract, published, told: each by its own statement, and taken back by another."""
    person = Person()
    await house.people(person)
    account = (await house.row(person))["account_id"]
    today = house.now.astimezone(ZONE).date()

    async def entrust(**said: Any) -> None:
        async with house.parts.pool.acquire() as conn, conn.transaction():
            registrar = await Registrar.open(
                conn, house.parts.places, ["qinglan-bank"], "user:anna", house.now
            )
            known = await agencies.agency(conn, "wanqing")
            took = registrar.entrust("qinglan-bank", Entrusting("wanqing", **said), known)
            assert took in (Took.CREATED, Took.CHANGED)
            await registrar.write(conn)

    async def take(kind: Any, said: Told | Placed) -> Took | Refusal:
        async with house.parts.pool.acquire() as conn, conn.transaction():
            book = await Book.open(conn, [], [account], "user:anna", house.now)
            facts = await kind.open(conn, book)
            took: Took | Refusal = facts.take(account, said)
            await facts.write(conn)
            return took

    await entrust(name="皖清催收有限公司", contract="WQ-1", phone="400-000-0900")
    assert await take(Placements, Placed("wanqing")) is Took.CHANGED
    assert set(await rules(house, person)) == {"C-03"}
    await entrust(listed_on=today)
    assert set(await rules(house, person)) == {"C-03"}, "published, but the debtor was not told"
    told = Told(Purpose.OUTSOURCING_NOTICE, today, "EMS-1")
    assert await take(Disclosures, told) is Took.CREATED
    assert await rules(house, person) == []
    house.at(house.now + timedelta(days=10))
    await entrust(until=today + timedelta(days=1))
    assert "S-12" in await rules(house, person)
    assert await take(Placements, Placed(None, withdraw=True)) is Took.CHANGED
    assert "S-12" not in await rules(house, person)


async def test_a_lapsed_signature_keeps_messages_in(house: House) -> None:
    person = Person()
    await house.people(person)

    async def file(status: Status) -> None:
        async with house.parts.pool.acquire() as conn, conn.transaction():
            registrar = await Registrar.open(
                conn, house.parts.places, ["qinglan-bank"], "user:anna", house.now
            )
            filing = Filing(Register.SIGNATURE, "【青岚银行】", status=status)
            assert registrar.file("qinglan-bank", filing) is Took.CHANGED
            await registrar.write(conn)
        await house.parts.registers.refresh(house.parts.pool)

    await file(Status.LAPSED)
    assert "M-02" in await rules(house, person)
    await file(Status.APPROVED)
    assert "M-02" not in await rules(house, person)
