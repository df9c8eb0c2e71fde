"""A campaign (批次): an audience, a purpose and an order of channels, from draft to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import Conflict
from outreach.domain.notice import Purpose

NIL = UUID(int=0)
"""Before the first of all ids."""


class CampaignState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"  # waits for a second person
    APPROVED = "approved"  # may start, or waits for its hour
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"  # every notice is in a state that nothing more comes of
    CANCELLED = "cancelled"


CAMPAIGN_MOVES: dict[CampaignState, frozenset[CampaignState]] = {
    # straight to approved: too small for a second person
    CampaignState.DRAFT: frozenset(
        {CampaignState.SUBMITTED, CampaignState.APPROVED, CampaignState.CANCELLED}
    ),
    CampaignState.SUBMITTED: frozenset(
        {CampaignState.DRAFT, CampaignState.APPROVED, CampaignState.CANCELLED}
    ),
    CampaignState.APPROVED: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
    CampaignState.RUNNING: frozenset(
        {CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}
    ),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
    # back to running: those it failed to reach are tried again
    CampaignState.FINISHED: frozenset({CampaignState.RUNNING}),
    CampaignState.CANCELLED: frozenset(),
}
"""The one table of moves; ``submitted`` -> ``draft`` is sent back."""


class Late(StrEnum):
    """What becomes of a start that was missed, because nothing ran at its hour."""

    SEND = "send"  # it starts late
    SKIP = "skip"  # it does not start
    ASK = "ask"  # it waits for a person


class Exclusion(StrEnum):
    """Why one of the audience gets no notice."""

    UNREACHABLE = "unreachable"  # no usable contact point for any of the channels
    CONTROL = "control"  # left in peace, to compare with
    NO_ROUTE = "no_route"  # no route carries the channel to where they are
    NO_TEMPLATE = "no_template"  # none in their locale was pinned


@dataclass(frozen=True, slots=True)
class Campaign:
    """``audience`` is a filter in its kept spelling. ``notices``: how many it chose at submission.

    ``channels`` are in the order they are tried. ``number`` is what people call it by. ``pace_*``
    are notices, None for as many as the carriers bear. ``templates`` are the digests pinned at
    approval; ``variants`` are shared out evenly, beside ``control_percent`` who get nothing.
    ``listed``: how many accounts its audience is within, None for all its creditor has.
    ``corrects`` is the campaign whose people this one puts right, ``run_of`` the recurring one it
    is an occurrence of; ``repeats`` is the timetable of one that recurs. ``frozen_to`` is the last
    debtor looked at, ``counted_from`` what its alarms stood at when it was last resumed.
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
    pace_minute: int | None = None
    pace_day: int | None = None
    lifetime: timedelta = timedelta(days=5)
    late: Late = Late.SEND
    variants: tuple[str, ...] = ("",)
    control_percent: int = 0
    listed: int | None = None
    repeats: str | None = None
    run_of: UUID | None = None
    corrects: UUID | None = None
    notices: int | None = None
    submitted_by: str | None = None
    approved_by: str | None = None
    templates: Mapping[tuple[Channel, Locale, str], str] | None = None
    starts_at: datetime | None = None
    started_at: datetime | None = None
    frozen_at: datetime | None = None
    ended_at: datetime | None = None
    frozen_to: UUID = NIL
    paced_to: datetime | None = None
    counted_from: Mapping[str, int] = field(default_factory=dict)
    released_on: date | None = None
    released_that_day: int = 0

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
