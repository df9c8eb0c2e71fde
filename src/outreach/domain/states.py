"""A notice's two fields: ``state`` is ours and moves along one table; ``delivery`` is the
carriers' word and is merged by rank, so that order and repetition of receipts cannot matter.
"""

from enum import StrEnum


class State(StrEnum):
    PENDING = "pending"  # waits to go: due, or held until a later due_at
    SENDING = "sending"  # intent committed; the wire may or may not have seen it
    UNCERTAIN = "uncertain"  # a lease ran out or an answer was lost: settled by evidence only
    SENT = "sent"  # a carrier took it
    FAILED = "failed"  # a carrier refused it for good
    BLOCKED = "blocked"  # the gate refused it
    CANCELLED = "cancelled"  # withdrawn by a person
    EXPIRED = "expired"  # its time passed before it could go


MOVES: dict[State, frozenset[State]] = {
    # straight to sent: evidence came that an attempt thought not to have gone did go;
    # uncertain: the database was rewound, and it may have gone in the time that is lost
    State.PENDING: frozenset(
        {
            State.SENDING,
            State.UNCERTAIN,
            State.SENT,
            State.FAILED,
            State.BLOCKED,
            State.CANCELLED,
            State.EXPIRED,
        }
    ),
    # back to pending: a temporary failure, the carrier has not taken it
    State.SENDING: frozenset({State.SENT, State.FAILED, State.UNCERTAIN, State.PENDING}),
    # back to pending: proven not sent
    State.UNCERTAIN: frozenset({State.SENT, State.FAILED, State.PENDING}),
    State.SENT: frozenset(),
    State.FAILED: frozenset(),
    State.BLOCKED: frozenset({State.PENDING, State.CANCELLED}),  # released by a person
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}

IN_FLIGHT = frozenset({State.SENDING, State.UNCERTAIN})
COUNTS_AS_CONTACT = IN_FLIGHT | {State.SENT}


class Delivery(StrEnum):
    NONE = "none"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    SENT = "sent"  # handed on to the next network; the last word where no receipts exist
    UNDELIVERED = "undelivered"
    PARTIAL = "partial"  # some parts of a long message arrived
    DELIVERED = "delivered"
    READ = "read"


RANK: dict[Delivery, int] = {
    Delivery.NONE: 0,
    Delivery.ACCEPTED: 10,
    Delivery.DEFERRED: 15,
    Delivery.SENT: 20,
    Delivery.UNDELIVERED: 30,
    Delivery.PARTIAL: 35,
    Delivery.DELIVERED: 40,
    Delivery.READ: 50,
}


class FailureClass(StrEnum):
    """What a failure says, and of whom. Only HARD speaks about the address."""

    SOFT = "soft"  # unreachable now
    HARD = "hard"  # the address is dead
    REJECTED = "rejected"  # content, sender or policy refused
    OPTED_OUT = "opted_out"  # the carrier holds a refusal of this recipient
    ACCOUNT = "account"  # our account with the carrier: stop the route


def merge_part(old: Delivery, new: Delivery) -> Delivery:
    """One part's delivery after another receipt: the higher rank stands."""
    return new if RANK[new] > RANK[old] else old


def merge_parts(parts: list[Delivery], expected: int) -> Delivery:
    """The message's delivery from its parts; delivered only when all ``expected`` parts are."""
    if not parts:
        return Delivery.NONE
    low, high = min(parts, key=RANK.__getitem__), max(parts, key=RANK.__getitem__)
    if len(parts) >= expected and RANK[low] >= RANK[Delivery.DELIVERED]:
        return low
    if RANK[high] >= RANK[Delivery.PARTIAL]:
        return Delivery.PARTIAL
    return high
