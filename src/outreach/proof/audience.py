"""For whom a bundle is made, and what of a history they are given.

A court and a regulator are shown what was done and why. Debtors are given what concerns them (PIPL
article 45): what was sent to them and what came of it, none of our own considerations. What is not
given stays in the bundle as a digest: nothing can have been left out unseen.
"""

from enum import StrEnum

from outreach.domain.events import EventKind


class Audience(StrEnum):
    COURT = "court"
    REGULATOR = "regulator"
    DEBTOR = "debtor"

    @property
    def masked(self) -> bool:
        """Whether ID numbers are shown with their last digits only."""
        return self is Audience.REGULATOR

    def sees(self, kind: EventKind) -> bool:
        return self is not Audience.DEBTOR or kind in _TO_DEBTORS

    def reads(self, kind: EventKind) -> bool:
        """Whether what such an event holds is opened for them."""
        return self.sees(kind) and (self is not Audience.REGULATOR or kind not in _PARTICULARS)


TITLES = {
    Audience.COURT: "法院、仲裁机构",
    Audience.REGULATOR: "监管机关",
    Audience.DEBTOR: "债务人本人",
}

_TO_DEBTORS = frozenset(
    {
        EventKind.SENDING,
        EventKind.SENT,
        EventKind.DEFERRED,
        EventKind.FAILED,
        EventKind.DELIVERED,
        EventKind.UNDELIVERED,
        EventKind.READ,
        EventKind.PRINTED,
        EventKind.SCANNED,
        EventKind.POSTED,
        EventKind.SIGNED_FOR,
        EventKind.RETURNED,
        EventKind.REPLIED,
        EventKind.OPTED_OUT,
        EventKind.COMPLAINED,
        EventKind.DISPUTED,
        EventKind.PROMISED,
        EventKind.WRONG_PERSON,
        EventKind.CLAIMED_PAID,
        EventKind.HARDSHIP,
        EventKind.PAID,
        EventKind.PAYMENT_REVERSED,
        EventKind.ERASED,
    }
)

_PARTICULARS = frozenset({EventKind.IMPORTED, EventKind.CONTACT_CHANGED})
"""They hold names, ID numbers and all contact points: more than the question needs."""
