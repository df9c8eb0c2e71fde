"""DKIM: what we sign verifies by another's code, and nothing that was changed does."""

import base64
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.dkim_signer import signer
from outreach.channels.mime import Mail, write
from outreach.domain.errors import ConfigurationError

KEY = rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


SIGN = signer("s1", "bank.test", pem(KEY), "mail")


def published(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001
    assert name == b"s1._domainkey.bank.test."
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def mail(
    subject: str = "账户提醒", text: str = "您好,请查看账户。", html: str | None = None
) -> bytes:
    return write(
        Mail(
            sender_name="示例银行",
            sender="notice@bank.test",
            to="person@debtor.test",
            reply_to="reply@bank.test",
            subject=subject,
            text=text,
            html=html,
            message_id="token@bounce.bank.test",
            at=datetime(2026, 11, 27, 9, tzinfo=UTC),
        )
    )


lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=120)


@given(subject=lines, text=lines, html=st.none() | lines)
def test_whatever_is_signed_verifies(subject: str, text: str, html: str | None) -> None:
    assert dkim.verify(SIGN(mail(subject, text, html)), dnsfunc=published)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"\r\nTo: <person@", b"\r\nTo: <another@"),
        (b"notice@bank.test", b"notice@bank2.test"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"\r\n\r\n", b"\r\n\r\nAAAA"),
    ],
)
def test_what_was_changed_does_not(was: bytes, now: bytes) -> None:
    signed = SIGN(mail())
    assert was in signed
    assert not dkim.verify(signed.replace(was, now, 1), dnsfunc=published)


def test_nobody_can_add_a_sender() -> None:
    assert not dkim.verify(b"From: <x@elsewhere.test>\r\n" + SIGN(mail()), dnsfunc=published)


def test_line_breaks_of_a_key_may_be_written_out() -> None:
    sign = signer("s1", "bank.test", pem(KEY).replace("\n", "\\n"), "mail")
    assert dkim.verify(sign(mail()), dnsfunc=published)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        pem(rsa.generate_private_key(65537, 1024)),
        pem(ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["empty", "broken", "short", "other"],
)
def test_what_is_no_key_is_refused_without_a_word_of_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="carrier mail: its DKIM key") as refused:
        signer("s1", "bank.test", key, "mail")
    assert not key or key[40:60] not in str(refused.value)
