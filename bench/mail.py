"""Mails a second of the SMTP adapter, beside bare aiosmtplib that sends the same mails ready made.

    python -m bench.mail [--quick]

Eight sessions, mails of text and HTML, and a relay that answers at once in a process on another
core. The measured process has a core to itself; turns alternate. Ours writes each mail anew from
its words; the bare client is given the octets.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

import aiosmtplib
import uvloop
from bench.peers import peers
from bench.stage import micro, say, spread
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach.channels.base import Accepted, Message
from outreach.channels.dkim_signer import Sign, signer
from outreach.channels.smtp import Smtp
from outreach.channels.token import Tokens
from outreach.clock import Clock, monotonic
from outreach.ids import new_id
from outreach.settings import SmtpSettings
from outreach.worker import rarely_collect

SESSIONS = 8
GOAL = 0.9
TOKENS = Tokens(b"k" * 32)
TEXT = "尊敬的客户:\n\n" + "您的信用卡账户已逾期,请尽快安排还款;如有异议,请致电客服热线。\n" * 12
HTML = (
    "<!DOCTYPE html><html><body>"
    + "<p>您的信用卡账户已逾期,请尽快安排还款。</p>" * 30
    + "</body></html>"
)
WAYS = {
    "ours": "Outreach, Smtp.send",
    "signed": "Outreach, signed by DKIM",
    "bare": "bare aiosmtplib, octets ready",
}

Took = tuple[float, float]
"""Wall and own CPU, in seconds."""


def settings(port: int) -> SmtpSettings:
    return SmtpSettings(
        kind="smtp",
        name="bench",
        host="127.0.0.1",
        port=port,
        security="none",
        from_address="notice@outreach.test",
        reply_to="reply@outreach.test",
        bounce_domain="bounce.outreach.test",
        concurrency=SESSIONS,
    )


def message(number: int) -> Message:
    notice_id = new_id()
    return Message(
        notice_id=notice_id,
        attempt=1,
        token=TOKENS.mint(notice_id, 1),
        to=f"person{number}@debtor.test",
        sender_name="青岚银行",
        text=TEXT,
        subject="账户提醒",
        html=HTML,
    )


def _sign() -> Sign:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return signer("s1", "outreach.test", pem, "bench")


async def _share(work: Callable[[int], Awaitable[None]], size: int, places: int) -> Took:
    """Do it for each number, so many at a time."""
    numbers = iter(range(size))

    async def place() -> None:
        for number in numbers:
            await work(number)

    wall, own = monotonic(), time.process_time()
    await asyncio.gather(*(place() for _ in range(places)))
    return monotonic() - wall, time.process_time() - own


async def _ours(carrier: Smtp, messages: Sequence[Message]) -> Took:
    async def send(number: int) -> None:
        outcome = await carrier.send(messages[number])
        if not isinstance(outcome, Accepted):
            raise RuntimeError(f"the relay did not accept: {outcome}")

    return await _share(send, len(messages), SESSIONS)


async def _bare(
    clients: Sequence[aiosmtplib.SMTP], mails: Sequence[tuple[str, str, bytes]]
) -> Took:
    idle = list(clients)

    async def send(number: int) -> None:
        sender, to, octets = mails[number]
        client = idle.pop()
        await client.sendmail(sender, [to], octets)
        idle.append(client)

    return await _share(send, len(mails), SESSIONS)


async def measure(port: int, size: int, rounds: int) -> dict[str, list[Took]]:
    plain, signed = (
        Smtp(settings(port), tokens=TOKENS, clock=Clock(), sign=sign) for sign in (None, _sign())
    )
    clients = [
        aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(SESSIONS)
    ]
    for client in clients:
        await client.connect()
    messages = [message(number) for number in range(size)]
    mails = [
        (f"bounces+{each.token}@bounce.outreach.test", each.to, plain._write(each))
        for each in messages
    ]
    rarely_collect()
    took: dict[str, list[Took]] = {way: [] for way in WAYS}
    for turn in range(rounds + 1):  # the first warms up
        found = {
            "ours": await _ours(plain, messages),
            "signed": await _ours(signed, messages[: size // 4]),
            "bare": await _bare(clients, mails),
        }
        if turn:
            for way, each in found.items():
                took[way].append(each)
    for client in clients:
        await client.quit()
    await plain.close()
    await signed.close()
    return took


def table(took: dict[str, list[Took]], size: int) -> list[str]:
    sizes = {"ours": size, "signed": size // 4, "bare": size}
    rates = {way: [sizes[way] / wall for wall, _ in took[way]] for way in WAYS}
    ratio = median(ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True))
    lines = [
        f"mail, {size:,} a run over {SESSIONS} sessions, {len(took['ours'])} rounds in turns, "
        "medians",
        f"  {ratio:.2f} of the rate of bare aiosmtplib (goal {GOAL})",
        f"  {'':<32}{'mails/s':>10} {'(min-max)':>19}{'own CPU':>11}",
    ]
    for way, told in WAYS.items():
        own = micro(median(cpu for _, cpu in took[way]), sizes[way])
        lines.append(
            f"  {told:<32}{median(rates[way]):>10,.0f} {spread(rates[way]):>19}{own:>8.1f} µs"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    size, rounds = (400, 2) if parser.parse_args().quick else (8_000, 5)
    cores = sorted(os.sched_getaffinity(0))
    with peers() as relay:
        os.sched_setaffinity(relay.process.pid, cores[1:] or cores)
        os.sched_setaffinity(0, cores[:1])
        took = uvloop.run(measure(relay.ports["smtp"], size, rounds))
    say(*table(took, size), "")


if __name__ == "__main__":
    main()
