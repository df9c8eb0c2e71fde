"""Mail that comes back to us, as facts: whose it is, and what it says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message as ParsedMail
from urllib.parse import urlsplit

from outreach.channels import inbox
from outreach.channels.base import Callback, DeliveryFact, Fact, Inbound
from outreach.channels.token import Tokens
from outreach.domain.errors import CallbackRejected
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass

BOUNCES = "bounces+"
"""Local part of our envelope senders, before the token."""


_UNREADABLE = (
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError),
)
"""What the standard library's parser lets through for damaged mail."""


@dataclass(frozen=True, slots=True)
class Returns:
    """The mailboxes of one email carrier: ``bounces+<token>@domain`` and ``reply_to``.

    ``domain`` and ``reply_to`` are in lower case.
    """

    name: str
    domain: str
    reply_to: str
    tokens: Tokens

    def verify(self, callback: Callback) -> None:
        """Mail is not signed: a bounce must bring back one of our tokens, whole."""
        if callback.path != "mailbox" or urlsplit(callback.url).scheme != "smtp":
            raise CallbackRejected(
                f"carrier {self.name}: mail comes in by SMTP only", "check the mail door"
            )
        recipient = callback.headers.get("x-envelope-to", "").lower()
        if recipient == self.reply_to:
            return
        if not recipient.startswith(BOUNCES) or not recipient.endswith(f"@{self.domain}"):
            raise CallbackRejected(f"carrier {self.name}: no such mailbox")
        if self._verp_token(callback) or any(fact.token for fact in self.parse(callback)):
            return
        raise CallbackRejected(f"carrier {self.name}: a bounce of a mail we never sent")

    def parse(self, callback: Callback) -> Sequence[Fact]:
        try:
            mail = inbox.parse_mail(callback.body)
            found = inbox.reports(mail)
            if found:
                return [self._fact(report, callback, mail) for report in found]
            if bounced := self._verp_token(callback):
                return self._to_the_envelope_sender(bounced, callback, mail)
            return [self._inbound(callback, mail)]
        except _UNREADABLE:
            raise CallbackRejected(f"carrier {self.name}: the mail cannot be read") from None

    def _fact(self, report: inbox.Report, callback: Callback, mail: ParsedMail) -> DeliveryFact:
        token = self._verp_token(callback) or next(iter(self._own(report.ids)), None)
        return DeliveryFact(
            message_id=f"{token}@{self.domain}" if token else None,
            token=token,
            delivery=report.delivery,
            at=inbox.sent_at(mail),
            code=report.code,
            failure=report.failure,
            event=EventKind.COMPLAINED if report.complained else None,
        )

    def _to_the_envelope_sender(
        self, token: str, callback: Callback, mail: ParsedMail
    ) -> list[Fact]:
        """What came to where only reports go, and is none: read by its words, and by a person.

        Whatever such a bounce says, the address is taken to live: to silence a living one is worse
        than to write once more to a dead one.
        """
        refused = inbox.refused_by_words(callback.body)
        if not refused and inbox.is_automatic(mail):
            return []  # an absence note
        if not refused and not inbox.from_a_machine(mail):
            return [self._inbound(callback, mail)]  # a person who answered to where it came from
        return [
            DeliveryFact(
                message_id=f"{token}@{self.domain}",
                token=token,
                delivery=Delivery.UNDELIVERED if refused else Delivery.NONE,
                at=inbox.sent_at(mail),
                code="by-words",
                failure=FailureClass.SOFT if refused else None,
                asks=True,
            )
        ]

    def _inbound(self, callback: Callback, mail: ParsedMail) -> Inbound:
        answered = self._own(inbox.references(mail))
        bounced = self._verp_token(callback)
        return Inbound(
            sender=inbox.sender(mail) or callback.headers.get("x-envelope-from", ""),
            recipient=callback.headers.get("x-envelope-to", ""),
            text=inbox.reply_text(mail),
            at=inbox.sent_at(mail),
            message_id=inbox.message_id(mail),
            token=bounced or next(iter(answered), None),
            in_reply_to=answered,
            automatic=inbox.is_automatic(mail) or inbox.from_a_machine(mail),
        )

    def _verp_token(self, callback: Callback) -> str | None:
        local = callback.headers.get("x-envelope-to", "").lower().partition("@")[0]
        return next(iter(self._own([local.removeprefix(BOUNCES)])), None)

    def _own(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Those of ``ids`` (tokens or message ids) that we minted, as tokens."""
        tokens = (one.lower().partition("@")[0] for one in ids)
        return tuple(dict.fromkeys(t for t in tokens if self.tokens.read(t)))
