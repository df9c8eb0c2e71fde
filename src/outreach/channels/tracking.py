"""Tracking of registered letters: item numbers (UPU S10) and pushes in the shape of Kuaidi100.

A push carries the whole history each time, newest first; it becomes one fact, of its newest state.
States map by code; words are read only for the reason of a return, who signed, and the one trap a
code hides: 退回妥投 is a delivery back to us.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import md5
from typing import Any
from urllib.parse import parse_qs

import orjson

from outreach.channels.base import DeliveryFact
from outreach.domain.errors import CallbackRejected
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass

BEIJING = timezone(timedelta(hours=8))
"""The zone of times that name none."""

_S10 = re.compile(r"[A-Z]{2}(\d{8})(\d)[A-Z]{2}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def s10_check_digit(serial: str) -> int:
    """The check digit of an 8-digit serial (UPU S10): weights 8 6 4 2 3 5 9 7, 11 - sum mod 11."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, _WEIGHTS, strict=True))
    return {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)


def plausible_mail_no(mail_no: str) -> bool:
    """Whether the check digit holds, where the number is shaped as S10; any other shape passes.

    Domestic numbers (13 digits, two letters and 11 digits) have no public check rule.
    """
    shaped = _S10.fullmatch(mail_no)
    return shaped is None or s10_check_digit(shaped[1]) == int(shaped[2])


@dataclass(frozen=True, slots=True)
class Step:
    delivery: Delivery
    event: EventKind | None = None
    signer: str = ""
    reason: str = ""


_ON_THE_WAY = Step(Delivery.SENT)
_RETURNED = Step(Delivery.UNDELIVERED, EventKind.RETURNED)
_REFUSED = Step(Delivery.UNDELIVERED, EventKind.RETURNED, reason="refused")
_CANCELLED = Step(Delivery.UNDELIVERED, reason="cancelled")


def _signed(signer: str) -> Step:
    return Step(Delivery.DELIVERED, EventKind.SIGNED_FOR, signer)


STATES: dict[str, Step] = {
    "0": _ON_THE_WAY,
    "1": _ON_THE_WAY,  # collected
    "2": _ON_THE_WAY,  # in difficulties
    "3": _signed(""),
    "4": _RETURNED,  # 退签
    "5": _ON_THE_WAY,  # out for delivery
    "6": _ON_THE_WAY,  # on its way back
    "7": _ON_THE_WAY,  # forwarded
    "8": _ON_THE_WAY,  # customs, with 10 to 13
    "10": _ON_THE_WAY,
    "11": _ON_THE_WAY,
    "12": _ON_THE_WAY,
    "13": _ON_THE_WAY,
    "14": _REFUSED,
    "101": Step(Delivery.ACCEPTED),
    "102": Step(Delivery.ACCEPTED),
    "103": _ON_THE_WAY,
    "201": _ON_THE_WAY,
    "202": _ON_THE_WAY,
    "203": _REFUSED,
    "204": _ON_THE_WAY,
    "205": _ON_THE_WAY,  # the locker's time is over
    "206": _ON_THE_WAY,  # nobody could be reached
    "207": _ON_THE_WAY,
    "208": _ON_THE_WAY,
    "209": _ON_THE_WAY,
    "210": _CANCELLED,
    "301": _signed("self"),
    "302": _signed(""),
    "303": _signed("other"),
    "304": _signed("locker"),  # weaker evidence than a person's hand
    "401": _CANCELLED,
    "501": _ON_THE_WAY,  # waiting in a locker is not yet received
    "1001": _ON_THE_WAY,
    "1002": _ON_THE_WAY,
    "1003": _ON_THE_WAY,
}

REASONS: dict[str, str] = {
    "查无此人": "unknown_person",
    "地址不详": "bad_address",
    "地址欠详": "bad_address",
    "迁移": "moved",
    "拒收": "refused",
    "逾期未领": "unclaimed",
    "无法联系": "unreachable",
    "死亡": "deceased",
}

