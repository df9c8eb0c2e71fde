"""Mail meant to hurt, or hurt on its way: bounded time and memory, nobody wrongly silenced."""

import time
import tracemalloc
from collections.abc import Sequence

import pytest
from carrier_rigs import TOKEN, TOKENS

from outreach.channels.base import Callback, DeliveryFact, Fact, Inbound
from outreach.channels.returns import Returns
from outreach.domain.errors import CallbackRejected
from outreach.domain.states import Delivery, FailureClass
from outreach.mailbox import KEPT, cut

SECONDS = 5.0
OCTETS = 64 << 20
STRANGER = "From: <stranger@elsewhere.test>\r\nMessage-ID: <1@elsewhere.test>\r\n"
DAEMON = "From: Mail Delivery Subsystem <MAILER-DAEMON@elsewhere.test>\r\n"


RETURNS = Returns("mail", "bounce.bank.test", "reply@bank.test", TOKENS)


def bounces() -> str:
    return f"bounces+{TOKEN}@bounce.bank.test"


def read(mail: bytes, to: str = "reply@bank.test") -> Sequence[Fact]:
    """What a mail says, as the door would take it: within bounds, or refused."""
    headers = {"x-envelope-from": "stranger@elsewhere.test", "x-envelope-to": to}
    callback = Callback(RETURNS.name, "mailbox", "smtp:mailbox", headers, cut(mail))
    tracemalloc.start()
    began = time.monotonic()
    try:
        RETURNS.verify(callback)
        return RETURNS.parse(callback)
    finally:
        assert time.monotonic() - began < SECONDS
        assert tracemalloc.get_traced_memory()[1] < OCTETS
        tracemalloc.stop()


def nested(depth: int, inside: str = "text/plain", body: str = "退订") -> bytes:
    head = f"{STRANGER}MIME-Version: 1.0\r\n"
    for level in range(depth):
        head += f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n'
    return f"{head}Content-Type: {inside}; charset=utf-8\r\n\r\n{body}\r\n".encode()


@pytest.mark.parametrize("depth", [5, 60])
def test_parts_within_parts_are_read_while_there_are_few(depth: int) -> None:
    (fact,) = read(nested(depth))
    assert isinstance(fact, Inbound)
    assert fact.text == "退订"


def test_a_bomb_of_parts_is_somebodys_mail_without_words() -> None:
    (fact,) = read(nested(20_000))
    assert isinstance(fact, Inbound)
    assert (fact.sender, fact.text) == ("stranger@elsewhere.test", "")


def test_many_lines_for_many_open_parts() -> None:
    mail = nested(60) + b"-\r\n" * 300_000
    (fact,) = read(mail)
    assert isinstance(fact, Inbound)


@pytest.mark.parametrize(
    "body",
    [
        "x" * (20 << 20),
        "\r\n" * (10 << 20),
        "<div>" * 4_000_000,
        "<" * 2_000_000,
        "&#" * 2_000_000,
        "On " + "x " * 5_000_000 + " wrote:",
        "在" * 2_000_000,
    ],
    ids=["one line", "empty lines", "tags", "open", "entities", "quotes", "characters"],
)
@pytest.mark.parametrize("to", ["reply", "bounces"])
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_twenty_megabytes(kind: str, to: str, body: str) -> None:
    mail = f"{STRANGER}Content-Type: {kind}; charset=utf-8\r\n\r\n{body}".encode()
    (fact,) = read(mail, bounces() if to == "bounces" else "reply@bank.test")
    assert isinstance(fact, Inbound)
    assert len(fact.text) <= 10_000


def test_a_reply_before_a_large_picture_is_heard() -> None:
    mail = (
        f'{STRANGER}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\n已还款,见附件\r\n--b\r\n"
        "Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + "QUJD" * (6 << 20)
        + "\r\n--b--\r\n"
    ).encode()
    assert len(cut(mail)) <= KEPT
    (fact,) = read(mail)
    assert isinstance(fact, Inbound)
    assert fact.text == "已还款,见附件"


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-8", "gb18030"),
        ("us-ascii", "gb18030"),
        ("gb2312", "gb18030"),
        ("gb2312", "utf-8"),
        ("big5", "big5hkscs"),
        ("no-such", "gb18030"),
        ("iso-8859-15x", "utf-8"),
    ],
)
def test_a_charset_that_is_not_what_it_says(declared: str, written: str) -> None:
    words = "唔好再發喇" if written == "big5hkscs" else "别再发了，金额不对"
    mail = f"{STRANGER}Content-Type: text/plain; charset={declared}\r\n\r\n".encode()
    (fact,) = read(mail + words.encode(written))
    assert isinstance(fact, Inbound)
    assert fact.text == words


