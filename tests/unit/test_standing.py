"""What a standing must be shown by, and how long it may last."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from outreach.domain.codes import code
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.standing import (
    LISTS,
    OF_AN_ACCOUNT,
    OF_THE_PERSON,
    About,
    Body,
    Stated,
    answer_days,
    refusal,
)

TODAY = date(2026, 11, 26)
MAINLAND, TAIWAN, HONG_KONG = Jurisdiction.MAINLAND, Jurisdiction.TAIWAN, Jurisdiction.HONG_KONG

_MORE: dict[Standing, dict[str, object]] = {
    Standing.COMPLAINT: {"body": Body.BRANCH},
    Standing.PLAN: {"until": date(2027, 11, 26)},
    Standing.MINOR: {"until": date(2027, 1, 1)},
    Standing.PRESERVATION: {"until": TODAY + timedelta(days=60)},
    Standing.AGREED_HOURS: {
        "channels": (Channel.SMS,),
        "opens": time(19),
        "closes": time(21, 30),
    },
}


def stated(kind: Standing, **more: object) -> Stated:
    """What is enough for each kind."""
    usual: dict[str, object] = {
        "reason": "case-1",
        "evidence": None if kind in LISTS else "doc-1",
        "reference": "no-1",
        "account_only": kind in OF_AN_ACCOUNT,
    }
    return Stated(kind, **{**usual, **_MORE.get(kind, {}), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(Standing))
@pytest.mark.parametrize("place", list(Jurisdiction))
def test_enough_is_enough(kind: Standing, place: Jurisdiction) -> None:
    assert refusal(stated(kind), TODAY, place) is None


@pytest.mark.parametrize(
    ("kind", "more", "field", "says"),
    [
        (Standing.DISPUTE, {"evidence": None}, "evidence", "what shows it"),
        (Standing.DECEASED, {"until": date(2027, 1, 1)}, "until", "nobody is dead until"),
        (Standing.PLAN, {"until": None}, "until", "ends by itself"),
        (Standing.PLAN, {"until": date(2031, 11, 28)}, "until", "60 months"),
        (Standing.PRESERVATION, {"until": date(2027, 3, 27)}, "until", "120 days"),
        (Standing.VIP, {"until": TODAY - timedelta(days=1)}, "until", "is past"),
        (
            Standing.VIP,
            {"since": date(2026, 5, 1), "until": date(2026, 4, 1)},
            "until",
            "before its beginning",
        ),
        (Standing.VIP, {"since": TODAY + timedelta(days=1)}, "since", "lies ahead"),
        (Standing.BANKRUPTCY, {"reference": None}, "reference", "which case"),
        (Standing.COMPLAINT, {"body": None}, "body", "where did"),
        (
            Standing.COMPLAINT,
            {"body": Body.HOTLINE_12378, "reference": None},
            "reference",
            "12378 numbers complaints",
        ),
        (Standing.COMPLAINT, {"answer_by": date(2027, 1, 26)}, "answer_by", "more than 60 days"),
        (Standing.COMPLAINT, {"answer_by": date(2026, 11, 25)}, "answer_by", "before its"),
        (Standing.VIP, {"answer_by": TODAY}, "answer_by", "vip has none"),
        (Standing.VIP, {"body": Body.BRANCH}, "body", "vip has none"),
        (Standing.DISPUTE, {"complex": True}, "complex", "only complaint"),
        (Standing.COMPLAINT, {"about": About.FRAUD}, "about", "only dispute"),
        (Standing.DISPUTE, {"opens": time(9)}, "opens", "only agreed_hours"),
        (Standing.AGREED_HOURS, {"channels": ()}, "channels", "which channels"),
        (
            Standing.AGREED_HOURS,
            {"channels": (Channel.EMAIL, Channel.LETTER)},
            "channels",
            "a letter has no hours",
        ),
        (Standing.HARDSHIP, {"since": TODAY - timedelta(days=31)}, "since", "after 30 days"),
        (Standing.PROMISE, {"since": TODAY - timedelta(days=15)}, "since", "after 14 days"),
        (Standing.AGREED_HOURS, {"opens": None}, "opens", "empty"),
        (Standing.AGREED_HOURS, {"closes": None}, "closes", "empty"),
        (Standing.AGREED_HOURS, {"closes": time(19)}, "closes", "never open"),
        (Standing.AGREED_HOURS, {"closes": time(8)}, "closes", "never open"),
        (Standing.ASSIGNED, {"account_only": False}, "account_only", "one account"),
        (Standing.DECEASED, {"account_only": True}, "account_only", "whole person"),
    ],
)
def test_what_cannot_be(kind: Standing, more: dict[str, object], field: str, says: str) -> None:
    found = refusal(stated(kind, **more), TODAY, MAINLAND)
    assert found is not None
    assert (found.field, says in found.reason) == (field, True), found.reason
    assert found.remedy


def test_the_last_day_that_is_allowed() -> None:
    for last in (
        stated(Standing.PLAN, until=date(2031, 11, 26)),  # 60 months to the day
        stated(Standing.VIP, until=TODAY),
        stated(Standing.HARDSHIP, since=TODAY - timedelta(days=30)),
        stated(Standing.HARDSHIP, since=TODAY - timedelta(days=90), until=TODAY),
        stated(Standing.COMPLAINT, answer_by=TODAY + timedelta(days=60)),
    ):
        assert refusal(last, TODAY, MAINLAND) is None
    late = stated(Standing.COMPLAINT, answer_by=TODAY + timedelta(days=61))
    assert refusal(late, TODAY, MAINLAND)
    assert refusal(late, TODAY, HONG_KONG) is None, "whose code counts no days"
    assert refusal(replace(late, since=TODAY), TODAY, MAINLAND)


def test_no_kind_is_of_both() -> None:
    assert not OF_THE_PERSON & OF_AN_ACCOUNT


@pytest.mark.parametrize(
    ("kind", "place", "detail", "days"),
    [
        (Standing.COMPLAINT, MAINLAND, {}, 15),
        (Standing.COMPLAINT, MAINLAND, {"handling": "complex"}, 30),
        (Standing.COMPLAINT, TAIWAN, {}, 30),
        (Standing.COMPLAINT, TAIWAN, {"handling": "complex"}, 30),
        (Standing.COMPLAINT, HONG_KONG, {}, None),
        (Standing.DISPUTE, MAINLAND, {"about": "credit_data"}, 20),
        (Standing.DISPUTE, MAINLAND, {"about": "amount"}, None),
        (Standing.DISPUTE, MAINLAND, {}, None),
        (Standing.DISPUTE, TAIWAN, {"about": "credit_data"}, None),
        (Standing.PLAN, MAINLAND, {}, None),
    ],
)
def test_clocks(
    kind: Standing, place: Jurisdiction, detail: dict[str, object], days: int | None
) -> None:
    assert answer_days(kind, place, detail) == days


def test_detail_holds_texts_only() -> None:
    assert stated(Standing.AGREED_HOURS).detail == {
        "channels": ["sms"],
        "opens": "19:00",
        "closes": "21:30",
    }
    assert stated(Standing.COMPLAINT, complex=True).detail == {
        "body": "branch",
        "handling": "complex",
    }
    assert stated(Standing.VIP).detail == {}


@pytest.mark.parametrize(
    "text",
    [
        "（2026）粤0304民初1234号",
        "12378-20261126-000123",
        "ab" * 32,
        "工单 88",
        "EMS 1234567890123",
    ],
)
def test_a_code_is_taken(text: str) -> None:
    assert code(f" {text} ") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "来电 15400000001",
        "+8615400000001",
        "86 15400000001",
        "somebody@debtor.test",
        "证件 110101197001010014",
        "a\nb",
        "x" * 121,
    ],
)
def test_what_names_a_person_is_no_code(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|empty|in the clear"):
        code(text)
