"""Template versions a campaign pins at its approval: what is changed later does not reach it."""

from collections.abc import Iterator
from datetime import datetime

from outreach.compliance.window import local_time
from outreach.db import campaigns, debtors, notices
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign
from outreach.domain.contact import Channel
from outreach.domain.debtor import HOME_ZONE, Locale
from outreach.domain.errors import InvalidInput
from outreach.domain.register import Register
from outreach.life.parts import Parts
from outreach.templating.catalog import Template


def templates_of(parts: Parts, campaign: Campaign) -> dict[tuple[Channel, Locale, str], Template]:
    """What it would send, as the files are now.

    Raises ``InvalidInput`` for a channel or a variant there are no templates of, ``TemplateError``
    for one that is broken.
    """
    found = {
        (channel, locale, variant): parts.catalog.get(channel, campaign.purpose, locale, variant)
        for channel, purpose, locale, variant in parts.catalog.keys
        if purpose is campaign.purpose
        and channel in campaign.channels
        and variant in campaign.variants
    }
    for channel, variant in _wanted(campaign):
        if not any(key[0] is channel and key[2] == variant for key in found):
            what = f"variant {variant!r} of {campaign.purpose}" if variant else campaign.purpose
            there = parts.catalog.variants(channel, campaign.purpose)
            raise InvalidInput(
                f"there is no template for {what} by {channel}",
                f"there are: {', '.join(each or 'plain' for each in there) or 'none'}",
            )
    return found


def _wanted(campaign: Campaign) -> Iterator[tuple[Channel, str]]:
    for channel in campaign.channels:
        for variant in campaign.variants:
            yield channel, variant


async def require_filed(conn: Connection, parts: Parts, campaign: Campaign, now: datetime) -> None:
    """Raise ``InvalidInput`` unless what it would send is filed wherever a carrier wants it (M-04),
    in the locales the creditor's debtors have.

    The gate asks again at each sending: a filing may lapse meanwhile.
    """
    creditor = parts.creditor(campaign.creditor_id)
    spoken = await debtors.locales(conn, creditor.id)
    today = local_time(now, HOME_ZONE[creditor.jurisdiction]).date()
    registers = parts.registers.of(creditor.id)
    missing = [
        f"{template.digest} with {carrier}"
        for (channel, locale, _), template in templates_of(parts, campaign).items()
        if locale in spoken
        for route in parts.routes_for(channel, creditor.id)
        for carrier in parts.filers(route)
        if not registers.in_force(Register.TEMPLATE, template.digest, today, carrier)
    ]
    if missing:
        raise InvalidInput(
            f"templates are not filed (M-04): {'; '.join(sorted(set(missing)))}",
            "file them, then: outreach facts register template DIGEST --holder CARRIER ...",
        )


async def pin(conn: Connection, parts: Parts, campaign: Campaign, now: datetime) -> Campaign:
    """Keep these versions, and that the campaign uses them."""
    templates = templates_of(parts, campaign)
    for template in sorted(templates.values(), key=lambda each: each.digest):
        await notices.save_template(
            conn,
            template.digest,
            template.channel,
            template.purpose,
            template.locale,
            template.source,
            now,
        )
    digests = {key: template.digest for key, template in templates.items()}
    return await campaigns.pin(conn, campaign.id, digests)
