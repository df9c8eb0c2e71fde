"""What Twilio's words and codes mean: status words, error codes, HTTP answers."""

from collections.abc import Mapping
from datetime import timedelta

import orjson

from outreach.channels.base import (
    Accepted,
    Outcome,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.domain.states import Delivery, FailureClass

STATUSES: dict[str, Delivery] = {
    "accepted": Delivery.ACCEPTED,
    "scheduled": Delivery.ACCEPTED,
    "queued": Delivery.ACCEPTED,
    "sending": Delivery.ACCEPTED,
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "partially_delivered": Delivery.PARTIAL,
    "read": Delivery.READ,
    "undelivered": Delivery.UNDELIVERED,
    "failed": Delivery.UNDELIVERED,
    "canceled": Delivery.UNDELIVERED,
}

FAILURES: dict[str, FailureClass] = {
    "20003": FailureClass.ACCOUNT,  # authentication
    "20404": FailureClass.ACCOUNT,  # no such account
    "21211": FailureClass.HARD,  # invalid number
    "21217": FailureClass.HARD,
    "21614": FailureClass.HARD,  # not a mobile number
    "21635": FailureClass.HARD,  # a landline
    "21408": FailureClass.ACCOUNT,  # region not enabled
    "21606": FailureClass.REJECTED,  # sender cannot reach this number
    "21610": FailureClass.OPTED_OUT,
    "21612": FailureClass.REJECTED,  # no route
    "21617": FailureClass.REJECTED,  # body too long
    "21659": FailureClass.REJECTED,
    "21611": FailureClass.SOFT,  # the sender's queue is full
    "30001": FailureClass.SOFT,
    "30002": FailureClass.ACCOUNT,  # account suspended
    "30003": FailureClass.SOFT,  # handset unreachable
    "30004": FailureClass.REJECTED,  # blocked by the owner or the operator: perhaps an objection
    "30005": FailureClass.HARD,  # unknown number
    "30006": FailureClass.HARD,  # landline
    "30007": FailureClass.REJECTED,  # filtered
    "30008": FailureClass.SOFT,  # unknown
    "30036": FailureClass.SOFT,  # validity period over
    "30410": FailureClass.SOFT,  # the operator timed out
    "63014": FailureClass.OPTED_OUT,  # blocked by the user
}

SLOWER = frozenset({"20429", "21611", "30001"})
"""Codes that say "not now, more slowly"; the request was not processed."""


def outcome_of(status: int, text: str, headers: Mapping[str, str]) -> Outcome:
    """Turn the answer to "create message" into an outcome; never raises."""
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if 200 <= status < 300 and isinstance(answer.get("sid"), str):
        evidence = {k: v for k, v in answer.items() if k not in ("body", "to")}
        raw = orjson.dumps(evidence, option=orjson.OPT_SORT_KEYS).decode()
        return Accepted((answer["sid"],), parts_of(answer.get("num_segments")), raw)
    if 400 <= status < 500:
        return _refusal(status, str(answer.get("code") or f"http-{status}"), headers)
    return OutcomeUnknown(f"http-{status}")


def _refusal(status: int, code: str, headers: Mapping[str, str]) -> Outcome:
    if status == 429 or code in SLOWER:
        wait = headers.get("Retry-After", "")
        after = timedelta(seconds=int(wait)) if wait.isascii() and wait.isdigit() else None
        return TemporaryFailure(code, after, throttled=True)
    if status == 408:  # the server gave up waiting; what it did with the part it had is unknown
        return OutcomeUnknown(code)
    if status in (401, 403, 404) and code not in FAILURES:
        return PermanentFailure(FailureClass.ACCOUNT, code)
    return PermanentFailure(FAILURES.get(code, FailureClass.REJECTED), code)


def parts_of(segments: object) -> int:
    """``num_segments``: 0 at first with a messaging service."""
    try:
        return max(int(str(segments)), 1)
    except ValueError:
        return 1
