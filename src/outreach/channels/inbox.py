"""Reads mail that came back: bounces (RFC 3464), complaints (RFC 5965), read receipts, replies.

Nothing here raises for a broken mail: what cannot be read as a report is read as a reply.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from flufl.bounce import all_failures

from outreach.channels.smtp_codes import enhanced_code, meaning
from outreach.domain.states import Delivery, FailureClass

ACTIONS: dict[str, Delivery] = {
    "failed": Delivery.UNDELIVERED,
    "delayed": Delivery.DEFERRED,
    "delivered": Delivery.DELIVERED,
    "relayed": Delivery.SENT,  # the next hop sends no reports
    "expanded": Delivery.SENT,
}

_TEXT_LIMIT = 10_000  # characters of a reply that are kept
_MOST_ASKED = 500_000  # ends of parts times lines; a megabyte of attachments makes 50,000
_WORDS_LIMIT, _WORDS_LINES = 32 << 10, 600
"""Octets and lines that are read of a bounce in words alone."""
_HALF_CHARSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}
"""What is written under a name is often of the larger set."""
_LIKELY_CHARSETS = ("utf-8", "gb18030", "big5hkscs")

_QUOTE = re.compile(
    r"^\s*(>|On .{4,200}(wrote:|<[^>]+@[^>]+>\s*$)|在.{2,200}写道[:：]"
    r"|-{2,}\s*(Original Message|原始邮件|回复的邮件)|(发件人|寄件者|寄件人|From)\s*[:：].*@)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^\s*(发自我的|從我的|Sent from my |-- ?$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says of one recipient. ``ids`` are envelope and message ids, best first."""

    ids: tuple[str, ...]
    delivery: Delivery
    code: str
    failure: FailureClass | None
    complained: bool = False


def parse_mail(octets: bytes) -> Mail:
    """Any octets as a mail; one of many parts and lines is its headers alone.

    The parser asks each line for the end of every part that is open: many of both would keep it
    busy for minutes.
    """
    if octets.lower().count(b"boundary=") * octets.count(b"\n") > _MOST_ASKED:
        octets = octets.partition(b"\n\n" if b"\r\n\r\n" not in octets else b"\r\n\r\n")[0]
        mail = message_from_bytes(octets + b"\r\n\r\n")
        del mail["Content-Type"]
        return mail
    return message_from_bytes(octets)


def sent_at(mail: Mail) -> datetime | None:
    """The ``Date`` header, aware, in UTC; None where there is none worth reading."""
    try:
        at = parsedate_to_datetime(str(mail["Date"]))
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def sender(mail: Mail) -> str:
    return parseaddr(str(mail.get("From", "")))[1]


def message_id(mail: Mail) -> str | None:
    return _bare(str(mail.get("Message-ID", ""))) or None


def references(mail: Mail) -> tuple[str, ...]:
    """The message ids this mail answers, nearest first."""
    named = (
        f"{mail.get('In-Reply-To', '')} {' '.join(str(mail.get('References', '')).split()[::-1])}"
    )
    return tuple(dict.fromkeys(_bare(word) for word in named.split() if _bare(word)))


def is_automatic(mail: Mail) -> bool:
    """Written by a machine (RFC 3834): an absence note, a list, another report."""
    submitted = str(mail.get("Auto-Submitted", "no")).strip().lower()
    precedence = str(mail.get("Precedence", "")).strip().lower()
    return (
        not submitted.startswith("no")
        or precedence in {"bulk", "auto_reply", "junk", "list"}
        or any(name in mail for name in ("X-Autoreply", "X-Autorespond"))
    )


def reports(mail: Mail) -> list[Report]:
    """The reports in a ``multipart/report``; empty for any other mail."""
    if mail.get_content_type() != "multipart/report":
        return []
    ids = _returned_ids(mail)
    found: list[Report] = []
    for part in _parts(mail):  # not those of a report that is returned in it
        match part.get_content_type():
            case "message/delivery-status" | "message/global-delivery-status":
                found += _delivery_status(part, ids)
            case "message/feedback-report":
                found.append(Report(ids, Delivery.NONE, "feedback-report", None, complained=True))
            case "message/disposition-notification":
                found += _disposition(part, ids)
    return found


def _delivery_status(part: Mail, ids: tuple[str, ...]) -> Iterator[Report]:
    groups = _groups(part)
    envelope = tuple(
        str(group["Original-Envelope-Id"]).strip()
        for group in groups
        if "Original-Envelope-Id" in group
    )
    for group in groups:
        if "Action" in group:
            yield _recipient(group, envelope + ids)