FAILURES: dict[str, FailureClass] = {
    "unknown_person": FailureClass.HARD,
    "bad_address": FailureClass.HARD,
    "moved": FailureClass.HARD,
    "deceased": FailureClass.HARD,
    "refused": FailureClass.REJECTED,
    "cancelled": FailureClass.REJECTED,
}
"""What a reason says of the address; others (unclaimed, unreachable, none given) are soft."""

SIGNERS: dict[str, str] = {
    "本人": "self",
    "他人": "other",
    "代收": "other",
    "家人": "other",
    "同事": "other",
    "门卫": "other",
    "收发": "other",
    "物业": "other",
    "柜": "locker",
    "驿站": "locker",
}


def read_push(carrier: str, body: bytes) -> tuple[str, str]:
    """``(sign, param)`` of the form, both raw; raises ``CallbackRejected``."""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=20, errors="strict")
        return form["sign"][0], form["param"][0]
    except (ValueError, KeyError):
        raise CallbackRejected(
            f"carrier {carrier}: the push is not a form with sign and param"
        ) from None


def sign(param: str, salt: str) -> str:
    """MD5 of the raw text and the salt, in upper case, as the tracking service defines it."""
    return md5((param + salt).encode()).hexdigest().upper()


def signed_by(param: str, salt: str, signature: str) -> bool:
    return hmac.compare_digest(sign(param, salt).encode(), signature.upper().encode())


def fact(carrier: str, param: str) -> DeliveryFact:
    """The push's newest state; ``message_id`` and ``detail["mail_no"]`` are the item number."""
    push, result, history = _parts(carrier, param)
    mail_no = result["nu"]
    newest = history[0] if history else {}
    code = _known_code(newest, result)
    words = [str(entry.get("context", "")) for entry in history]
    step = STATES.get(code, Step(Delivery.NONE))
    if step.delivery is Delivery.DELIVERED and words and _delivered_back(words[0]):
        step = _RETURNED
    if push.get("status") == "abort" and not history:
        code = "abort"
    return _fact(mail_no, code, step, words, _at(newest))


def _fact(
    mail_no: str, code: str, step: Step, words: list[str], at: datetime | None
) -> DeliveryFact:
    detail = {"mail_no": mail_no, "state": code}
    failure = None
    if step.delivery is Delivery.DELIVERED:
        detail["signer"] = step.signer or _first_of(SIGNERS, words[:1]) or "unknown"
    if step.delivery is Delivery.UNDELIVERED:
        code = step.reason or _first_of(REASONS, words) or "returned"
        failure = FAILURES.get(code, FailureClass.SOFT)
        detail["reason"] = code
    return DeliveryFact(
        message_id=mail_no,
        token=None,
        delivery=step.delivery,
        at=at,
        code=code,
        failure=failure,
        event=step.event,
        detail=detail,
    )


def _parts(carrier: str, param: str) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    try:
        push = orjson.loads(param)
        result = push["lastResult"]
        history = [entry for entry in result.get("data") or [] if isinstance(entry, dict)]
        if not isinstance(result["nu"], str) or not 0 < len(result["nu"]) <= 64:
            raise ValueError("nu")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CallbackRejected(
            f"carrier {carrier}: the push has no lastResult with an item number"
        ) from None
    return push, result, history


def _known_code(newest: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The newest entry's fine code where we know it, else the push's state."""
    fine = str(newest.get("statusCode", ""))
    return fine if fine in STATES else str(result.get("state", ""))[:16]


def _delivered_back(words: str) -> bool:
    return "退回" in words and ("妥投" in words or "签收" in words)


def _first_of(table: Mapping[str, str], words: list[str]) -> str:
    return next((v for text in words for k, v in table.items() if k in text), "")


def _at(entry: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(entry.get("ftime") or entry.get("time") or ""))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=BEIJING)
