"""The sandbox behind its gateway: what its telephones take, report and answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from carrier_rigs import SMS

from outreach.channels.base import (
    Accepted,
    Callback,
    DeliveryFact,
    Fact,
    Inbound,
    TemporaryFailure,
)
from outreach.channels.cmpp import Cmpp
from outreach.clock import Clock
from outreach.domain.states import Delivery, FailureClass
from outreach.sandbox.book import read_book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.run import open_sandbox
from outreach.sandbox.script import Fate
from outreach.settings import CmppSettings

CLOCK = Clock(timedelta(days=40))
SECRET = "secret-of-the-sandbox"
LONG = "【示例银行】" + "您的账单已逾期,请尽快还款。" * 10


class Handsets:
    """Our side of one link, and every fact that came on it."""

    def __init__(self, folder: Path, carrier: Cmpp) -> None:
        self._folder = folder
        self.carrier = carrier
        self.facts: list[Fact] = []
        self._came = asyncio.Condition()

    async def keep(self, came: Sequence[Callback]) -> None:
        async with self._came:
            for callback in came:
                self.facts += self.carrier.parse(callback)
            self._came.notify_all()

    async def until(self, seen: Callable[[], bool]) -> None:
        async with self._came, asyncio.timeout(20):
            await self._came.wait_for(seen)

    @property
    def reports(self) -> list[DeliveryFact]:
        return [fact for fact in self.facts if isinstance(fact, DeliveryFact)]

    @property
    def replies(self) -> list[Inbound]:
        return [fact for fact in self.facts if isinstance(fact, Inbound)]

    def booked(self) -> list[tuple[str, str]]:
        """Token and fate of each SUBMIT that was taken."""
        return [(e.token, e.outcome) for e in read_book(self._folder / "logs" / "cmpp.jsonl")]


@asynccontextmanager
async def handsets(folder: Path, **changes: object) -> AsyncIterator[Handsets]:
    config = {
        "twilio_port": 0,
        "cmpp_port": 0,
        "smtp_port": 0,
        "outbox": folder / "outbox",
        "inbox": folder / "inbox",
        "log_dir": folder / "logs",
        "delay": (0.0, 0.01),
        "sms": {},
        "mail": {},
        "letters": {},
        "replies": {},
        "repeats": 0.0,
        "auth_token": "token-of-the-sandbox",
        "tracking_salt": "salt-of-the-sandbox",
        "cmpp_secret": SECRET,
        **changes,
    }
    async with open_sandbox(SandboxConfig.model_validate(config), CLOCK) as sandbox:
        settings = CmppSettings(
            kind="cmpp",
            name="sms-cn",
            host="127.0.0.1",
            port=sandbox.cmpp_port,
            account="900001",
            number="10690000",
            extension=8,
            timeout_seconds=5,
        )
        ours = Handsets(folder, Cmpp(settings, clock=CLOCK, secret=SECRET))
        listening = asyncio.create_task(ours.carrier.listen(ours.keep, lambda: None))
        yield ours
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await ours.carrier.close()


async def test_messages_go_out_and_a_report_comes_for_each_part(tmp_path: Path) -> None:
    fates = {Fate.UNREACHABLE: 0.25, Fate.DEAD: 0.25}
    async with handsets(tmp_path, sms=fates) as ours:
        messages = [
            replace(SMS, number=n, to=f"+86170{n:08}", text=LONG if n % 2 else SMS.text)
            for n in range(30)
        ]
        outcomes = await asyncio.gather(*map(ours.carrier.send, messages))
        ids = [id_ for each in outcomes if isinstance(each, Accepted) for id_ in each.message_ids]
        assert len(ids) > 30
        await ours.until(lambda: len(ours.reports) == len(ids))
    assert Counter(fact.message_id for fact in ours.reports) == Counter(ids)
    assert {(fact.delivery, fact.failure, fact.code) for fact in ours.reports} == {
        (Delivery.DELIVERED, None, "DELIVRD"),
        (Delivery.UNDELIVERED, FailureClass.SOFT, "UNDELIV"),
        (Delivery.UNDELIVERED, FailureClass.HARD, "MK:0001"),
    }
    assert len(ours.booked()) == len(ids)
    assert len({token for token, _ in ours.booked()}) == len(ids)
    fates_of = dict[str, set[str]]()
    for token, fate in ours.booked():
        fates_of.setdefault(token.partition("/")[0], set()).add(fate)
    assert all(len(each) == 1 for each in fates_of.values()), "parts share their message's fate"


async def test_too_fast_once_then_taken_whole(tmp_path: Path) -> None:
    async with handsets(tmp_path, sms={Fate.THROTTLED: 1.0}) as ours:
        message = replace(SMS, text=LONG)
        first = await ours.carrier.send(message)
        assert first == TemporaryFailure("result:8", throttled=True)
        assert not ours.booked()
        assert isinstance(await ours.carrier.send(message), Accepted)
        assert len(ours.booked()) >= 2


async def test_a_debtor_answers_once_however_many_parts_came(tmp_path: Path) -> None:
    async with handsets(tmp_path, replies={"已还款": 1.0}, repeats=1.0) as ours:
        message = replace(SMS, text=LONG, number=42)
        outcome = await ours.carrier.send(message)
        assert isinstance(outcome, Accepted)
        await ours.until(lambda: bool(ours.replies) and len(ours.reports) == 2 * outcome.parts)
    [reply] = ours.replies
    book = (tmp_path / "logs" / "cmpp.jsonl").read_text()
    assert not any(private in book for private in (SMS.to[3:], "示例银行"))
    assert (reply.sender, reply.text, reply.tail) == (SMS.to, "已还款", "00000042")
