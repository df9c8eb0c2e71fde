"""Intake: a request is checked and becomes one notice, however often it is made."""

import asyncio
from dataclasses import replace

import pytest
from life_rig import House, Person

from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput, NotFound, TemplateError
from outreach.domain.notice import Purpose
from outreach.life import intake


async def test_the_same_key_is_the_same_notice(house: House) -> None:
    person = Person()
    await house.people(person)
    request = await house.request(person, key="twice")
    first = await house.submit(request)
    again = await house.submit(request, await house.request(person, key="another"))
    assert again[0] == first[0]
    together = await house.submit(await house.request(person, key="new"), request)
    assert together[1] == first[0]
    assert await house.fetchval("select count(*) from notices") == 3
    assert await house.fetchval("select count(*) from due") == 3


async def test_two_callers_at_once_make_one_notice(house: House) -> None:
    person = Person()
    await house.people(person)
    request = await house.request(person, key="race")
    made = await asyncio.gather(*(house.submit(request) for _ in range(5)))
    assert len({ids[0] for ids in made}) == 1
    assert await house.fetchval("select count(*) from notices") == 1


async def test_another_persons_contact_point_is_refused(house: House) -> None:
    one, other = Person(), Person()
    await house.people(one, other)
    theirs = (await house.row(other))["point_id"]
    request = replace(await house.request(one), contact_point_id=theirs)
    with pytest.raises(InvalidInput, match="contact point"):
        await house.submit(request)


async def test_all_or_none(house: House) -> None:
    person = Person()
    await house.people(person)
    good = await house.request(person)
    no_template = replace(
        await house.request(person), purpose=Purpose.LAWYER_LETTER, idempotency_key="bad"
    )
    with pytest.raises(TemplateError, match="lawyer_letter"):
        await house.submit(good, no_template)
    assert await house.fetchval("select count(*) from notices") == 0
    assert await house.fetchval("select count(*) from due") == 0


async def test_a_template_in_the_debtors_locale_is_needed(house: House) -> None:
    person = Person()
    await house.people(person)
    await house.execute("update debtors set locale = 'zh-TW'")
    with pytest.raises(TemplateError, match="zh-TW"):
        await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)


async def test_a_request_covers_what_is_open(house: House) -> None:
    """Their own open accounts of one creditor and currency, not what they guarantee for others;
    no way to reach them is one clear error.
    """
    person, other = Person(), Person()
    await house.people(person, other)
    row = await house.row(person)
    await house.execute(
        "insert into parties (account_id, debtor_id, role) values ($1, $2, 'guarantor')",
        (await house.row(other))["account_id"],
        row["debtor_id"],
    )
    async with house.parts.pool.acquire() as conn:
        made = await intake.request_for(
            conn,
            row["account_id"],
            Purpose.OVERDUE_NOTICE,
            Channel.SMS,
            key="k",
            lane=(await house.request(person)).lane,
            now=house.now,
        )
        assert made.account_ids == (row["account_id"],)
        assert made.contact_point_id == row["point_id"]
        number = await intake.accounts_by_number(conn, house.parts.lookup, person.account)
        assert number == [row["account_id"]]
        with pytest.raises(NotFound, match="no account"):
            await intake.accounts_by_number(conn, house.parts.lookup, "no such account")
        await conn.execute("delete from contact_points where kind = 'email'")
        with pytest.raises(InvalidInput, match="no email"):
            await intake.request_for(
                conn,
                row["account_id"],
                Purpose.OVERDUE_NOTICE,
                Channel.EMAIL,
                key="k2",
                lane=made.lane,
                now=house.now,
            )
