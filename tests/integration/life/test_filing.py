"""Templates that a carrier wants filed: not sent and not approved before they are."""

from dataclasses import replace
from datetime import date

import pytest
from life_rig import House, Person

from outreach.campaigns import approval
from outreach.campaigns.pinned import require_filed
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.notice import Purpose
from outreach.domain.register import Register
from outreach.ids import new_id
from outreach.life.registers import CreditorRegisters, Filed, Registers


@pytest.fixture
def choosy(house: House) -> House:
    """A house whose carrier of SMS wants templates filed."""
    house.set(
        carriers=tuple(
            each.model_copy(update={"files_templates": True}) if each.name == "twilio" else each
            for each in house.settings.carriers
        )
    )
    return house


def digest(house: House, purpose: Purpose = Purpose.OVERDUE_NOTICE) -> str:
    return house.parts.catalog.get(Channel.SMS, purpose, Locale.ZH_CN).digest


def file(house: House, *digests: str, holder: str = "twilio", until: date | None = None) -> None:
    """Have these approved, beside all that is registered."""
    known = house.parts.registers.of("qinglan-bank")
    since = date(2026, 1, 1)
    filed = {**known.filed, Register.TEMPLATE: {d: (Filed(holder, since, until),) for d in digests}}
    registers = Registers()
    registers._creditors = {"qinglan-bank": CreditorRegisters(known.agencies, filed)}
    house.parts = replace(house.parts, registers=registers)


async def rules(house: House, notice: object) -> str:
    return str(await house.fetchval("select code from notices where id = $1", notice))


async def test_what_is_not_filed_is_not_sent_and_the_rule_is_named(choosy: House) -> None:
    _, notice = await choosy.a_notice()
    await choosy.dispatch()
    assert await choosy.state(notice) == ("blocked", "none")
    assert await rules(choosy, notice) == "M-04"
    assert not choosy.book()


async def test_what_is_filed_with_this_carrier_goes(choosy: House) -> None:
    file(choosy, digest(choosy))
    _, notice = await choosy.a_notice()
    await choosy.dispatch()
    assert (await choosy.state(notice))[0] == "sent"


@pytest.mark.parametrize(
    ("holder", "until"), [("another", None), ("twilio", date(2026, 2, 1))], ids=["whose", "lapsed"]
)
async def test_a_filing_with_another_or_one_that_lapsed_does_not_do(
    choosy: House, holder: str, until: date | None
) -> None:
    file(choosy, digest(choosy), holder=holder, until=until)
    _, notice = await choosy.a_notice()
    await choosy.dispatch()
    assert await rules(choosy, notice) == "M-04"


async def test_another_channel_and_another_carrier_ask_for_nothing(choosy: House) -> None:
    _, mail = await choosy.a_notice(Channel.EMAIL)
    await choosy.dispatch("email")
    assert (await choosy.state(mail))[0] == "sent"
    choosy.set(
        carriers=tuple(
            each.model_copy(update={"files_templates": False}) if each.name == "twilio" else each
            for each in choosy.settings.carriers
        )
    )
    _, notice = await choosy.a_notice()
    await choosy.dispatch()
    assert (await choosy.state(notice))[0] == "sent"


def campaign(house: House, *channels: Channel) -> Campaign:
    return Campaign(
        id=new_id(),
        number=0,
        name="十一月",
        creditor_id="qinglan-bank",
        purpose=Purpose.OVERDUE_NOTICE,
        channels=channels,
        audience="dpd > 0",
        state=CampaignState.DRAFT,
        created_by="user:mei",
        created_at=house.now,
    )


async def test_a_campaign_with_an_unfiled_template_cannot_be_submitted(choosy: House) -> None:
    await choosy.people(Person(), Person())
    async with choosy.parts.pool.acquire() as conn, conn.transaction():
        drafted = await approval.draft(choosy.parts, conn, campaign(choosy, Channel.SMS))
        with pytest.raises(InvalidInput) as refused:
            await approval.submit(choosy.parts, conn, drafted.number, "user:mei")
    assert digest(choosy) in refused.value.message
    assert refused.value.message.count("with twilio") == 1, "nobody is written to in another locale"
    file(choosy, digest(choosy))
    async with choosy.parts.pool.acquire() as conn, conn.transaction():
        submitted = await approval.submit(choosy.parts, conn, drafted.number, "user:mei")
    assert submitted.state in (CampaignState.SUBMITTED, CampaignState.APPROVED)


async def test_by_mail_no_filing_is_asked_for(choosy: House) -> None:
    await choosy.people(Person())
    both = campaign(choosy, Channel.EMAIL, Channel.SMS)
    async with choosy.parts.pool.acquire() as conn:
        await require_filed(conn, choosy.parts, campaign(choosy, Channel.EMAIL), choosy.now)
        with pytest.raises(InvalidInput):
            await require_filed(conn, choosy.parts, both, choosy.now)


# ------------------------------------------------------------------------------------- routes


def test_a_route_is_the_first_that_serves_creditor_and_region(house: House) -> None:
    [sms] = [route for route in house.settings.routes if route.name == "sms"]
    own = sms.model_copy(update={"name": "own", "creditors": ("qinglan-bank",), "regions": ("CN",)})
    hk = sms.model_copy(update={"name": "hk", "jurisdictions": ("hk",)})
    house.parts = replace(house.parts, routes={"own": own, "hk": hk})
    route_for = house.parts.route_for
    assert route_for(Channel.SMS, "qinglan-bank", "CN").name == "own"
    assert route_for(Channel.SMS, "hk-harbour-bank", "CN").name == "hk"
    with pytest.raises(NotFound, match="no route carries sms of qinglan-bank to region HK"):
        route_for(Channel.SMS, "qinglan-bank", "HK")
    with pytest.raises(NotFound):
        route_for(Channel.SMS, "tw-qingyu-bank", "TW")
