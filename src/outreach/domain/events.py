"""Contact events (触达记录): one line of a contact history each."""

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from outreach.domain.frozen import frozen


class EventKind(StrEnum):
    IMPORTED = "imported"
    BALANCE_CHANGED = "balance_changed"
    PAID = "paid"
    PAYMENT_REVERSED = "payment_reversed"
    STANDING_SET = "standing_set"
    STANDING_ENDED = "standing_ended"
    CONTACT_CHANGED = "contact_changed"
    INFORMED = "informed"  # told by others: of an agency, an assignment, a credit report
    INTERRUPTED = "interrupted"  # the limitation period began anew
    HELD = "held"
    BLOCKED = "blocked"
    RELEASE_ASKED = "release_asked"  # somebody wants a blocked notice to go
    RELEASE_REFUSED = "release_refused"
    RELEASED = "released"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    READ = "read"
    REPLIED = "replied"
    OPTED_OUT = "opted_out"
    COMPLAINED = "complained"
    DISPUTED = "disputed"
    PROMISED = "promised"
    WRONG_PERSON = "wrong_person"
    CLAIMED_PAID = "claimed_paid"
    HARDSHIP = "hardship"
    RETURNED = "returned"
    SIGNED_FOR = "signed_for"
    POSTED = "posted"
    PRINTED = "printed"
    SCANNED = "scanned"  # a picture of what the post brought back was filed
    UNCERTAIN = "uncertain"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    CALL_LOGGED = "call_logged"
    VISIT_LOGGED = "visit_logged"
    NOTE = "note"
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    CORRECTED = "corrected"  # a person took a reply otherwise
    TASK_DONE = "task_done"  # somebody closed what waited for a person
    EXPORTED = "exported"
    VIEWED = "viewed"
    STOPPED = "stopped"
    RESUMED = "resumed"
    ERASED = "erased"
    # a creditor's or a policy's, in its stream
    REGISTERED = "registered"  # a signature, a payee account, a mandate, an agency
    ADOPTED = "adopted"  # a policy was used for the first time
    # a campaign's, in its own stream
    DRAFTED = "drafted"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SENT_BACK = "sent_back"
    SCHEDULED = "scheduled"
    STARTED = "started"
    MISSED = "missed"  # its hour passed with nothing running
    FROZEN = "frozen"  # the audience is whole
    PAUSED = "paused"
    FELL_BACK = "fell_back"  # to another channel
    RETRIED = "retried"
    FINISHED = "finished"


@frozen
class Event:
    """A contact event before it is sealed.

    ``data`` is public within the institution (rule ids, codes, digests) and part of the envelope;
    ``payload`` is personal and is stored sealed beside it.
    Both hold only strings, integers, booleans, null, lists and objects of these.
    """

    kind: EventKind
    at: datetime
    stream: str
    creditor_id: str
    actor: str
    debtor_id: UUID | None = None
    notice_id: UUID | None = None
    account_id: UUID | None = None
    channel: str | None = None
    policy_version: str | None = None
    data: dict[str, object] = field(default_factory=dict)
    payload: dict[str, object] | None = None


def debtor_stream(debtor_id: UUID) -> str:
    return f"debtor:{debtor_id}"


def campaign_stream(campaign_id: UUID) -> str:
    return f"campaign:{campaign_id}"


def policy_stream(whose: str) -> str:
    """What notices are judged by: a creditor's registers and agencies, or a place's packs."""
    return f"policy:{whose}"


def user_stream(user_id: str) -> str:
    return f"user:{user_id}"
