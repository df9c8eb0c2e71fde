"""Caps under concurrency: however claims fall together, nobody is written to once too often."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from life_rig import ROOT, ZONE, House, Person

from outreach.compliance.policies import load_policies
from outreach.domain.contact import Channel
from outreach.domain.notice import Lane, Purpose
from outreach.ids import new_id
from outreach.life import letters

pytestmark = pytest.mark.timeout(90)

A_DAY = 2
"""What an ordinary notice may use of a day, and of a phone's."""
OTHER_BANK = "hk-harbour-bank"


async def move(house: House, person: Person, creditor: str = OTHER_BANK) -> None:
    """Make a person, account and contact points another creditor's."""
    debtor = (await house.row(person))["debtor_id"]
    for table, key in (
        ("debtors", "id"),
        ("accounts", "debtor_id"),
        ("contact_points", "debtor_id"),
    ):
        await house.execute(
            f"update {table} set creditor_id = $2 where {key} = $1", debtor, creditor
        )


async def families(house: House, count: int) -> list[tuple[Person, Person]]:
    """Pairs who share a phone and owe different banks."""
    house.two_a_day()
    pairs = []
    for _ in range(count):
        first = Person()
        pairs.append((first, Person(shared_phone=first.phone)))
    await house.people(*(person for pair in pairs for person in pair))
    for _, second in pairs:
        await move(house, second)
    signature = house.parts.creditor(OTHER_BANK).signature
    await house.execute(
        """insert into registrations (id, creditor_id, kind, subject, status, since, actor, at)
           values ($1, $2, 'signature', $3, 'approved', '2026-01-01', 'user:test', now())""",
        new_id(),
        OTHER_BANK,
        signature,
    )
    await house.parts.registers.refresh(house.parts.pool)
    return pairs


async def submit(
    house: House, person: Person, channel: Channel, lane: Lane, count: int, bank: str = ""
) -> list[UUID]:
    request = await house.request(person, channel, lane=lane)
    request = replace(request, creditor_id=bank or request.creditor_id)
    many = [
        replace(request, idempotency_key=f"{request.idempotency_key}/{n}") for n in range(count)
    ]
    return await house.submit(*many)


async def work(house: House, *lanes: tuple[Lane, str]) -> None:
    """A dispatcher for each, all at once, until nothing is due."""

    async def until_done(lane: Lane, route: str) -> None:
        dispatcher = house.dispatcher()
        while await house.fetchval(
            "select count(*) from due where lane = $1 and route = $2 and due_at <= $3",
            lane,
            route,
            house.now,
        ):
            with suppress(asyncpg.LockNotAvailableError):  # the urgent lane rings again
                await dispatcher.run(lane, route)

    await asyncio.gather(*(until_done(lane, route) for lane, route in lanes))


def carried(house: House) -> list[UUID]:
    """The notices the carriers took, by their own account."""
    entries = house.book("twilio") + house.book("smtp")
    found = [house.parts.tokens.read(entry.token) for entry in entries]
    return [known[0] for known in found if known is not None]


async def per_debtor(house: House, notices: Iterable[UUID]) -> Counter[UUID]:
    rows = await house.fetch("select id, debtor_id from notices")
    debtor = {row["id"]: row["debtor_id"] for row in rows}
    return Counter(debtor[notice] for notice in notices)


async def test_all_lanes_and_channels_keep_a_debtors_day(house: House) -> None:
    """Five notices each on two channels and two lanes, phones shared across banks."""
    pairs = await families(house, 12)
    house.set(chunk=3)
    for one, other in pairs:
        for person, bank in ((one, ""), (other, OTHER_BANK)):
            await submit(house, person, Channel.SMS, Lane.BULK, 2, bank)
            await submit(house, person, Channel.SMS, Lane.URGENT, 1, bank)
            await submit(house, person, Channel.EMAIL, Lane.BULK, 2, bank)
    await work(
        house,
        *[(Lane.BULK, "sms")] * 2,
        (Lane.URGENT, "sms"),
        *[(Lane.BULK, "email")] * 2,
    )
    sent = carried(house)
    assert len(sent) == len(set(sent))
    counts = await per_debtor(house, sent)
    assert len(counts) == 24
    assert set(counts.values()) == {A_DAY}  # two mails of one's own would always be free to go
    phones = Counter(entry.to_sha256 for entry in house.book())
    assert max(phones.values()) <= A_DAY


