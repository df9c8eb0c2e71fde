"""Registers and agencies as a worker sees them: read often, and asked for a day."""

from datetime import date, timedelta

from life_rig import House, until
from test_worker import working

from outreach.domain.register import Register
from outreach.ids import new_id

DAY = date(2026, 6, 15)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)


async def register(
    house: House,
    subject: str,
    *,
    creditor: str = "qinglan-bank",
    kind: Register = Register.SIGNATURE,
    holder: str = "twilio",
    status: str = "approved",
    since: date = DAY,
    last: date | None = None,
) -> None:
    await house.execute(
        """insert into registrations (id, creditor_id, kind, subject, holder, status, since, until,
               actor, at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, 'user:test', now())""",
        new_id(),
        creditor,
        kind,
        subject,
        holder,
        status,
        since,
        last,
    )


async def test_a_subject_stands_from_its_first_day_through_its_last(house: House) -> None:
    await house.execute("delete from registrations")  # what the example bank declares
    await register(house, "青岚银行", last=DAY)
    await house.parts.registers.refresh(house.parts.pool)
    ours = house.parts.registers.of("qinglan-bank")
    told = [ours.in_force(Register.SIGNATURE, "青岚银行", day) for day in (BEFORE, DAY, AFTER)]
    assert told == [False, True, False]
    assert [ours.any_in_force(Register.SIGNATURE, day) for day in (BEFORE, DAY, AFTER)] == told
    assert ours.subjects(Register.SIGNATURE, DAY) == {"青岚银行"}
    assert not ours.subjects(Register.SIGNATURE, AFTER)
    assert not ours.in_force(Register.TEMPLATE, "青岚银行", DAY)
    assert not ours.in_force(Register.SIGNATURE, "青岚", DAY)


async def test_a_holder_is_asked_for_or_any_will_do(house: House) -> None:
    await register(house, "青岚银行", holder="one", last=DAY)
    await register(house, "青岚银行", holder="two", since=AFTER)
    await register(house, "青岚银行", holder="three", status="pending")
    await house.parts.registers.refresh(house.parts.pool)
    ours = house.parts.registers.of("qinglan-bank")

    def stands(day: date, holder: str | None = None) -> bool:
        return ours.in_force(Register.SIGNATURE, "青岚银行", day, holder)

    assert (stands(DAY), stands(AFTER)) == (True, True)
    assert (stands(DAY, "one"), stands(AFTER, "one")) == (True, False)
    assert (stands(DAY, "two"), stands(AFTER, "two")) == (False, True)
    assert not stands(DAY, "three"), "what a carrier still looks at does not stand"


async def test_one_creditor_has_nothing_of_another(house: House) -> None:
    await register(house, "6222", kind=Register.PAYEE, creditor="hk-harbour-bank")
    await house.execute(
        """insert into agencies (id, creditor_id, name, since, phone)
           values ('wanqing', 'hk-harbour-bank', '皖清', $1, '400')""",
        DAY,
    )
    await house.parts.registers.refresh(house.parts.pool)
    theirs = house.parts.registers.of("hk-harbour-bank")
    assert theirs.agencies["wanqing"].phone == "400"
    assert theirs.in_force(Register.PAYEE, "6222", DAY)
    for other in ("qinglan-bank", "nobody"):
        ours = house.parts.registers.of(other)
        assert not ours.agencies
        assert not ours.any_in_force(Register.PAYEE, DAY)


async def test_a_lapse_is_seen_while_a_worker_runs(house: House) -> None:
    registers = house.parts.registers
    await register(house, "青岚")

    async def stands() -> bool:
        return registers.of("qinglan-bank").in_force(Register.SIGNATURE, "青岚", DAY)

    async def lapsed() -> bool:
        return not await stands()

    assert await lapsed()
    async with working(house):
        await until(stands)
        await house.execute("update registrations set status = 'lapsed'")
        await until(lapsed)