def _groups(part: Mail) -> list[Mail]:
    """The groups of fields in a status; broken ones come as a string, and are none.

    Of an internationalized one (RFC 6533) the parser takes the first for a mail's headers, and the
    others for its body.
    """
    groups = _parts(part)
    if part.get_content_subtype() != "delivery-status" and len(groups) == 1:
        octets = groups[0].get_payload(decode=True)
        if isinstance(octets, bytes):
            blocks = octets.replace(b"\r\n", b"\n").split(b"\n\n")
            groups += [message_from_bytes(block) for block in blocks if block.strip()]
    return groups


def _recipient(group: Mail, ids: tuple[str, ...]) -> Report:
    action = str(group["Action"]).strip().lower()
    status = enhanced_code(str(group.get("Status", "")))
    delivery = ACTIONS.get(action, Delivery.NONE)
    if delivery is not Delivery.UNDELIVERED:
        return Report(ids, delivery, status or action, None)
    # the diagnostic of the host that refused says more than the reporter's own status
    said = meaning(0, f"{group.get('Diagnostic-Code', '')} {status}")
    return Report(ids, delivery, said.code if said.code != "0" else action, said.failure)


def _disposition(part: Mail, ids: tuple[str, ...]) -> Iterator[Report]:
    for group in _fields(part):
        if "displayed" in str(group.get("Disposition", "")).lower():
            original = _bare(str(group.get("Original-Message-ID", "")))
            yield Report((original, *ids) if original else ids, Delivery.READ, "displayed", None)


def _fields(part: Mail) -> list[Mail]:
    payload = part.get_payload()
    if isinstance(payload, list):
        return [group for group in payload if isinstance(group, Mail)]
    return [message_from_bytes(str(payload).encode(errors="replace"))]


def _returned_ids(mail: Mail) -> tuple[str, ...]:
    """Message ids of the returned mail or of its headers."""
    ids = []
    for part in _parts(mail):
        if part.get_content_type() in _RETURNED:
            ids += [_bare(str(group.get("Message-ID", ""))) for group in _fields(part)]
    return tuple(filter(None, ids))


_RETURNED = (
    *("text/rfc822-headers", "message/rfc822"),
    *("message/global-headers", "message/global"),  # RFC 6533
)


def _parts(mail: Mail) -> list[Mail]:
    """The parts of a mail, without theirs."""
    payload = mail.get_payload()
    return [part for part in payload if isinstance(part, Mail)] if isinstance(payload, list) else []


def refused_by_words(octets: bytes) -> bool:
    """Whether a bounce without a report says in words alone that it was refused for good.

    It says so in its beginning: each of two dozen ways is looked for in every line.
    """
    lines = octets[:_WORDS_LIMIT].splitlines(keepends=True)[:_WORDS_LINES]
    _, permanent = all_failures(parse_mail(b"".join(lines)))
    return bool(permanent)


def from_a_machine(mail: Mail) -> bool:
    """Whether it is a mail system's own word."""
    local = sender(mail).partition("@")[0].lower()
    return local in {"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon"}


def reply_text(mail: Mail) -> str:
    """What the writer wrote, from ``text/plain`` or else HTML, without quotes and signature."""
    plain = _first(mail, "text/plain")
    text = plain if plain is not None else _words_of(_first(mail, "text/html") or "")
    kept: list[str] = []
    for line in text[: 4 * _TEXT_LIMIT].splitlines():
        if _QUOTE.match(line):
            break
        if not _SIGNATURE.match(line):
            kept.append(line.rstrip())
    return "\n".join(kept).strip()[:_TEXT_LIMIT]


def _first(mail: Mail, kind: str) -> str | None:
    for part in mail.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            return _decoded(part)
    return None


def _decoded(part: Mail) -> str:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return ""
    declared = (part.get_content_charset() or "utf-8").lower()
    for charset in (_HALF_CHARSETS.get(declared, declared), *_LIKELY_CHARSETS):
        try:
            return octets.decode(charset)
        except (LookupError, ValueError):
            continue  # not what it says it is
    return octets.decode(errors="replace")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._skip += tag in ("style", "script", "blockquote")
        if tag in ("br", "p", "div", "tr", "li"):
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._skip and tag in ("style", "script", "blockquote"):
            self._skip -= 1

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words.append(data)


def _words_of(html: str) -> str:
    parser = _Words()
    parser.feed(html)
    parser.close()
    return "".join(parser.words)


def _bare(text: str) -> str:
    """A message id without its brackets; the first if there are several."""
    return text.strip().split(" ")[0].strip("<>\r\n\t ")
