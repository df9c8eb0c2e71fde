import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.tracking import (
    FAILURES,
    REASONS,
    plausible_mail_no,
    s10_check_digit,
    sign,
    signed_by,
)


@pytest.mark.parametrize(("serial", "digit"), [("47312482", 9), ("12345678", 5)])
def test_published_check_digits(serial: str, digit: int) -> None:
    assert s10_check_digit(serial) == digit


@given(st.from_regex(r"[0-9]{8}", fullmatch=True), st.integers(1, 9))
def test_one_wrong_digit_shows(serial: str, more: int) -> None:
    good = f"RR{serial}{s10_check_digit(serial)}CN"
    wrong = f"RR{serial}{(s10_check_digit(serial) + more) % 10}CN"
    assert plausible_mail_no(good)
    assert not plausible_mail_no(wrong)


@pytest.mark.parametrize("number", ["1136281381675", "XA12345678944", "SF-9", "RR473124829C", ""])
def test_other_shapes_have_no_rule(number: str) -> None:
    assert plausible_mail_no(number)


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_a_signature_holds_in_either_case(param: str, salt: str) -> None:
    assert signed_by(param, salt, sign(param, salt).lower())
    assert not signed_by(param + " ", salt, sign(param, salt))


def test_the_signature_as_the_service_defines_it() -> None:
    # printf '%s' '{"a":"中"}salt' | md5sum
    assert sign('{"a":"中"}', "salt") == "FD4C57C4682284788C7647F4E5427DF4"


def test_reasons_that_fail_are_reasons_that_exist() -> None:
    assert set(FAILURES) - set(REASONS.values()) == {"cancelled"}
