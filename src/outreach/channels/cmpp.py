"""SMS by CMPP: the bank's own 106 or 955 port, over links to the operator's gateway.

A message is as many SUBMITs as it has parts, on one link and in order, each with an id and a report
of its own. Nothing in CMPP makes a repetition harmless: what left and was not answered is
``OutcomeUnknown``. Reports and replies come on the links and are kept, as they came, before the
gateway is answered.

A gateway's id has no year and comes again after one, so we name it with the year it is of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from operator import attrgetter
from urllib.parse import urlsplit

import orjson

from outreach.channels import cmpp_codes
from outreach.channels.base import (
    Accepted,
    Callback,
    DeliveryFact,
    Fact,
    Inbound,
    Message,
    Outcome,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.channels.cmpp_link import (
    Link,
    LoginRefused,
    NotWritten,
    Terms,
    Unanswered,
    open_link,
)
from outreach.channels.cmpp_pdu import (
    BadFrame,
    Deliver,
    MessageId,
    Report,
    Submit,
    SubmitResp,
    Version,
    decode,
)
from outreach.channels.cmpp_text import (
    BEIJING,
    Format,
    TooLong,
    decoded,
    read_minute,
    read_part,
    split,
    valid_until,
)
from outreach.channels.token import nameless
from outreach.clock import Clock, monotonic, random_fraction
from outreach.domain.contact import Channel
from outreach.domain.errors import CallbackRejected, ConfigurationError
from outreach.domain.states import Delivery, FailureClass
from outreach.logs import Log
from outreach.settings import CmppSettings

SCHEME = "cmpp"
DELIVERED, SUBMITTED = "deliver", "submitted"
"""Paths of kept callbacks: a DELIVER as it came, and what became of a message's parts."""