async def test_a_shared_phone_has_one_day_between_two_banks(house: House) -> None:
    pairs = await families(house, 20)
    house.set(chunk=4)
    for one, other in pairs:
        await submit(house, one, Channel.SMS, Lane.BULK, 2)
        await submit(house, other, Channel.SMS, Lane.BULK, 1, OTHER_BANK)
        await submit(house, other, Channel.SMS, Lane.URGENT, 1, OTHER_BANK)
    await work(house, *[(Lane.BULK, "sms")] * 3, *[(Lane.URGENT, "sms")] * 2)
    phones = Counter(entry.to_sha256 for entry in house.book())
    assert phones == {sha256(one.e164.encode()).hexdigest(): A_DAY for one, _ in pairs}
    held = await house.fetch("select data from contact_events where kind = 'held'")
    assert len(held) == 40
    waiting = await house.fetch("select due_at from due")
    assert {row["due_at"].astimezone(ZONE).date() for row in waiting} == {
        house.now.astimezone(ZONE).date() + timedelta(days=1)
    }


async def test_one_chunk_counts_a_shared_phone_as_it_goes(house: House) -> None:
    house.two_a_day()
    one = Person()
    other = Person(shared_phone=one.phone)
    await house.people(one, other)  # a chunk is of one bank
    first = await submit(house, one, Channel.SMS, Lane.BULK, 1)
    second = await submit(house, other, Channel.SMS, Lane.BULK, 3)
    chunk = await house.worker().intend()
    assert len(chunk.going) == A_DAY
    held = [n for n in first + second if n not in {go.row["id"] for go in chunk.going}]
    for notice in held:
        (event,) = await house.events(notice)
        findings = event.data["findings"]
        assert isinstance(findings, list)
        value = next(f for f in findings if f["values"]["scope"] == "value")
        assert value["values"] == {"scope": "value", "limit": 2, "reserved": 1, "days": 1}


async def test_what_a_recovered_database_forgot_counts(house: House) -> None:
    """It may have gone, and no event tells when: it counts from the recovery on."""
    [(one, other)] = await families(house, 1)
    forgotten = await submit(house, one, Channel.SMS, Lane.BULK, 2)
    await house.execute(
        "update notices set state = 'uncertain', attempt = 1 where id = any($1)", forgotten
    )
    await house.execute("delete from due where notice_id = any($1)", forgotten)
    await house.execute(
        "insert into uncertain select unnest($1::uuid[]), 1, $2, true", forgotten, house.now
    )
    await submit(house, one, Channel.SMS, Lane.BULK, 1)
    await submit(house, other, Channel.SMS, Lane.BULK, 1)
    assert await house.dispatch() == 0
    await house.execute("update uncertain set since = $1", house.now - timedelta(days=8))
    await house.execute("update due set due_at = $1", house.now)
    assert await house.dispatch() == 2


@pytest.mark.parametrize("state", ["sending", "uncertain", "sent"])
async def test_what_may_have_gone_to_the_other_counts(house: House, state: str) -> None:
    [(one, other)] = await families(house, 1)
    gone = await submit(house, one, Channel.SMS, Lane.BULK, 2)
    assert len((await house.worker().intend()).going) == 2
    await house.execute("update notices set state = $2 where id = any($1)", gone, state)
    [waits] = await submit(house, other, Channel.SMS, Lane.BULK, 1, OTHER_BANK)
    assert await house.dispatch() == 0
    assert (await house.look(waits))["queued"] > house.now


@pytest.mark.parametrize("state", ["failed", "pending"])
async def test_what_did_not_go_leaves_its_place(house: House, state: str) -> None:
    [(one, other)] = await families(house, 1)
    gone = await submit(house, one, Channel.SMS, Lane.BULK, 2)
    assert len((await house.worker().intend()).going) == 2
    await house.execute("update notices set state = $2 where id = any($1)", gone, state)
    await submit(house, other, Channel.SMS, Lane.BULK, 3, OTHER_BANK)
    assert await house.dispatch() == A_DAY