def test_a_forged_answer_answers_nothing() -> None:
    forged = f"{TOKEN[:-1]}{'0' if TOKEN[-1] != '0' else '1'}"
    mail = f"{STRANGER}In-Reply-To: <{forged}@bounce.bank.test>\r\n\r\n退订\r\n".encode()
    (fact,) = read(mail)
    assert isinstance(fact, Inbound)
    assert (fact.token, fact.in_reply_to) == (None, ())


# --------------------------------------------------------------------------------------- bounces


def report(status: str, message_id: str, action: str = "failed") -> str:
    return (
        f'{DAEMON}Content-Type: multipart/report; report-type=delivery-status; boundary="r"\r\n\r\n'
        "--r\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--r\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        f"Final-Recipient: rfc822; a@debtor.test\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        "--r\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: <{message_id}>\r\n\r\n--r--\r\n"
    )


def test_a_bounce_of_a_mail_we_never_sent_is_refused() -> None:
    mail = report("5.1.1", "somebody@elsewhere.test").encode()
    with pytest.raises(CallbackRejected, match="never sent"):
        read(mail, "bounces+nonsense@bounce.bank.test")


def test_a_bounce_within_a_bounce_is_one() -> None:
    """A report about a report is of nobody's mail of ours but the one it came back for."""
    inner = report("5.1.1", f"{TOKEN}@bounce.bank.test")
    mail = (
        f'{DAEMON}Content-Type: multipart/report; report-type=delivery-status; boundary="o"\r\n\r\n'
        "--o\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        "Final-Recipient: rfc822; b@debtor.test\r\nAction: delayed\r\nStatus: 4.2.2\r\n\r\n"
        f"--o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o--\r\n"
    ).encode()
    facts = read(mail, bounces())
    assert [fact.delivery for fact in facts if isinstance(fact, DeliveryFact)] == [
        Delivery.DEFERRED
    ]


QMAIL = (
    f"{DAEMON}Subject: failure notice\r\n\r\n"
    "Hi. This is the qmail-send program at mx.test.\r\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
    "<a@debtor.test>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
    "--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <x@bank.test>\r\n"
)


def test_a_bounce_in_words_alone_is_soft_and_a_persons() -> None:
    (fact,) = read(QMAIL.encode(), bounces())
    assert isinstance(fact, DeliveryFact)
    assert (fact.delivery, fact.failure, fact.asks) == (
        Delivery.UNDELIVERED,
        FailureClass.SOFT,
        True,
    )
    assert fact.token == TOKEN


def test_a_machine_nobody_understands_is_a_persons() -> None:
    (fact,) = read(f"{DAEMON}\r\n您的邮件有问题\r\n".encode(), bounces())
    assert isinstance(fact, DeliveryFact)
    assert (fact.delivery, fact.failure, fact.asks) == (Delivery.NONE, None, True)


def test_a_person_who_answers_to_where_it_came_from_is_heard() -> None:
    (fact,) = read(f"{STRANGER}\r\n下周五还\r\n".encode(), bounces())
    assert isinstance(fact, Inbound)
    assert (fact.text, fact.token, fact.automatic) == ("下周五还", TOKEN, False)


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"],
)
@pytest.mark.parametrize("to", ["reply@bank.test", None], ids=["reply", "bounces"])
def test_absence_notes_say_nothing(header: str, to: str | None) -> None:
    facts = read(f"{STRANGER}{header}\r\n\r\n我在休假,退订\r\n".encode(), to or bounces())
    assert all(isinstance(fact, Inbound) and fact.automatic for fact in facts)


def test_an_internationalized_report_is_read_like_any() -> None:
    """RFC 6533, as Postfix writes it of a mailbox like 张三@debtor.test."""
    mail = (
        f'{DAEMON}Content-Type: multipart/report; report-type=delivery-status; boundary="r"\r\n\r\n'
        "--r\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSorry.\r\n--r\r\n"
        "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        "Reporting-MTA: dns; mx.test\r\nX-Queue: 1\r\n\r\n"
        "Final-Recipient: utf-8; 张三@debtor.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n\r\n"
        "--r\r\nContent-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"Message-ID: <{TOKEN}@bounce.bank.test>\r\nTo: <张三@debtor.test>\r\n\r\n--r--\r\n"
    ).encode()
    (fact,) = read(mail, bounces())
    assert isinstance(fact, DeliveryFact)
    assert (fact.delivery, fact.failure, fact.code, fact.token) == (
        Delivery.UNDELIVERED,
        FailureClass.HARD,
        "5.1.1",
        TOKEN,
    )
