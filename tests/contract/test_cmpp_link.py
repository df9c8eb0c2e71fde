"""A connection to a gateway: nothing is written twice, nothing delivered is lost."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from outreach.channels import cmpp_link
from outreach.channels.cmpp_link import (
    Link,
    LoginRefused,
    NotWritten,
    Terms,
    Unanswered,
    open_link,
)
from outreach.channels.cmpp_pdu import (
    ActiveTest,
    Deliver,
    Query,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    Version,
    decode,
    encode,
)
from outreach.channels.cmpp_text import Format, decoded, joined, read_part
from outreach.clock import Clock
from outreach.sandbox.cmpp import BAD_SECRET, BAD_SOURCE, TOO_MANY, CmppSandbox, Line
from outreach.sandbox.courier import Courier

SECRET, NUMBER, TO = "888888", "10690000", "13900000000"
JANUARY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 2, 3, 4, 5, tzinfo=UTC)


def submit(to: str = TO, content: bytes = b"\x6b\x3e", **fields: object) -> Submit:
    return Submit((to,), content, 8, NUMBER, "900001", **fields)  # type: ignore[arg-type]


@dataclass(slots=True)
class Rig:
    """A gateway, links to it, and what they kept."""

    gateway: CmppSandbox
    terms: Terms
    kept: list[bytes] = field(default_factory=list)
    late: list[SubmitResp] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    trouble: Exception | None = None

    async def keep(self, frames: Sequence[bytes]) -> None:
        if self.trouble:
            raise self.trouble
        self.kept += frames

    async def link(self, now: datetime = JANUARY, **terms: object) -> Link:
        agreed = replace(self.terms, port=self.gateway.port, **terms)  # type: ignore[arg-type]
        link = await open_link(agreed, self.keep, "cmpp", now)
        self.links.append(link)
        return link

    async def send(self, link: Link, pdu: Submit | None = None) -> SubmitResp:
        return await link.submit(pdu or submit(), self.late.append)

    def delivers(self) -> list[Deliver]:
        found = [decode(frame, self.terms.layouts)[1] for frame in self.kept]
        assert all(isinstance(pdu, Deliver) for pdu in found)
        return found  # type: ignore[return-value]


async def until(true: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - of another task's doing
            await asyncio.sleep(0.005)


@pytest.fixture(params=[Version.V2, Version.V3], ids=["2.0", "3.0"])
async def rig(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    monkeypatch.setattr(cmpp_link, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(cmpp_link, "KEEP_AGAIN_SECONDS", 0.02)
    version: Version = request.param
    courier = Courier((0, 0), 5)
    line = Line("900001", SECRET, (NUMBER,), version=version)
    terms = Terms("127.0.0.1", 0, "900001", SECRET, version, version.value, timeout=5, idle=60)
    rig = Rig(CmppSandbox(line, Clock(), courier), terms)
    await rig.gateway.open()
    yield rig
    for link in rig.links:
        link.drop()
    await courier.close()
    await rig.gateway.close()


# ------------------------------------------------------------------------------------------ log-in


async def test_logged_in_it_submits(rig: Rig) -> None:
    link = await rig.link()
    answer = await rig.send(link)
    assert answer.result == 0
    assert [id_ for id_, _ in rig.gateway.taken] == [answer.message_id]
    assert link.waiting == 0


async def test_in_october_too(rig: Rig) -> None:
    """The time of the log-in is hashed with the zero it begins with, in months that have one."""
    assert (await rig.send(await rig.link(OCTOBER))).result == 0


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"secret": "other"}, BAD_SECRET), ({"source": "900002"}, BAD_SOURCE)],
)
async def test_a_refused_log_in_says_why(rig: Rig, wrong: dict[str, str], status: int) -> None:
    with pytest.raises(LoginRefused) as refused:
        await rig.link(**wrong)  # type: ignore[arg-type]
    assert refused.value.status == status
    await until(lambda: not rig.gateway.sessions)


async def test_too_many_connections(rig: Rig) -> None:
    rig.gateway.line = replace(rig.gateway.line, connections=1)
    await rig.link()
    with pytest.raises(LoginRefused) as refused:
        await rig.link()
    assert refused.value.status == TOO_MANY


async def test_a_gateway_that_cannot_prove_itself_is_left(rig: Rig) -> None:
    rig.gateway.line = replace(rig.gateway.line, source="900001")
    sandbox_secret = rig.gateway.line.secret

    def unproved(status: int, digest: bytes, secret: str) -> tuple[bytes, bytes]:
        assert (status, secret) == (0, sandbox_secret)
        return bytes(16), digest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("outreach.sandbox.cmpp.answer_digests", unproved)
        with pytest.raises(Unanswered):
            await rig.link()


async def test_a_digest_over_four_octets_is_taken_unless_told_otherwise(rig: Rig) -> None:
    rig.gateway.manner.four_octets = True
    await rig.link()
    if rig.terms.layouts is Version.V2:
        with pytest.raises(Unanswered):
            await rig.link(strict=True)
    else:
        await rig.link(strict=True)


async def test_a_port_that_says_nothing(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terms = replace(rig.terms, port=silent.getsockname()[1], timeout=0.1)
        with pytest.raises((Unanswered, TimeoutError)):
            await open_link(terms, rig.keep, "cmpp", JANUARY)


# ----------------------------------------------------------------------------------------- window


async def test_many_at_once_never_overrun_the_gateway_s_window(rig: Rig) -> None:
    rig.gateway.manner.answer_after = 0.005
    link = await rig.link()
    answers = await asyncio.gather(*(rig.send(link) for _ in range(100)))
    assert {answer.result for answer in answers} == {0}
    assert len({answer.message_id for answer in answers}) == 100


async def test_answers_in_any_order_find_their_submits(rig: Rig) -> None:
    link = await rig.link()
    rig.gateway.manner.result = lambda pdu: int(pdu.recipients[0][-1])
    numbers = [TO[:-1] + digit for digit in "1234567"]
    results = await asyncio.gather(*(rig.send(link, submit(number)) for number in numbers))
    assert [answer.result for answer in results] == [1, 2, 3, 4, 5, 6, 7]


async def test_too_fast_is_answered_by_result_8(rig: Rig) -> None:
    rig.gateway.line = replace(rig.gateway.line, rate=3)
    link = await rig.link()
    results = [(await rig.send(link)).result for _ in range(5)]
    assert results == [0, 0, 0, 8, 8]


async def test_a_full_window_writes_nothing_more(rig: Rig) -> None:
    rig.gateway.manner.answers = False
    link = await rig.link(window=2, timeout=0.3)
    sends = [asyncio.create_task(rig.send(link)) for _ in range(2)]
    await until(lambda: len(rig.gateway.taken) == 2)
    with pytest.raises(NotWritten):
        await rig.send(link)
    assert len(rig.gateway.taken) == 2
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert all(isinstance(outcome, Unanswered) for outcome in outcomes)


async def test_a_window_full_of_late_answers_ends_the_connection(rig: Rig) -> None:
    rig.gateway.manner.answers = False
    link = await rig.link(window=1, timeout=0.1)
    with pytest.raises(Unanswered):
        await rig.send(link)
    await asyncio.wait_for(link.lost.wait(), 2)


async def test_a_late_answer_still_counts(rig: Rig) -> None:
    rig.gateway.manner.answer_after = 0.3
    link = await rig.link(window=2, timeout=0.1)
    with pytest.raises(Unanswered):
        await rig.send(link)
    await until(lambda: rig.late)
    assert [answer.message_id for answer in rig.late] == [id_ for id_, _ in rig.gateway.taken]
    assert link.ready
    assert link.waiting == 0


async def test_of_a_send_that_was_cancelled_the_answer_still_counts(rig: Rig) -> None:
    rig.gateway.manner.answer_after = 0.1
    link = await rig.link()
    send = asyncio.create_task(rig.send(link))
    await until(lambda: rig.gateway.taken)
    send.cancel()
    await until(lambda: rig.late)
    assert link.waiting == 0


async def test_an_answer_that_comes_twice_is_one(rig: Rig) -> None:
    rig.gateway.manner.answer_twice = True
    link = await rig.link()
    answers = await asyncio.gather(*(rig.send(link) for _ in range(40)))
    assert len({answer.message_id for answer in answers}) == 40
    assert link.ready
    assert rig.late == []


# ------------------------------------------------------------------------------------------ ending


async def test_a_connection_that_goes_leaves_what_was_written_unknown(rig: Rig) -> None:
    rig.gateway.manner.answers = False
    link = await rig.link(window=1)
    written = asyncio.create_task(rig.send(link))
    await until(lambda: rig.gateway.taken)
    waiting = asyncio.create_task(rig.send(link))
    await asyncio.sleep(0.02)
    rig.gateway.sessions[0].hang_up()
    with pytest.raises(Unanswered):
        await written
    with pytest.raises(NotWritten):
        await waiting
    with pytest.raises(NotWritten):
        await rig.send(link)
    assert len(rig.gateway.taken) == 1


async def test_closing_waits_for_what_is_owed(rig: Rig) -> None:
    rig.gateway.manner.answer_after = 0.1
    link = await rig.link()
    send = asyncio.create_task(rig.send(link))
    await until(lambda: rig.gateway.taken)
    await link.close()
    assert (await send).result == 0
    await until(lambda: not rig.gateway.sessions)


async def test_the_gateway_says_goodbye(rig: Rig) -> None:
    link = await rig.link()
    rig.gateway.sessions[0].ask(Terminate())
    await asyncio.wait_for(link.lost.wait(), 2)
    assert not link.ready


async def test_silence_is_asked_about_and_then_ends_the_connection(rig: Rig) -> None:
    link = await rig.link(idle=0.05, timeout=0.05)
    await asyncio.sleep(0.4)
    assert link.ready  # it answers
    rig.gateway.manner.tests = False
    await asyncio.wait_for(link.lost.wait(), 3)


async def test_the_gateway_asks_whether_we_are_there(rig: Rig) -> None:
    link = await rig.link()
    rig.gateway.manner.answers = False
    send = asyncio.create_task(rig.send(link))
    await until(lambda: rig.gateway.taken)
    rig.gateway.sessions[0].ask(ActiveTest())
    await asyncio.sleep(0.05)
    assert link.ready
    send.cancel()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", bytes(12), b"\xff" * 40])
async def test_garbage_ends_the_connection(rig: Rig, garbage: bytes) -> None:
    link = await rig.link()
    rig.gateway.sessions[0].write(garbage)
    await asyncio.wait_for(link.lost.wait(), 2)


async def test_half_a_message_and_silence_ends_it(rig: Rig) -> None:
    rig.gateway.manner.tests = False
    link = await rig.link(idle=0.05, timeout=0.05)
    rig.gateway.sessions[0].write(encode(ActiveTest(), 1, rig.terms.layouts)[:7])
    await asyncio.wait_for(link.lost.wait(), 3)


async def test_what_nobody_asked_for_is_passed_over(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    link = await rig.link()
    layouts = rig.terms.layouts
    stray = [
        encode(SubmitResp(1, 0), 4711, layouts),
        encode(Query("20261126"), 1, layouts),
        bytes.fromhex("0000000c0000000300000001"),
    ]
    rig.gateway.sessions[0].write(b"".join(stray))
    assert (await rig.send(link)).result == 0
    for action in ("cmpp_stray_answer", "cmpp_unknown_command"):
        assert action in caplog.text


# -------------------------------------------------------------------------------- what is delivered


async def test_reports_and_replies_are_kept_before_they_are_answered(rig: Rig) -> None:
    link = await rig.link()
    rig.trouble = OSError("database away")
    answer = await rig.send(link)
    rig.gateway.say(TO, NUMBER + "0042", "已经还了" * 40)
    await asyncio.sleep(0.1)
    assert rig.gateway.delivered == []
    rig.trouble = None
    await until(lambda: len(rig.gateway.delivered) == 4)
    report, *replies = rig.delivers()
    assert Report.read(report.content).message_id == answer.message_id
    parts = [read_part(reply.content, has_header=bool(reply.udhi)) for reply in replies]
    assert decoded(joined(parts), Format.UCS2) == "已经还了" * 40
    assert {reply.recipient for reply in replies} == {NUMBER + "0042"}


async def test_what_was_not_answered_comes_again(rig: Rig) -> None:
    rig.gateway.manner.repeat_after = 0.1
    link = await rig.link()
    rig.trouble = OSError("database away")
    await rig.send(link)
    await asyncio.sleep(0.25)
    rig.trouble = None
    await until(lambda: rig.gateway.delivered)
    assert len(set(rig.delivers())) == 1


async def test_reports_early_twice_and_elsewhere(rig: Rig) -> None:
    manner = rig.gateway.manner
    manner.report_first = manner.report_twice = manner.report_elsewhere = True
    first, second = await rig.link(), await rig.link()
    ids = [(await rig.send(link)).message_id for link in (first, second)]
    await until(lambda: len(rig.gateway.delivered) == 4)
    assert sorted(Report.read(each.content).message_id for each in rig.delivers()) == sorted(
        ids * 2
    )


async def test_a_report_of_the_other_version_s_length(rig: Rig) -> None:
    link = await rig.link()
    for length in (60, 71):
        rig.gateway.manner.report_length = length
        await rig.send(link)
    await until(lambda: len(rig.gateway.delivered) == 2)
    assert [len(each.content) for each in rig.delivers()] == [60, 71]
    assert all(Report.read(each.content).stat == "DELIVRD" for each in rig.delivers())


async def test_a_flood_ends_the_connection_instead_of_our_memory(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cmpp_link, "FLOOD", 50)
    link = await rig.link()
    rig.trouble = OSError("database away")
    for _ in range(60):
        rig.gateway.say(TO, NUMBER, "在吗")
    await asyncio.wait_for(link.lost.wait(), 2)


async def test_nothing_private_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    link = await rig.link()
    rig.trouble = OSError(TO)
    await rig.send(link, submit(content="王先生".encode("utf-16-be")))
    rig.gateway.sessions[0].write(b"\0" * 20)
    await asyncio.wait_for(link.lost.wait(), 2)
    with pytest.raises(LoginRefused):
        await rig.link(secret="hunter2")
    for private in (TO, SECRET, "hunter2", "王先生"):
        assert private not in caplog.text
