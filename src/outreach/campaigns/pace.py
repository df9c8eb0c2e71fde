"""How many of a campaign's notices may be let go now: decided here, done elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from outreach.compliance.window import Window, instant
from outreach.domain.campaign import Campaign

LEAD = timedelta(seconds=5)
"""An allowance not used for so long lapses: after an outage there is no burst."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """``count`` may go, None for any number; each uses up the pace for ``each``, from ``since``.

    ``that_day`` had gone before on the local day.
    """

    count: int | None
    since: datetime
    each: timedelta
    that_day: int

    def used_to(self, count: int) -> datetime:
        """Up to when the pace is used up once so many have gone."""
        return self.since + self.each * count


def allowance(campaign: Campaign, now: datetime, window: Window, zone: ZoneInfo) -> Allowance:
    """What the campaign's pace leaves at ``now``; nothing while the window is closed.

    A number a day is spread over the window, however many minutes of it are left.
    """
    local = now.astimezone(zone)
    that_day = campaign.released_that_day if campaign.released_on == local.date() else 0
    if not window.is_open(local):
        return Allowance(0, now, timedelta(), that_day)
    each = [timedelta(minutes=1) / campaign.pace_minute] if campaign.pace_minute else []
    if campaign.pace_day:
        each.append(timedelta(minutes=window.closes - window.opens) / campaign.pace_day)
    if not each:
        return Allowance(None, now, timedelta(), that_day)
    slowest = max(each)
    since = max(campaign.paced_to or now - slowest, now - max(LEAD, slowest))
    count = max(0, floor((now - since) / slowest))
    if campaign.pace_day:
        count = min(count, max(0, campaign.pace_day - that_day))
    return Allowance(count, since, slowest, that_day)


def takes(campaign: Campaign, notices: int, window: Window) -> timedelta:
    """How long so many notices take at the campaign's pace, nights included."""
    minutes = window.closes - window.opens
    daily = [campaign.pace_day] if campaign.pace_day else []
    daily += [campaign.pace_minute * minutes] if campaign.pace_minute else []
    if not daily:
        return timedelta()
    days, rest = divmod(notices, min(daily))
    share = timedelta(minutes=minutes) * rest / min(daily)
    return timedelta(days=days * 7 / len(window.days)) + share


def ends(
    campaign: Campaign,
    waiting: int,
    now: datetime,
    window: Window,
    zone: ZoneInfo,
    measured: float | None = None,
) -> datetime | None:
    """When the last of ``waiting`` will have gone, nights and closed days counted in.

    At its pace, or at the ``measured`` notices a minute if that is less; None if neither is known.
    """
    rates = [measured] if measured else []
    rates += [float(campaign.pace_minute)] if campaign.pace_minute else []
    rates += [campaign.pace_day / (window.closes - window.opens)] if campaign.pace_day else []
    if not rates or min(rates) <= 0:
        return None
    left = timedelta(minutes=waiting / min(rates))
    at = window.next_open(now, zone)
    while True:
        local = at.astimezone(zone)
        closing = instant(local.date(), window.closes, zone, local.fold)
        if at + left <= closing:
            return at + left
        left -= closing - at
        at = window.next_open(closing, zone)