LINK_SECONDS = 1.0
"""How long a message waits for a link when all are down."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries to connect, at most: a storm of them gets an address barred."""
REFUSED_PAUSE = 60.0
"""Seconds after a refused log-in: repeated ones lock an account."""
SLOWER = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a part is tried again that the gateway was too busy for, when others had gone."""
_AHEAD = timedelta(days=1)  # how far a gateway's clock may be before ours
_VALID = timedelta(hours=48)  # what gateways take at most

log = Log(__name__)

Keep = Callable[[Sequence[Callback]], Awaitable[None]]
"""Stores callbacks, whole or not at all."""
_WAITING = attrgetter("waiting")
_Answer = SubmitResp | NotWritten | Unanswered


class Cmpp:
    """One account with a gateway. Links are there while ``listen`` runs; without it nothing is
    sent.
    """

    channel = Channel.SMS

    def __init__(self, settings: CmppSettings, *, clock: Clock, secret: str) -> None:
        self.name = settings.name
        self.concurrency = settings.concurrency
        self.real = settings.real
        self._settings = settings
        self._clock = clock
        self._layouts = Version.named(settings.version)
        self._terms = Terms(
            host=settings.host,
            port=settings.port,
            source=settings.account,
            secret=secret,
            layouts=self._layouts,
            version=self._layouts.value,
            window=settings.window,
            timeout=settings.timeout_seconds,
            idle=settings.idle_seconds,
            strict=settings.strict_login,
        )
        self._links: list[Link] = []
        self._linked = asyncio.Event()
        self._keep: Keep | None = None
        self._references = count(int(random_fraction() * 0x10000))
        self._late: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Nothing yet: links are for the process that listens."""

    async def close(self) -> None:
        links, self._links = self._links, []
        await asyncio.gather(*(link.close() for link in links))

    # ------------------------------------------------------------------------------------ links

    async def listen(self, keep: Keep, beat: Callable[[], None]) -> None:
        """Keep the links up until cancelled; ``beat`` is called while this lives.

        What comes on them is stored by ``keep`` before it is answered. Links outlive it, until
        ``close``: what is on the wire is still to be answered then.
        """
        await self.close()
        self._keep = keep
        async with asyncio.TaskGroup() as group:
            turn = asyncio.Lock()
            for _ in range(self._settings.links):
                group.create_task(self._hold(turn))
            while True:
                beat()
                await asyncio.sleep(1.0)

    async def _hold(self, turn: asyncio.Lock) -> None:
        """Keep one link up. ``turn``: the account connects one at a time."""
        failures = 0
        while True:
            async with turn:
                link, pause = await self._connect(failures)
            if link is None:
                failures += 1
                await asyncio.sleep(pause * (0.5 + random_fraction()))
                continue
            failures = 0
            self._links.append(link)
            self._linked.set()
            await link.lost.wait()
            if link in self._links:
                self._links.remove(link)

    async def _connect(self, failures: int) -> tuple[Link | None, float]:
        """A link, or how long to wait before the next try."""
        try:
            link = await open_link(self._terms, self._take, self.name, self._clock.now())
        except LoginRefused as error:
            log.error("cmpp_login_refused", carrier=self.name, status=error.status)
            return None, REFUSED_PAUSE
        except (OSError, TimeoutError, Unanswered) as error:
            if not failures:
                log.warning("cmpp_no_link", carrier=self.name, error=error)
            return None, min(2.0**failures, LONGEST_PAUSE)
        log.info("cmpp_link", carrier=self.name, links=len(self._links) + 1)
        return link, 0.0

    async def _take(self, frames: Sequence[bytes]) -> None:
        """Without their sequence numbers: what comes again comes under another."""
        assert self._keep is not None
        bare = [frame[:8] + bytes(4) + frame[12:] for frame in frames]
        await self._keep([self._callback(DELIVERED, frame) for frame in bare])

    def _callback(self, path: str, body: bytes) -> Callback:
        url = f"{SCHEME}:{self._settings.version}"
        return Callback(carrier=self.name, path=path, url=url, headers={}, body=body)

    # ---------------------------------------------------------------------------------- sending

    async def send(self, message: Message) -> Outcome:
        link = await self._ready()
        if link is None:
            return TemporaryFailure("connect")
        try:
            submits = self._submits(message)
        except TooLong:
            return PermanentFailure(FailureClass.REJECTED, "too_long")
        except ValueError:
            return PermanentFailure(FailureClass.REJECTED, "unwritable")
        if len(submits) == 1:
            answers = [await self._submit(link, message, submits[0])]
        else:
            answers = await self._all(link, message, submits)
        return self._outcome(message, answers)

    async def _ready(self) -> Link | None:
        """The link with the least to do; if there is none just now, the next that comes up soon."""
        until = monotonic() + LINK_SECONDS
        while True:
            if ready := [link for link in self._links if link.ready]:
                return min(ready, key=_WAITING)
            self._linked.clear()
            try:
                async with asyncio.timeout(until - monotonic()):
                    await self._linked.wait()
            except TimeoutError:
                return None

    def _submits(self, message: Message) -> list[Submit]:
        settings, format_ = self._settings, Format[self._settings.charset]
        wide = settings.long_header == 7
        contents = split(message.text, format_, next(self._references), wide=wide)
        to, source = (_bare(message.to),), settings.source(message.number)
        until = ""
        if message.valid_for is not None:
            until = valid_until(self._clock.now() + min(message.valid_for, _VALID))
        return [
            Submit(
                recipients=to,
                content=content,
                format=format_,
                source=source,
                account=settings.account,
                service=settings.service,
                part=number,
                parts=len(contents),
                fee_user=settings.fee_user,
                fee_terminal=settings.fee_terminal,
                fee_type=settings.fee_type,
                fee_code=settings.fee_code,
                udhi=int(len(contents) > 1),
                valid_until=until,
            )
            for number, content in enumerate(contents, 1)
        ]

    async def _submit(self, link: Link, message: Message, submit: Submit) -> _Answer:
        def late(answer: SubmitResp) -> None:
            if _taken(answer):  # of one that was refused a person decides
                self._tell(message, {submit.part: answer}, submit.parts)

        try:
            return await link.submit(submit, late)
        except (NotWritten, Unanswered) as error:
            return error

    async def _all(self, link: Link, message: Message, submits: Sequence[Submit]) -> list[_Answer]:
        """Each part's answer. Once some have gone, those refused for haste are tried again: half a
        message is worse than a late one.
        """
        answers = list(
            await asyncio.gather(*(self._submit(link, message, submit) for submit in submits))
        )
        for pause in SLOWER:
            waiting = [at for at, answer in enumerate(answers) if _too_fast(answer)]
            if not waiting or not any(_taken(answer) for answer in answers):
                break
            await asyncio.sleep(pause)
            for at in waiting:
                answers[at] = await self._submit(link, message, submits[at])
        return answers

    def _outcome(self, message: Message, answers: Sequence[_Answer]) -> Outcome:
        """Of a message as a whole; what its parts say beside it is kept as a callback.

        Nothing is kept unless a part was taken: whatever is kept of a message says that it went.
        """
        unknown = any(_unknown(answer) for answer in answers)
        if not any(_taken(answer) for answer in answers):
            return OutcomeUnknown("unanswered") if unknown else _refusal(answers)
        if not all(_taken(answer) for answer in answers):
            self._tell(message, dict(enumerate(answers, 1)), len(answers))
        if unknown:
            return OutcomeUnknown("unanswered")
        ids = [
            _name(answer.message_id, self._clock.now())
            if isinstance(answer, SubmitResp) and _taken(answer)
            else nameless(message.token, part)
            for part, answer in enumerate(answers, 1)
        ]
        return Accepted(tuple(ids), parts=len(ids), raw=orjson.dumps(_told(answers)).decode())

    def _tell(self, message: Message, answers: dict[int, _Answer], parts: int) -> None:
        """Keep what became of parts that the outcome does not say, under the message's token."""
        told = [
            {"part": part, **each}
            for part, each in zip(answers, _told(list(answers.values())), strict=True)
        ]
        body = orjson.dumps({"token": message.token, "parts": parts, "told": told})
        task = asyncio.create_task(self._tell_later(self._callback(SUBMITTED, body)))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _tell_later(self, callback: Callback) -> None:
        assert self._keep is not None
        try:
            await self._keep([callback])
        except Exception as error:  # the notice stays uncertain, for a person
            log.error("cmpp_not_kept", carrier=self.name, error=error)

    # ----------------------------------------------------------------------------- what is kept

    def verify(self, callback: Callback) -> None:
        """What came on a link is the gateway's, which proved itself when we logged in."""
        if urlsplit(callback.url).scheme != SCHEME:
            raise CallbackRejected(
                f"carrier {self.name}: a gateway speaks on its links, not by HTTP",
                "nothing is to be configured at the operator's for callbacks",
            )

    def parse(self, callback: Callback) -> Sequence[Fact]:
        if callback.path == SUBMITTED:
            return self._parts(callback)
        version = Version.named(urlsplit(callback.url).path)
        try:
            _, pdu = decode(callback.body, version)
            if not isinstance(pdu, Deliver):
                raise BadFrame("Command_Id")
            return [self._report(pdu) if pdu.report else self._reply(pdu)]
        except BadFrame as error:
            raise CallbackRejected(
                f"carrier {self.name}: a DELIVER with {error} that cannot be",
                "it is kept as it came; ask the operator which version the gateway speaks",
            ) from None

    def _parts(self, callback: Callback) -> list[Fact]:
        """A part that was refused, or never answered, keeps the message from being delivered."""
        fields = orjson.loads(callback.body)
        token, facts = fields["token"], list[Fact]()
        told_of = {told["part"]: told for told in fields["told"]}
        for part in range(1, fields["parts"] + 1):
            told = told_of.get(part, {})
            result, id_ = told.get("result"), told.get("message_id")
            refused = result not in (None, cmpp_codes.ACCEPTED)
            named = id_ is not None and not refused
            facts.append(
                DeliveryFact(
                    message_id=_name(int(id_), self._clock.now())
                    if named
                    else nameless(token, part),
                    token=token,
                    delivery=Delivery.ACCEPTED
                    if named
                    else Delivery.UNDELIVERED
                    if refused
                    else Delivery.NONE,
                    at=None,
                    code=f"result:{result}" if result is not None else "unanswered",
                    failure=FailureClass.REJECTED if refused else None,
                    part=part - 1,
                )
            )
        return facts

    def _report(self, deliver: Deliver) -> DeliveryFact:
        report = Report.read(deliver.content)
        delivery, failure = cmpp_codes.meaning(report.stat)
        if not cmpp_codes.is_listed(report.stat):
            log.warning("cmpp_unknown_stat", carrier=self.name, code=cmpp_codes.code(report.stat))
        return DeliveryFact(
            message_id=_name(report.message_id, self._clock.now()),
            token=None,
            delivery=delivery,
            at=read_minute(report.done),
            code=cmpp_codes.code(report.stat),
            failure=failure,
            tail=self._tail(deliver.recipient),
            to=_international(report.recipient or deliver.sender),
        )

    def _reply(self, deliver: Deliver) -> Inbound:
        has_header = bool(deliver.udhi & 0x41)  # some gateways pass on the centre's own bit
        part = read_part(deliver.content, has_header=has_header)
        return Inbound(
            sender=_international(deliver.sender),
            recipient=deliver.recipient,
            text=decoded(part.content, deliver.format),
            at=None,
            message_id=f"{deliver.message_id:016x}",
            tail=self._tail(deliver.recipient),
        )

    def _tail(self, recipient: str) -> str:
        """The digits we added, if the operator brought all of them back."""
        number, digits = self._settings.number, self._settings.extension
        tail = recipient.removeprefix(number)
        whole = recipient.startswith(number) and len(tail) == digits
        return tail if whole and tail.isdecimal() else ""

    async def look_up(self, message: Message, since: datetime) -> Sequence[Accepted]:  # noqa: ARG002
        """Nothing: a gateway's QUERY tells a day's totals and no message's fate."""
        return ()

    async def check(self) -> str:
        """Logs in and out again, unless links are up."""
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            link = await open_link(self._terms, _refuse, self.name, self._clock.now())
        except LoginRefused as error:
            raise ConfigurationError(
                f"carrier {self.name}: {where} refused the log-in with status {error.status}",
                _LOGIN.get(error.status, "ask the operator what it means"),
            ) from None
        except (OSError, TimeoutError):
            raise ConfigurationError(
                f"carrier {self.name}: {where} does not answer",
                "check host, port and the leased line or VPN; for the sandbox: outreach up",
            ) from None
        except Unanswered:
            raise ConfigurationError(
                f"carrier {self.name}: {where} does not prove that it knows the secret",
                f"check version and {self._settings.secret_env}",
            ) from None
        await link.close()
        return f"{self.name}: CMPP {self._settings.version} gateway logs us in at {where}"


