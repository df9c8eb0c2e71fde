"""Alarms: shares of dead addresses, opt-outs and complaints at which a campaign pauses itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outreach.db.tallies import Tally
from outreach.domain.response import ResponseKind
from outreach.domain.states import COUNTS_AS_CONTACT, FailureClass, State
from outreach.settings import Settings

_GONE = COUNTS_AS_CONTACT | {State.FAILED}


@dataclass(frozen=True, slots=True)
class Alarms:
    """How many have gone, and of them the bad ones by name."""

    gone: int
    bad: Mapping[str, int]

    @property
    def counted(self) -> dict[str, int]:
        """As the campaign's row keeps it when it is resumed."""
        return {"gone": self.gone, **self.bad}

    def rung(self, settings: Settings, counted_from: Mapping[str, int]) -> dict[str, object] | None:
        """Why to pause, as an event tells it, or None; what was counted before is left out."""
        gone = self.gone - counted_from.get("gone", 0)
        if gone < settings.alarm_after:
            return None
        limits = {
            "bounced": settings.alarm_bounced,
            "opted_out": settings.alarm_opted_out,
            "complained": settings.alarm_complained,
        }
        for name, limit in limits.items():
            many = self.bad[name] - counted_from.get(name, 0)
            if many > gone * limit:
                return {"reason": name, "count": many, "of": gone, "limit": str(limit)}
        return None


def alarms_of(tallies: Sequence[Tally], responses: Mapping[str, int]) -> Alarms:
    """From a campaign's tallies and what its people answered."""
    return Alarms(
        gone=sum(each.notices for each in tallies if each.state in _GONE),
        bad={
            "bounced": sum(each.notices for each in tallies if each.failure == FailureClass.HARD),
            "opted_out": responses.get(ResponseKind.OPTED_OUT, 0)
            + sum(each.notices for each in tallies if each.failure == FailureClass.OPTED_OUT),
            "complained": responses.get(ResponseKind.COMPLAINED, 0),
        },
    )
