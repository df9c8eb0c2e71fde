import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.mime import Mail, UnsafeHeader, write

_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80
)
_NAMES = _WORDS.map(lambda text: " ".join(text.split()))  # runs of blanks mean nothing in a name
_BODY = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=300)
NOW = datetime(2026, 11, 23, 1, 15, 30, tzinfo=UTC)


def _mail(
    subject: str = "账户提醒",
    name: str = "示例银行",
    text: str = "您好",
    html: str | None = None,
    to: str = "zhang@debtor.test",
) -> Mail:
    return Mail(
        sender_name=name,
        sender="notice@bank.test",
        to=to,
        reply_to="reply@bank.test",
        subject=subject,
        text=text,
        html=html,
        message_id="abc234@bounce.bank.test",
        at=NOW,
    )


def _read(octets: bytes) -> EmailMessage:
    parsed = message_from_bytes(octets, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def _sender(octets: bytes) -> tuple[str, str]:
    # not the modern policy: it puts a blank between adjacent encoded words of a name
    name, address = parseaddr(str(message_from_bytes(octets)["From"]))
    return str(make_header(decode_header(name))), address


@given(subject=_WORDS, name=_NAMES, text=_BODY, html=st.none() | _BODY)
def test_a_mail_reads_back_as_it_was_meant(
    subject: str, name: str, text: str, html: str | None
) -> None:
    octets = write(_mail(subject, name, text, html))
    parsed = _read(octets)
    assert parsed["Subject"] == subject
    assert _sender(octets) == (name, "notice@bank.test")
    assert parsed["To"].addresses[0].addr_spec == "zhang@debtor.test"
    assert parsed["Reply-To"].addresses[0].addr_spec == "reply@bank.test"
    assert parsed["Message-ID"] == "<abc234@bounce.bank.test>"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(parsed["Date"]) == NOW
    for kind, meant in (("plain", text), ("html", html)):
        part = parsed.get_body((kind,))
        if meant is None:
            assert part is None
        else:
            assert part is not None
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            assert content.decode() == re.sub("\r?\n", "\r\n", meant)


@given(subject=_WORDS, name=_WORDS, text=_BODY, html=st.none() | _BODY)
def test_every_line_may_stand_on_the_wire(
    subject: str, name: str, text: str, html: str | None
) -> None:
    octets = write(_mail(subject, name, text, html))
    assert octets.endswith(b"\r\n")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    for line in octets.split(b"\r\n"):
        assert len(line) <= 76 or b"=?" not in line
        assert len(line) < 998
        assert not line.startswith(b".")


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y.test", "a\nb", "a\x00", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize("field", ["subject", "name"])
def test_a_header_cannot_hold_another(field: str, bad: str) -> None:
    with pytest.raises(UnsafeHeader) as refusal:
        write(_mail(**{field: bad}))
    assert bad not in str(refusal.value)


def test_an_address_beyond_ascii_stands_as_it_is() -> None:
    mail = Mail(
        "", "notice@bank.test", "张三@debtor.test", "r@bank.test", "s", "t", None, "i@d", NOW
    )
    assert "To: <张三@debtor.test>".encode() in write(mail)
