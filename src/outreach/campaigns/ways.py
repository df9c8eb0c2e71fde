"""By which routes a campaign's channels go, and when they are open."""

from zoneinfo import ZoneInfo

from outreach.compliance.window import Window
from outreach.db.members import Way
from outreach.domain.campaign import Campaign
from outreach.domain.debtor import HOME_ZONE
from outreach.life.parts import Parts


def ways_of(parts: Parts, campaign: Campaign) -> list[Way]:
    """Its channels' routes with their regions, in the order they are asked in."""
    return [
        Way(route.channel, route.name, region)
        for channel in campaign.channels
        for route in parts.routes_for(channel, campaign.creditor_id)
        for region in route.regions or (None,)
    ]


def hours_of(parts: Parts, campaign: Campaign) -> tuple[Window, ZoneInfo]:
    """When its first channel may be used where the creditor is, and that place's zone.

    For debtors elsewhere the gate holds what would come at a wrong hour.
    """
    creditor = parts.creditor(campaign.creditor_id)
    place = creditor.jurisdiction
    pack = parts.policies.of(creditor.id, place)
    selection = pack.selections[campaign.purpose, campaign.channels[0]]
    return selection.window, ZoneInfo(HOME_ZONE[place])
