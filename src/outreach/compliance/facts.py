"""What the rules may look at: the facts of one moment about one notice, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.frozen import frozen
from outreach.domain.notice import Purpose


@frozen
class AccountFacts:
    """One account of the notice, as its debtor stands to it; ``dpd`` in days past due.

    ``paid_since``: a payment or reversal was posted after ``balance_as_of``, so that how the rest
    splits into principal, interest and charges is not known until the next balance.
    """

    role: Role
    settled: bool
    balance_as_of: datetime
    dpd: int
    paid_since: bool = False


@dataclass(frozen=True, slots=True)
class StandingFact:
    """A standing or list entry of the debtor; without ``expires_at`` it lasts until ended."""

    kind: Standing
    since: datetime
    expires_at: datetime | None


@frozen
class PointFacts:
    """The contact point this notice would go to."""

    verified: bool
    origin: Origin
    opted_out: bool
    dead: bool
    wrong_person: bool


class Contact(NamedTuple):
    """A message that went out, is on the wire or may have gone: when its intent was committed."""

    at: datetime
    channel: Channel


@frozen
class Facts:
    """The rules' only input. All instants are aware; ``zone`` is an IANA name.

    ``contacts`` are the debtor's, over all channels and accounts, ``value_contacts`` those to the
    phone, mailbox or address this notice would go to, whoever's they are; both without this notice
    and as far back as any cap looks. ``spread`` is a stable integer derived from the notice's id:
    it decides where inside a window a held notice lands. ``answers_debtor`` says that the notice
    answers a message the debtor wrote in the last 24 hours.
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
