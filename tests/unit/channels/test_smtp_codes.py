import pytest

from outreach.channels.smtp_codes import ENHANCED, Meaning, enhanced_code, meaning, slower
from outreach.domain.states import FailureClass

HARD, SOFT = FailureClass.HARD, FailureClass.SOFT
REJECTED, ACCOUNT = FailureClass.REJECTED, FailureClass.ACCOUNT


@pytest.mark.parametrize(
    ("code", "text", "failure", "shown"),
    [
        (550, "5.1.1 no such user", HARD, "5.1.1"),
        (550, "host mx.b.test[192.0.2.1] said: 550 5.1.1 unknown", HARD, "5.1.1"),
        (554, "5.0.0 after: 550 5.1.10 null MX", HARD, "5.1.10"),
        (552, "5.2.2 mailbox full", SOFT, "5.2.2"),
        (550, "5.2.1 disabled", SOFT, "5.2.1"),
        (552, "5.3.4 too big", REJECTED, "5.3.4"),
        (554, "5.6.0 bad content", REJECTED, "5.6.0"),
        (550, "5.7.26 not authenticated", REJECTED, "5.7.26"),
        (530, "5.7.0 authentication required", ACCOUNT, "5.7.0"),
        (535, "authentication failed", ACCOUNT, "535"),
        (552, "storage exceeded", SOFT, "552"),
        (550, "User unknown", HARD, "550"),
        (550, "mailbox is full", SOFT, "550"),
        (550, "用户不存在", HARD, "550"),
        (550, "no", REJECTED, "550"),
        (0, "4.4.7 expired", SOFT, "4.4.7"),
    ],
)
def test_refusals(code: int, text: str, failure: FailureClass, shown: str) -> None:
    assert meaning(code, text) == Meaning(failure, shown)


@pytest.mark.parametrize("code", ENHANCED)
def test_every_enhanced_code_is_preferred_to_its_basic_one(code: str) -> None:
    assert meaning(554, f"{code} whatever").failure is ENHANCED[code]


@pytest.mark.parametrize("text", ["from 5.1.1.2", "version 15.1.1", "", "see 5.1"])
def test_what_is_no_code(text: str) -> None:
    assert enhanced_code(text) == ""


@pytest.mark.parametrize(
    ("code", "text", "asks"),
    [
        (421, "4.7.0 come back later", True),
        (454, "Throttling failure: Maximum sending rate exceeded.", True),
        (450, "4.2.1 The user you are trying to contact is receiving mail too quickly", False),
        (451, "4.7.500 Server busy. Please try again later, rate limit", True),
        (452, "too many messages in this session", True),
        (450, "发送频率超过限制", True),
        (451, "4.7.1 Greylisted", False),
        (550, "5.7.1 rate limited for ever", False),
    ],
)
def test_what_asks_us_to_slow_down(code: int, text: str, asks: bool) -> None:
    assert slower(code, text) is asks
