"""How far a campaign is: counts that cost the same at a thousand notices as at a million."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from outreach.campaigns.pace import ends
from outreach.campaigns.ways import hours_of
from outreach.db import responses, tallies
from outreach.db.pool import Connection
from outreach.db.tallies import EXCLUDED, Tally
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.frozen import frozen
from outreach.domain.states import COUNTS_AS_CONTACT, Delivery, State
from outreach.life.parts import Parts


@frozen
class Progress:
    """``tallies`` as ``db.tallies`` gives them; ``responses``: people, by what they said."""

    campaign: Campaign
    at: datetime
    tallies: Sequence[Tally]
    responses: Mapping[str, int]

    @property
    def states(self) -> dict[str, int]:
        """Notices by state, in the order of a notice's life."""
        found: Counter[str] = Counter()
        for each in self.tallies:
            found[each.state] += each.notices
        return {str(state): found[state] for state in State if found[state]}

    @property
    def deliveries(self) -> dict[str, int]:
        """Those that have gone, by the carriers' word."""
        found: Counter[str] = Counter()
        for each in self.tallies:
            if each.state in COUNTS_AS_CONTACT:
                found[each.delivery] += each.notices
        return {str(delivery): found[delivery] for delivery in Delivery if found[delivery]}

    @property
    def excluded(self) -> dict[str, int]:
        """People who get no notice, by reason."""
        return {str(each.failure): each.notices for each in self.tallies if each.state == EXCLUDED}

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def waiting(self) -> int:
        """Those that have not gone and still may."""
        return self.states.get(State.PENDING, 0) + self.states.get(State.SENDING, 0)

    def ends(self, parts: Parts, per_minute: float | None = None) -> datetime | None:
        """When the last will have gone if nothing is held; None while that cannot be said."""
        if self.campaign.state is not CampaignState.RUNNING or self.campaign.frozen_at is None:
            return None
        window, zone = hours_of(parts, self.campaign)
        return ends(self.campaign, self.waiting, self.at, window, zone, per_minute)


async def progress(conn: Connection, campaign: Campaign, at: datetime) -> Progress:
    return Progress(
        campaign,
        at,
        await tallies.of_campaign(conn, campaign.id),
        await responses.of_campaign(conn, campaign.id),
    )
