"""What every carrier is: the protocol, the messages it takes, the outcomes and facts it answers.

Adapters are thin: no policy, no retry, no pace, no record-keeping, no database. Whatever a carrier
says is turned into this one vocabulary; an unknown word becomes a fact with ``Delivery.NONE`` and
its code kept, never an exception.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import UUID

from outreach.domain.contact import Address, Channel
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.states import Delivery, FailureClass


@frozen
class Message:
    """One rendered SMS or email on its way to a carrier.

    ``token`` names the notice and the attempt without revealing either; it travels with the
    message wherever the carrier allows, so that a receipt can precede our commit.
    """

    notice_id: UUID
    attempt: int
    token: str
    to: str
    sender_name: str
    text: str
    number: int = 0  # the notice's own, for where a token is too long
    subject: str = ""
    html: str | None = None
    valid_for: timedelta | None = None


@frozen
class Accepted:
    """The carrier took the message: one id per part where it gives several.

    Receipts come one per id; ``parts`` is how many short messages are billed and may be greater.
    ``raw`` is what it answered without number, address and text, kept as evidence.
    """

    message_ids: tuple[str, ...]
    parts: int = 1
    raw: str = ""


@dataclass(frozen=True, slots=True)
class TemporaryFailure:
    """Not taken, and safe to try again."""

    code: str
    retry_after: timedelta | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class PermanentFailure:
    """Not taken, and trying again would not help."""

    kind: FailureClass
    code: str


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """The request left and no answer came: never to be repeated blindly."""

    code: str


Outcome = Accepted | TemporaryFailure | PermanentFailure | OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Callback:
    """A carrier's later word exactly as it came in, before anybody believed it.

    ``url`` is the public URL it was sent to (from configuration, never from the Host header) and
    ``path`` what follows ``/callbacks/<carrier>/`` in it; ``headers`` have lower-case names.
    Bounce mail and mail-house files arrive in the same form, with ``path`` naming the mailbox or
    file and a ``url`` of scheme ``smtp:`` or ``file:``, which nothing that came by HTTP can have.
    """

    carrier: str
    path: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class FileRow:
    """Where in a file that speaks of several messages a fact stands: row ``number`` of ``rows``,
    the file's rows as they came, its head among them.
    """

    rows: Sequence[bytes] = field(repr=False)
    number: int


@dataclass(frozen=True, slots=True)
class DeliveryFact:
    """What a carrier says became of one message or one of its parts.

    Matched by ``token`` where it came back, else by ``(carrier, message_id)``; of a message whose
    id we never learned by ``tail``, the last digits of the number it came from, together with
    ``to``, the number it went to. ``event`` names a contact event for facts that are more than a
    delivery state (posted, printed, signed_for, returned); one that ``asks`` wants a person's eye;
    ``detail`` holds codes and tracking numbers, nothing personal. ``row`` is its place in a
    callback that speaks of others too; without it the whole callback speaks of this message.
    """

    message_id: str | None
    token: str | None
    delivery: Delivery
    at: datetime | None
    code: str = ""
    failure: FailureClass | None = None
    part: int = 0
    tail: str = ""
    to: str = field(default="", repr=False)
    event: EventKind | None = None
    asks: bool = False
    detail: Mapping[str, str] = field(default_factory=dict)
    row: FileRow | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a debtor: a reply, or a mail to the mailbox we read.

    Whose it is, is told by a ``token``, by ``tail`` together with the sender, or by the sender.
    """

    sender: str
    recipient: str
    text: str
    at: datetime | None
    message_id: str | None
    token: str | None = None
    in_reply_to: tuple[str, ...] = ()
    tail: str = ""  # what our number ended with: the last digits of the notice's own
    carrier_opt_out: bool = False
    automatic: bool = False


Fact = DeliveryFact | Inbound


class Carrier(Protocol):
    """A carrier of SMS or email. ``name`` is the key of its entry in ``config/carriers.toml``."""

    name: str
    channel: Channel
    concurrency: int
    real: bool
    """False only for a carrier whose every endpoint is on loopback (the sandbox)."""

    async def open(self) -> None:
        """Make sessions; called once, inside the running loop."""

    async def close(self) -> None: ...

    async def send(self, message: Message) -> Outcome:
        """Put one message on the wire and wait for the carrier's answer; never raises for it."""

    def verify(self, callback: Callback) -> None:
        """Raise ``CallbackRejected`` unless the callback is the carrier's own."""

    def parse(self, callback: Callback) -> Sequence[Fact]:
        """Read a verified callback; raises ``CallbackRejected`` if it cannot be read."""

    async def look_up(self, message: Message, since: datetime) -> Sequence[Accepted]:
        """Every message of these words that the carrier took for this recipient since then.

        Carriers do not know our tokens here: whose each is, the caller finds out. Empty where it
        cannot be told, and "not found" is not "not sent".
        """

    async def check(self) -> str:
        """One line for ``outreach doctor``; raises ``ConfigurationError`` with the fix."""


@runtime_checkable
class Listening(Protocol):
    """A carrier that speaks on connections it must keep up, not by callbacks over HTTP."""

    name: str

    async def listen(
        self, keep: Callable[[Sequence[Callback]], Awaitable[None]], beat: Callable[[], None]
    ) -> None:
        """Keep them up until cancelled, and call ``beat`` while alive.

        ``keep`` stores what came, whole or not at all; only then is it acknowledged.
        """


@dataclass(frozen=True, slots=True)
class LetterItem:
    """One letter of a batch; ``letter_id`` is the idempotency key end to end."""

    letter_id: str
    pdf: bytes
    pages: int
    address: Address
    registered: bool = True


@dataclass(frozen=True, slots=True)
class LetterBatch:
    """Letters handed to the mail house together, as one folder named ``batch_id``."""

    batch_id: str
    sender_code: str
    items: tuple[LetterItem, ...]


class MailHouse(Protocol):
    """A print-and-mail partner: takes folders, answers with files and tracking pushes."""

    name: str
    channel: Channel
    real: bool

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def hand_over(self, batch: LetterBatch) -> None:
        """Write the folder, ``_READY`` last. Repeating it with the same letters changes nothing;
        the same letter id with another PDF raises ``Conflict``."""

    async def forget(self, batch_id: str, letter_id: str) -> None:
        """Take a letter's PDF and its row of the manifest out of our copy of a folder, if there."""

    async def collect(self) -> Sequence[tuple[Callback, Path]]:
        """New answer files, oldest first, each with its path for ``archive``."""

    async def archive(self, path: Path) -> None:
        """Move an answer file away once its callback is stored."""

    def verify(self, callback: Callback) -> None: ...

    def parse(self, callback: Callback) -> Sequence[Fact]: ...

    async def check(self) -> str: ...
