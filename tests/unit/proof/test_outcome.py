"""What a notice's evidence shows is graded, and never more than it shows."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.proof.erds import erds_event
from outreach.proof.outcome import DOUBTS, NAMES, Doubt, Grade, outcome_of
from outreach.proof.timeline import Line

BEGAN = datetime(2026, 11, 26, 2, tzinfo=UTC)


def line(kind: EventKind, actor: str = "job:dispatch", **data: object) -> Line:
    return Line(
        id=UUID(int=1),
        at=BEGAN,
        kind=kind,
        channel=Channel.SMS,
        actor=actor,
        notice_id=UUID(int=2),
        account_id=None,
        policy_version=None,
        data=data,
        payload_digest=None,
        state="none",
        payload=None,
    )


def grade(*kinds: EventKind) -> Grade:
    return outcome_of([line(kind) for kind in kinds]).grade


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), Grade.NOT_SENT),
        (("held", "blocked"), Grade.NOT_SENT),
        (("sending",), Grade.UNCERTAIN),
        (("sending", "uncertain"), Grade.UNCERTAIN),
        (("sending", "failed"), Grade.NOT_TAKEN),
        (("sending", "deferred", "sending", "sent"), Grade.HANDED_OVER),
        (("sending", "sent", "delivered"), Grade.DELIVERED),
        (("sending", "sent", "delivered", "read"), Grade.READ),
        (("sending", "sent", "undelivered"), Grade.UNDELIVERED),
        (("sending", "sent", "printed", "posted"), Grade.POSTED),
        (("sending", "sent", "posted", "signed_for"), Grade.SIGNED_FOR),
        (("sending", "sent", "posted", "returned"), Grade.RETURNED),
        (("sending", "sent", "replied"), Grade.ANSWERED),
    ],
)
def test_the_furthest_confirmed_step_counts(kinds: tuple[str, ...], expected: Grade) -> None:
    assert grade(*map(EventKind, kinds)) is expected


def test_a_receipt_may_come_before_the_answer() -> None:
    assert grade(EventKind.SENDING, EventKind.DELIVERED, EventKind.SENT) is Grade.DELIVERED


@pytest.mark.parametrize("kind", ["uncertain", "failed", "deferred"])
def test_what_was_delivered_is_not_undone_by_a_later_doubt(kind: str) -> None:
    kinds = (EventKind.SENDING, EventKind.SENT, EventKind.DELIVERED, EventKind(kind))
    assert grade(*kinds) is Grade.DELIVERED


def test_receipts_grade_alike_in_any_order() -> None:
    receipts = (EventKind.SENT, EventKind.UNDELIVERED, EventKind.DELIVERED)
    found = {grade(EventKind.SENDING, *order) for order in permutations(receipts)}
    assert found == {Grade.DELIVERED}


def test_a_carrier_that_said_both_is_told_as_one_that_said_both() -> None:
    kinds = (EventKind.SENDING, EventKind.SENT, EventKind.UNDELIVERED, EventKind.DELIVERED)
    assert outcome_of([line(kind) for kind in kinds]).doubts == (Doubt.CONTRADICTED,)


def test_a_stranger_s_answer_is_told_as_one() -> None:
    lines = [line(EventKind.SENDING), line(EventKind.SENT), line(EventKind.WRONG_PERSON)]
    found = outcome_of(lines)
    assert found.grade is Grade.ANSWERED
    assert found.doubts == (Doubt.NOT_THE_PERSON,)


def test_a_person_s_word_is_told_as_one() -> None:
    settled = line(EventKind.RESOLVED, "user:lin", **{"as": "sent"})
    found = outcome_of([line(EventKind.SENDING), line(EventKind.UNCERTAIN), settled])
    assert (found.grade, found.doubts) == (Grade.HANDED_OVER, (Doubt.SETTLED_BY_HAND,))
    not_sent = line(EventKind.RESOLVED, "user:lin", **{"as": "failed"})
    assert outcome_of([line(EventKind.SENDING), not_sent]).grade is Grade.NOT_TAKEN


def test_a_locker_is_no_signature() -> None:
    signed = line(EventKind.SIGNED_FOR, signer="locker")
    found = outcome_of([line(EventKind.SENDING), line(EventKind.POSTED), signed])
    assert (found.grade, found.doubts) == (Grade.DELIVERED, (Doubt.LOCKER,))
    assert erds_event(signed) == "ConsignmentNotification"
    assert erds_event(line(EventKind.SIGNED_FOR, signer="self")) == "ContentHandover"


def test_a_part_is_no_whole() -> None:
    part = line(EventKind.DELIVERED, delivery="partial")
    assert outcome_of([line(EventKind.SENDING), line(EventKind.SENT), part]).grade is Grade.PARTIAL


def test_the_carrier_s_own_time_is_told_beside_ours() -> None:
    told = BEGAN - timedelta(seconds=3)
    delivered = line(EventKind.DELIVERED, carrier_time=told.isoformat())
    found = outcome_of([line(EventKind.SENDING), line(EventKind.SENT), delivered])
    assert (found.at, found.carrier_time) == (BEGAN, told)


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("refused", "ConsignmentRejection"),
        ("unclaimed", "AcceptanceRejectionExpiry"),
        ("moved", "ContentHandoverFailure"),
    ],
)
def test_a_returned_letter_by_its_reason(reason: str, event: str) -> None:
    assert erds_event(line(EventKind.RETURNED, reason=reason)) == event


def test_every_grade_and_doubt_has_a_name() -> None:
    assert NAMES.keys() == set(Grade)
    assert DOUBTS.keys() == set(Doubt)
