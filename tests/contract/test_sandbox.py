"""The sandbox carriers and ours, over real sockets: what goes out comes back as facts."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from carrier_rigs import EMAIL, SMS, TOKENS

from outreach.channels.base import (
    Accepted,
    Callback,
    Carrier,
    DeliveryFact,
    Fact,
    Inbound,
    LetterBatch,
    LetterItem,
    Message,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.channels.mailhouse import FolderMailHouse
from outreach.channels.smtp import Smtp
from outreach.channels.tracking import plausible_mail_no
from outreach.channels.twilio import Twilio
from outreach.clock import Clock
from outreach.domain.contact import Address
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass
from outreach.ids import new_id
from outreach.mailbox import open_mailbox
from outreach.sandbox.book import read_book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.run import Sandbox, open_sandbox, run
from outreach.sandbox.script import Fate
from outreach.settings import MailHouseSettings, SmtpSettings, TwilioSettings

CLOCK = Clock(timedelta(days=40))  # the sandbox and the product share one business clock
SECRETS = {
    "auth_token": "token-of-the-sandbox",
    "cmpp_secret": "secret-of-the-sandbox",
    "tracking_salt": "salt-of-the-sandbox",
}


class House:
    """Our side: the callback door, the mail door, and every fact that came through them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: list[Fact] = []
        self.refuse = 0  # how many callbacks to refuse before taking any
        self.carriers: dict[str, Carrier | FolderMailHouse] = {}
        self._came = asyncio.Condition()
        self.public_url = ""
        self.mail_port = 0

    async def take(self, callback: Callback) -> None:
        async with self._came:
            if self.refuse:
                self.refuse -= 1
                raise ConnectionError("not now")
            carrier = self.carriers[callback.carrier]
            carrier.verify(callback)
            self.facts += carrier.parse(callback)
            self._came.notify_all()

    async def until(self, seen: Callable[[], bool]) -> None:
        async with self._came, asyncio.timeout(20):
            await self._came.wait_for(seen)

    async def callback(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        try:
            await self.take(
                Callback(
                    carrier=request.match_info["carrier"],
                    path=path,
                    url=f"{self.public_url}{request.path}",
                    headers={name.lower(): value for name, value in request.headers.items()},
                    body=await request.read(),
                )
            )
        except ConnectionError:
            return web.Response(status=503)
        return web.Response()

    def told(self, delivery: Delivery) -> set[str | None]:
        facts = [f for f in self.facts if isinstance(f, DeliveryFact)]
        return {fact.token for fact in facts if fact.delivery is delivery}

    def config(self, **changes: object) -> SandboxConfig:
        table = {
            "twilio_port": 0,
            "cmpp_port": 0,
            "smtp_port": 0,
            "outbox": self.folder / "outbox",
            "inbox": self.folder / "inbox",
            "log_dir": self.folder / "logs",
            "public_url": self.public_url,
            "mail_port": self.mail_port,
            "delay": (0.0, 0.01),
            "poll": 0.01,
            "sms": {},
            "mail": {},
            "letters": {},
            "replies": {},
            "repeats": 0.0,
            **SECRETS,
        }
        return SandboxConfig.model_validate(table | changes)

    async def join(self, sandbox: Sandbox) -> None:
        await self.leave()
        twilio = Twilio(
            TwilioSettings(
                kind="twilio",
                name="sms-sandbox",
                account_sid="AC" + "0" * 32,
                messaging_service_sid="MG" + "1" * 32,
                base_url=f"http://127.0.0.1:{sandbox.twilio_port}",
            ),
            public_url=self.public_url,
            token=SECRETS["auth_token"],
        )
        smtp = Smtp(
            SmtpSettings(
                kind="smtp",
                name="mail-sandbox",
                host="127.0.0.1",
                port=sandbox.smtp_port,
                security="none",
                from_address="notice@bank.test",
                reply_to="reply@bank.test",
                bounce_domain="bounce.bank.test",
                success_reports=True,
            ),
            tokens=TOKENS,
            clock=CLOCK,
        )
        letters = FolderMailHouse(
            MailHouseSettings(
                kind="mailhouse",
                name="letter-sandbox",
                outbox=self.folder / "outbox",
                inbox=self.folder / "inbox",
                sender_code="BANK1",
                sandbox=True,
            ),
            salt=SECRETS["tracking_salt"],
        )
        self.twilio, self.smtp, self.letters = twilio, smtp, letters
        for carrier in (twilio, smtp, letters):
            self.carriers[carrier.name] = carrier
            await carrier.open()

    async def leave(self) -> None:
        for carrier in self.carriers.values():
            await carrier.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    app = web.Application()
    app.router.add_post("/callbacks/{carrier}/{path:.*}", house.callback)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    house.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    mailboxes = {"reply@bank.test": "mail-sandbox", "@bounce.bank.test": "mail-sandbox"}
    door = await open_mailbox("127.0.0.1", 0, house.take, mailboxes)
    house.mail_port = door.sockets[0].getsockname()[1]
    yield house
    await house.leave()
    door.close()
    await door.wait_closed()
    await runner.cleanup()


def _messages(pattern: Message, count: int) -> list[Message]:
    ids = [new_id() for _ in range(count)]
    return [
        replace(pattern, notice_id=one, token=TOKENS.mint(one, 1), to=_to(pattern, number))
        for number, one in enumerate(ids)
    ]


def _to(pattern: Message, number: int) -> str:
    return f"d{number}@debtor.test" if "@" in pattern.to else f"+86170{number:08d}"


async def test_short_messages_go_out_and_their_receipts_come_back(house: House) -> None:
    fates = {Fate.UNREACHABLE: 0.2, Fate.DEAD: 0.2}
    async with open_sandbox(house.config(sms=fates, repeats=0.5), CLOCK) as sandbox:
        await house.join(sandbox)
        sent = _messages(SMS, 40)
        outcomes = await asyncio.gather(*(house.twilio.send(message) for message in sent))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        tokens = {message.token for message in sent}
        await house.until(
            lambda: house.told(Delivery.DELIVERED) | house.told(Delivery.UNDELIVERED) == tokens
        )
    codes = Counter(f.code for f in house.facts if isinstance(f, DeliveryFact))
    assert codes.keys() == {"sent", "delivered", "30003", "30005"}
    book = read_book(house.folder / "logs" / "twilio.jsonl")
    assert Counter(entry.token for entry in book) == Counter(tokens)
    assert {entry.to_sha256 for entry in book} == {
        sha256(message.to.encode()).hexdigest() for message in sent
    }
    assert all(abs(entry.at - CLOCK.now()) < timedelta(minutes=5) for entry in book)


async def test_too_fast_once_then_taken(house: House) -> None:
    async with open_sandbox(house.config(sms={Fate.THROTTLED: 1.0}), CLOCK) as sandbox:
        await house.join(sandbox)
        first = await house.twilio.send(SMS)
        assert first == TemporaryFailure("20429", timedelta(seconds=1), throttled=True)
        assert isinstance(await house.twilio.send(SMS), Accepted)
    book = read_book(house.folder / "logs" / "twilio.jsonl")
    assert [entry.accepted for entry in book] == [False, True]


async def test_debtors_write_back(house: House) -> None:
    async with open_sandbox(house.config(replies={"已还款": 0.5, "退订": 0.5}), CLOCK) as sandbox:
        await house.join(sandbox)
        await house.twilio.send(SMS)
        await house.smtp.send(EMAIL)

        def replies() -> list[Inbound]:
            return [fact for fact in house.facts if isinstance(fact, Inbound)]

        await house.until(lambda: len(replies()) == 2)
    by_sender = {reply.sender: reply for reply in replies()}
    assert by_sender.keys() == {SMS.to, EMAIL.to}
    assert {reply.text for reply in replies()} <= {"已还款", "退订"}
    assert by_sender[EMAIL.to].token == EMAIL.token
    assert not any(reply.automatic for reply in replies())


async def test_callbacks_are_tried_again_until_they_are_taken(house: House) -> None:
    house.refuse = 2
    async with open_sandbox(house.config(), CLOCK) as sandbox:
        await house.join(sandbox)
        await house.twilio.send(SMS)
        await house.smtp.send(EMAIL)
        both = {SMS.token, EMAIL.token}
        await house.until(lambda: house.told(Delivery.DELIVERED) == both)


async def test_a_lost_answer_is_found_by_looking_it_up(house: House) -> None:
    async with open_sandbox(house.config(delay=(60.0, 60.0)), CLOCK) as sandbox:
        await house.join(sandbox)
        since = CLOCK.now()
        assert not await house.twilio.look_up(SMS, since)
        outcome = await house.twilio.send(SMS)
        assert isinstance(outcome, Accepted)
        (found,) = await house.twilio.look_up(SMS, since)
        assert found.message_ids == outcome.message_ids
        assert not await house.twilio.look_up(replace(SMS, text="another"), since)
        later = CLOCK.now() + timedelta(hours=1)
        assert not await house.twilio.look_up(SMS, later)


async def test_a_wrong_secret_is_refused(house: House) -> None:
    async with open_sandbox(house.config(auth_token="another"), CLOCK) as sandbox:
        await house.join(sandbox)
        assert await house.twilio.send(SMS) == PermanentFailure(FailureClass.ACCOUNT, "20003")
    assert read_book(house.folder / "logs" / "twilio.jsonl") == []


async def test_a_bad_number_is_refused_at_once(house: House) -> None:
    async with open_sandbox(house.config(), CLOCK) as sandbox:
        await house.join(sandbox)
        outcome = await house.twilio.send(replace(SMS, to="170"))
        assert outcome == PermanentFailure(FailureClass.HARD, "21211")
        outcome = await house.twilio.send(replace(SMS, text="长" * 1601))
        assert outcome == PermanentFailure(FailureClass.REJECTED, "21617")


async def test_mail_goes_out_and_its_reports_come_back(house: House) -> None:
    fates = {Fate.DEAD: 0.2, Fate.BOUNCED: 0.2, Fate.UNREACHABLE: 0.2}
    async with open_sandbox(house.config(mail=fates), CLOCK) as sandbox:
        await house.join(sandbox)
        sent = _messages(EMAIL, 40)
        outcomes = await asyncio.gather(*(house.smtp.send(message) for message in sent))
        taken = {m.token for m, o in zip(sent, outcomes, strict=True) if isinstance(o, Accepted)}
        refused = [outcome for outcome in outcomes if not isinstance(outcome, Accepted)]
        assert 0 < len(refused) < 20
        assert set(refused) == {PermanentFailure(FailureClass.HARD, "5.1.1")}
        await house.until(
            lambda: house.told(Delivery.DELIVERED) | house.told(Delivery.UNDELIVERED) == taken
        )
    failures = {f.failure for f in house.facts if isinstance(f, DeliveryFact)}
    assert failures == {None, FailureClass.HARD, FailureClass.SOFT}
    book = read_book(house.folder / "logs" / "smtp.jsonl")
    assert {entry.token for entry in book if entry.accepted} == taken


async def test_greylisted_once_then_taken(house: House) -> None:
    async with open_sandbox(house.config(mail={Fate.GREYLISTED: 1.0}), CLOCK) as sandbox:
        await house.join(sandbox)
        assert await house.smtp.send(EMAIL) == TemporaryFailure("4.7.1")
        assert isinstance(await house.smtp.send(EMAIL), Accepted)


def _batch(count: int) -> LetterBatch:
    address = Address("张三", ("示例省示例市", "示例路1号"), "518000", "CN")
    items = tuple(
        LetterItem(f"CS-{number:04}", f"%PDF-1 {number}".encode(), 1, address)
        for number in range(count)
    )
    return LetterBatch("B20261123-0001", "BANK1", items)


async def _collect(house: House, count: int) -> None:
    """Take answer files as the product does, until ``count`` letters are posted."""
    async with asyncio.timeout(20):
        while sum(fact.event is EventKind.POSTED for fact in _letter_facts(house)) < count:
            for callback, path in await house.letters.collect():
                await house.take(callback)
                await house.letters.archive(path)
            await asyncio.sleep(0.01)


def _letter_facts(house: House) -> list[DeliveryFact]:
    return [fact for fact in house.facts if isinstance(fact, DeliveryFact)]


async def test_letters_are_taken_posted_and_followed(house: House) -> None:
    fates = {Fate.SIGNED_BY_OTHER: 0.3, Fate.RETURNED: 0.3}
    async with open_sandbox(house.config(letters=fates, repeats=0.3), CLOCK) as sandbox:
        await house.join(sandbox)
        batch = _batch(20)
        await house.letters.hand_over(batch)
        await _collect(house, 20)

        def ended() -> list[DeliveryFact]:
            ends = (EventKind.SIGNED_FOR, EventKind.RETURNED)
            return [fact for fact in _letter_facts(house) if fact.event in ends]

        await house.until(lambda: len({fact.message_id for fact in ended()}) == 20)
    facts = _letter_facts(house)
    letter_ids = {item.letter_id for item in batch.items}
    accepted = {f.message_id for f in facts if f.delivery is Delivery.ACCEPTED}
    posted = {f.message_id: f for f in facts if f.event is EventKind.POSTED}
    assert accepted == posted.keys() == letter_ids
    numbers = {fact.detail["mail_no"] for fact in posted.values()}
    assert len(numbers) == 20
    assert all(plausible_mail_no(number) and number.startswith("RR") for number in numbers)
    assert {fact.message_id for fact in ended()} == numbers
    assert {fact.detail.get("signer") for fact in ended()} == {"self", "other", None}
    assert {f.code for f in ended() if f.event is EventKind.RETURNED} == {"unknown_person"}
    book = read_book(house.folder / "logs" / "mailhouse.jsonl")
    assert Counter(entry.token for entry in book) == Counter(letter_ids)


async def test_a_letter_damaged_on_its_way_is_refused_by_its_digest(house: House) -> None:
    async with open_sandbox(house.config(poll=0.01), CLOCK) as sandbox:
        await house.join(sandbox)
        folder = house.folder / "outbox" / "B20261123-0001"
        elsewhere = FolderMailHouse(
            MailHouseSettings(
                kind="mailhouse",
                name="x",
                outbox=house.folder / "staging",
                inbox=house.folder / "staging-in",
                sender_code="BANK1",
            ),
            salt="",
        )
        await elsewhere.open()
        await elsewhere.hand_over(_batch(2))
        staged = house.folder / "staging" / "B20261123-0001"
        (staged / "pdf" / "CS-0001.pdf").write_bytes(b"%PDF-1 damaged")
        staged.rename(folder)
        await _collect(house, 1)
    answers = {f.message_id: f for f in _letter_facts(house) if f.event is None}
    assert answers["CS-0000"].delivery is Delivery.ACCEPTED
    assert answers["CS-0001"].delivery is Delivery.UNDELIVERED
    assert answers["CS-0001"].code == "sha256_mismatch"


async def test_a_batch_is_answered_once_even_by_a_restarted_mail_house(house: House) -> None:
    for _ in range(2):
        async with open_sandbox(house.config(), CLOCK) as sandbox:
            await house.join(sandbox)
            await house.letters.hand_over(_batch(2))
            await _collect(house, 2)
    posted = [fact for fact in _letter_facts(house) if fact.event is EventKind.POSTED]
    assert len(posted) == 2


async def test_the_sandbox_runs_until_it_is_told_to_stop(house: House) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(run(house.config(), stop, CLOCK))
    await house.join(Sandbox(twilio_port=1, cmpp_port=1, smtp_port=1))
    await house.letters.hand_over(_batch(1))
    await _collect(house, 1)
    stop.set()
    async with asyncio.timeout(10):
        await running


async def test_its_books_hold_nothing_private(house: House) -> None:
    async with open_sandbox(house.config(), CLOCK) as sandbox:
        await house.join(sandbox)
        await house.twilio.send(SMS)
        await house.smtp.send(EMAIL)
        await house.letters.hand_over(_batch(1))
        await _collect(house, 1)
    for name in ("twilio", "smtp", "mailhouse"):
        book = house.folder / "logs" / f"{name}.jsonl"
        lines = book.read_text(encoding="utf-8").splitlines()
        assert lines
        for line in lines:
            assert json.loads(line)
            assert not any(p in line for p in ("1700000", "debtor.test", "张三", "示例银行"))
