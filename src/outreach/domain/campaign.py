"""A campaign (批次): an audience, a purpose and an order of channels, from draft to its end."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict
from outreach.domain.notice import Purpose


class CampaignState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"  # waits for a second person
    APPROVED = "approved"  # may start
    CANCELLED = "cancelled"


CAMPAIGN_MOVES: dict[CampaignState, frozenset[CampaignState]] = {
    # straight to approved: too small for a second person
    CampaignState.DRAFT: frozenset(
        {CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.CANCELLED}
    ),
    CampaignState.SUBMITTED: frozenset(
        {CampaignState.DRAFT, CampaignState.APPROVED, CampaignState.CANCELLED}
    ),
    CampaignState.APPROVED: frozenset({CampaignState.CANCELLED}),
    CampaignState.CANCELLED: frozenset(),
}
"""The one table of moves; ``submitted`` -> ``draft`` is sent back."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """``audience`` is a filter in its kept spelling. ``notices``: how many it chose at submission.

    ``channels`` are in the order they are tried. ``number`` is what people call it by.
    """

    id: UUID
    number: int
    name: str
    creditor_id: str
    purpose: Purpose
    channels: tuple[Channel, ...]
    audience: str
    state: CampaignState
    created_by: str
    created_at: datetime
    notices: int | None = None
    submitted_by: str | None = None
    approved_by: str | None = None

    def require_move(self, to: CampaignState) -> None:
        """Raise ``Conflict`` unless the table has this move."""
        if to not in CAMPAIGN_MOVES[self.state]:
            onward = ", ".join(sorted(CAMPAIGN_MOVES[self.state])) or "nothing: it is over"
            raise Conflict(
                f"campaign {self.number} is {self.state}: it cannot become {to}",
                f"from here: {onward}",
            )

    def require_second_person(self, approver: str) -> None:
        """Raise ``Conflict`` for whoever made or submitted it: four eyes are two people's."""
        if approver in (self.created_by, self.submitted_by):
            raise Conflict(
                f"campaign {self.number} is {approver}'s own: a second person approves it",
                "outreach --as SOMEBODY campaign approve",
            )
