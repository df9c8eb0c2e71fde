"""What the rules may look at: the facts of one moment about one notice, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.frozen import frozen
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register

NOTHING: Mapping[Interruption, date] = {}


@frozen
class AgencyFacts:
    """The agency an account is placed with; ``told_on`` is when its debtor was told so.

    ``until`` is the last day of its contract, ``listed_on`` when the creditor published it.
    """

    id: str
    kind: AgencyKind
    since: date
    until: date | None = None
    listed_on: date | None = None
    told_on: date | None = None


@frozen
class AccountFacts:
    """One account of the notice, as its debtor stands to it; ``dpd`` in days past due.

    ``overdue`` is what was due and is unpaid, in minor units. ``paid_since``: a payment or reversal
    was posted after ``balance_as_of``, so that how the rest splits into principal, interest and
    charges is not known until the next balance. ``interrupted`` holds the last day of each kind of
    interruption of its limitation period; it may be left out of a debt of less than two years.
    """

    role: Role
    settled: bool
    balance_as_of: datetime
    dpd: int
    overdue: int
    paid_since: bool = False
    agency: AgencyFacts | None = None
    interrupted: Mapping[Interruption, date] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class StandingFact:
    """A standing or list entry of the debtor; without ``expires_at`` it lasts until ended."""

    kind: Standing
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AgreedHours:
    """When a debtor agreed to be written to on the notice's channel, on their own clock."""

    opens: time
    closes: time


@frozen
class PointFacts:
    """The contact point this notice would go to."""

    verified: bool
    origin: Origin
    opted_out: bool
    dead: bool
    wrong_person: bool
    usage: Usage = Usage.PERSONAL
    documented: bool = True


class Contact(NamedTuple):
    """A message that went out, is on the wire or may have gone: when its intent was committed.

    Without a ``purpose`` it counts as one of any.
    """

    at: datetime
    channel: Channel
    purpose: Purpose | None = None


@frozen
class Facts:
    """The rules' only input. All instants are aware; ``zone`` is an IANA name.

    ``contacts`` are the debtor's, over all channels and accounts, ``value_contacts`` those to the
    phone, mailbox or address this notice would go to, whoever's they are; both without this notice
    and as far back as any cap looks. ``spread`` is a stable integer derived from the notice's id:
    it decides where inside a window a held notice lands. ``answers_debtor`` says that the notice
    answers a message the debtor wrote in the last 24 hours. ``filed`` names the registers in which
    what this notice uses is approved today. ``released`` are the rules that two people set aside
    for this notice.
    """

    now: datetime
    zone: str
    jurisdiction: Jurisdiction
    purpose: Purpose
    channel: Channel
    accounts: tuple[AccountFacts, ...]
    standings: tuple[StandingFact, ...]
    point: PointFacts
    contacts: tuple[Contact, ...]
    value_contacts: tuple[Contact, ...]
    balance_max_age: timedelta
    spread: int
    answers_debtor: bool = False
    agreed: AgreedHours | None = None
    filed: frozenset[Register] = frozenset()
    released: frozenset[str] = frozenset()

    @property
    def with_agency(self) -> bool:
        """Whether an agency acts on any of the accounts."""
        return any(account.agency is not None for account in self.accounts)