async def test_a_mail_to_one_does_not_fill_the_phone_they_share(house: House) -> None:
    [(one, other)] = await families(house, 1)
    await submit(house, one, Channel.EMAIL, Lane.BULK, 2)
    await submit(house, other, Channel.SMS, Lane.BULK, 2, OTHER_BANK)
    assert await house.dispatch("email") == 2
    assert await house.dispatch() == 2


async def test_a_week_is_full_until_its_oldest_message_leaves(house: House) -> None:
    house.two_a_day()
    person = Person()
    await house.people(person)
    start = house.now
    for day, count in ((0, 2), (1, 1)):
        house.at(start + timedelta(days=day))
        await house.execute("update accounts set balance_as_of = $1", house.now)
        await submit(house, person, Channel.SMS, Lane.BULK, count)
        assert await house.dispatch() == count
    house.at(start + timedelta(days=3))
    await house.execute("update accounts set balance_as_of = $1", house.now)
    waits = await house.notice(person)
    assert await house.dispatch() == 0
    (held,) = await house.events(waits)
    assert held.data["rules"] == ["F-03"]
    free = (await house.look(waits))["queued"] - start
    assert timedelta(days=7) <= free < timedelta(days=7, hours=4)
    mail = await house.notice(person, Channel.EMAIL)
    assert await house.dispatch("email") == 1
    assert (await house.look(mail))["state"] == "sent"


async def test_two_batches_keep_a_shared_address(house: House) -> None:
    """Closing commits intent too: two at once to one address may not both take its last place."""
    people = [Person(), Person()]
    await house.people(*people)
    first, second = [await house.row(person, Channel.LETTER) for person in people]
    await house.execute(
        """update contact_points set value_hash = o.value_hash from contact_points o
           where contact_points.id = $1 and o.id = $2""",
        second["point_id"],
        first["point_id"],
    )
    house.set(chunk=1)  # one by one into the batch, where they do not see each other
    for person in people:
        for _ in range(2):
            await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
    await letters.LettersOut(house.parts).collect("letters")
    await house.execute(
        "insert into letter_batches (id, carrier, opened_at) values ('B2', 'mailhouse', now())"
    )
    await house.execute(
        "update notices set batch_id = 'B2' where debtor_id = $1", second["debtor_id"]
    )
    batches = [row["id"] for row in await house.fetch("select id from letter_batches")]
    house_of_mail = house.parts.mail_houses["mailhouse"]
    closed = await asyncio.gather(
        *(letters.close_batch(house.parts, batch, house_of_mail) for batch in batches)
    )
    assert sum(closed) == A_DAY
    counted = await house.fetch("select state, count(*) from notices group by 1")
    assert {row["state"]: row["count"] for row in counted} == {"sending": 2, "pending": 2}


async def test_a_statutory_notice_finds_its_place(house: House, tmp_path: Path) -> None:
    """One-offs stop before it, whoever comes first; and it is one place, not two."""
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "config" / "policies", policies)
    pack = policies / "cn-mainland.toml"
    pack.write_text(
        pack.read_text().replace("statutory = [", 'statutory = ["payment_reminder",', 1)
    )
    house.parts = replace(house.parts, policies=load_policies(policies, {}))
    house.two_a_day()
    busy, early = Person(), Person()
    await house.people(busy, early)
    for person, order in ((busy, (3, 2)), (early, (2, 3))):
        first, second = Purpose.OVERDUE_NOTICE, Purpose.PAYMENT_REMINDER
        if person is early:
            first, second = second, first
        for purpose, count in zip((first, second), order, strict=True):
            for _ in range(count):
                await house.notice(person, purpose=purpose)
            await house.dispatch()
    rows = await house.fetch(
        """select debtor_id, purpose, count(*) from notices where state = 'sent'
           group by 1, 2"""
    )
    sent = {(row["debtor_id"], row["purpose"]): row["count"] for row in rows}
    busy_id, early_id = [(await house.row(person))["debtor_id"] for person in (busy, early)]
    assert sent == {
        (busy_id, "overdue_notice"): 2,
        (busy_id, "payment_reminder"): 1,
        (early_id, "payment_reminder"): 2,
    }
