"""Which contacts a sending of the past knew of: what each notice's moves said just before it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose
from outreach.proof.contacts import Contacts

AT = datetime(2026, 11, 23, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
ME, OTHER = UUID(int=1), UUID(int=2)
PHONE, MAILBOX = UUID(int=11), UUID(int=12)
MINE, BEFORE = UUID(int=101), UUID(int=102)
_ids = count(1000)


def move(kind: str, hours: float, **more: Any) -> dict[str, Any]:
    """One move of the notice before, so many hours before the sending."""
    return {
        "id": UUID(int=next(_ids)),
        "at": AT - hours * HOUR,
        "kind": kind,
        "debtor_id": ME,
        "notice_id": BEFORE,
        "settled_as": None,
        "channel": "sms",
        "purpose": "overdue_notice",
        "state": "sent",
        "contact_point_id": PHONE,
        "value_hash": b"phone",
        **more,
    }


def sending(**more: Any) -> Any:
    own = {"id": UUID(int=2000), "notice_id": MINE, "state": "sending"}
    return move("sending", 0, **own | more)


def known(*moves: dict[str, Any]) -> list[float]:
    """How many hours before the debtor's contacts were."""
    own, _ = Contacts([*moves, sending()]).known_to(sending())  # type: ignore[list-item]
    return sorted((AT - each.at) / HOUR for each in own)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([("sending", 9)], [9]),
        ([("sending", 9), ("sent", 8)], [9]),
        ([("sending", 9), ("uncertain", 8)], [9]),
        ([("sending", 9), ("deferred", 8)], []),
        ([("sending", 9), ("deferred", 8), ("sending", 3)], [3]),
        ([("sending", 9), ("deferred", -1)], [9]),
        ([("sending", 9), ("uncertain", 8), ("resolved", 7, "sent")], [9]),
        ([("sending", 9), ("uncertain", 8), ("resolved", 7, "pending")], []),
        ([("sending", 9), ("uncertain", 8), ("resolved", 7, "failed")], []),
        ([("sending", 9), ("deferred", 8), ("expired", 2)], []),
        ([("sending", -1)], []),
        ([("sending", 30 * 24)], []),
        ([("sending", 30 * 24 - 0.001)], [30 * 24 - 0.001]),
    ],
)
def test_it_counts_from_its_sending_until_it_is_known_not_to_have_gone(moves, expected) -> None:
    rows = [move(kind, hours, settled_as=(*more, None)[0]) for kind, hours, *more in moves]
    assert known(*rows) == pytest.approx(expected)


def test_a_failure_ends_it_unless_it_came_late() -> None:
    gone = [move("sending", 9, state="failed"), move("failed", 8, state="failed")]
    assert known(*gone) == []
    late = [move("sending", 9, state="sent"), move("failed", 8, state="sent")]
    assert known(*late) == [9]


def test_of_one_instant_the_order_of_ids_decides() -> None:
    first = move("sending", 0, id=UUID(int=1999))
    assert known(first) == [0]
    assert known(first | {"id": UUID(int=2001)}) == []


def test_its_own_earlier_attempts_are_no_contact() -> None:
    assert known(move("sending", 9, notice_id=MINE)) == []


def test_whose_and_where() -> None:
    """Of the debtor all, of the value all that went there, whoever's it is."""
    rows = [
        move("sending", 5),
        move(
            "sending",
            4,
            notice_id=UUID(int=103),
            channel="email",
            contact_point_id=MAILBOX,
            value_hash=b"mailbox",
        ),
        move("sending", 3, notice_id=UUID(int=104), debtor_id=OTHER, contact_point_id=UUID(int=13)),
        move("sending", 2, notice_id=UUID(int=105), debtor_id=OTHER, value_hash=b"theirs"),
    ]
    contacts = Contacts([*rows, sending()])  # type: ignore[list-item]
    own, here = contacts.known_to(sending())
    assert [(each.at, each.channel, each.purpose) for each in own] == [
        (AT - 5 * HOUR, Channel.SMS, Purpose.OVERDUE_NOTICE),
        (AT - 4 * HOUR, Channel.EMAIL, Purpose.OVERDUE_NOTICE),
    ]
    assert [each.at for each in here] == [AT - 5 * HOUR, AT - 3 * HOUR]