_LOGIN = {
    1: "check version: the gateway cannot read the log-in",
    2: "check account, and that the operator lists the address we come from; some gateways say so "
    "of too many links",
    3: "check the secret and the clock; do not try often, an account may be locked",
    4: 'set version = "2.0"',
    5: "some gateways say so of too many links: lower links, over all workers",
}


async def _refuse(_: Sequence[bytes]) -> None:
    raise ConnectionError("only looking; the gateway sends it again")


def _taken(answer: _Answer) -> bool:
    return isinstance(answer, SubmitResp) and answer.result == cmpp_codes.ACCEPTED


def _too_fast(answer: _Answer) -> bool:
    return isinstance(answer, SubmitResp) and answer.result == cmpp_codes.THROTTLED


def _unknown(answer: _Answer) -> bool:
    """Whether nobody knows if it was taken."""
    if isinstance(answer, SubmitResp):
        return answer.result == cmpp_codes.DUPLICATE
    return isinstance(answer, Unanswered)


def _refusal(answers: Sequence[_Answer]) -> Outcome:
    """Why none was taken: a reason that lasts before one that passes."""
    said = [
        cmpp_codes.outcome_of(answer.result)
        if isinstance(answer, SubmitResp)
        else TemporaryFailure("connect")
        for answer in answers
    ]
    lasting = [each for each in said if isinstance(each, PermanentFailure)]
    first = lasting[0] if lasting else said[0]
    assert first is not None
    return first


def _told(answers: Sequence[_Answer]) -> list[dict[str, object]]:
    """The gateway's own words, part by part; empty where there was none."""
    return [
        {"message_id": str(answer.message_id), "result": answer.result}
        if isinstance(answer, SubmitResp)
        else {}
        for answer in answers
    ]


def _name(message_id: int, now: datetime) -> str:
    """A gateway's id and the year it is of: the last in which its moment is not to come."""
    month, day = MessageId.month_day(message_id)
    latest = (now + _AHEAD).astimezone(BEIJING)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return f"{message_id:016x}"  # some gateways count as they like
    passed = (month, day) <= (latest.month, latest.day)
    return f"{latest.year - (not passed)}-{message_id:016x}"


def _bare(number: str) -> str:
    """Eleven digits: gateways take 86 in front, but do not all send it back."""
    return number.removeprefix("+").removeprefix("86") if number.startswith("+86") else number


def _international(number: str) -> str:
    digits = number.removeprefix("+")
    if len(digits) == 11:
        return f"+86{digits}"
    return f"+{digits}"
