"""The peer's worker: Celery, one task a notice, as people commonly write it.

A task reads its row, renders with Jinja2, sends, updates the status, inserts an event, commits.
Personal data is in clear, nothing is judged, nothing is recorded before the wire, nothing chained.
Each thread or process keeps one database connection and one carrier session. Acknowledgement,
prefetch and serializer are Celery's defaults; results are ignored.
"""

import json
import os
import smtplib
import threading
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

import asyncpg
import jinja2
import uvloop
from bench.people import PURPOSE
from bench.stage import Place
from celery import Celery
from celery.signals import worker_process_shutdown, worker_shutdown
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from outreach.channels import registry
from outreach.channels.base import Accepted, Carrier, Message
from outreach.channels.token import Tokens
from outreach.clock import Clock
from outreach.domain.contact import Channel
from outreach.settings import (
    CarrierSettings,
    CreditorSettings,
    Settings,
    SmtpSettings,
    TwilioSettings,
)

TABLES = """
create table peer_notices (
    id uuid primary key default gen_random_uuid(), round int not null,
    name text not null, sex text not null, phone text not null, email text not null,
    product text not null, tail text not null, overdue_days int not null, as_of date not null,
    minimum_payment bigint not null, overdue bigint not null, balance bigint not null,
    principal bigint not null, interest bigint not null, penalty bigint not null,
    fees bigint not null, status text not null default 'pending', finished_at timestamptz
);
create table peer_events (
    id bigint generated always as identity primary key, notice_id uuid not null,
    kind text not null, at timestamptz not null, data jsonb not null
);
create index on peer_events (notice_id);
"""
TASK = "send_notice"
SPEC = "BENCH_CELERY"
"""The variable with a JSON list: the place, the channel, whose client objects, which core."""

SUMS = ("minimum_payment", "overdue", "balance", "principal", "interest", "penalty", "fees")
Words = dict[str, str]


def make_app(place: Place) -> Celery:
    """Redis as broker, in a database of its own."""
    broker = place.redis.replace("unix://", "redis+socket://").replace("?db=0", "?virtual_host=1")
    app = Celery("bench", broker=broker)
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    return app


# -------------------------------------------------------------------------------------- words


@cache
def templates(folder: str, channel: Channel) -> dict[str, jinja2.Template]:
    """The templates as delivered, in an environment anybody would write."""
    found = {}
    for part in ("txt", "subject.txt", "html") if channel is Channel.EMAIL else ("txt",):
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder, f"{folder}/{channel}"]),
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=part == "html",
        )
        environment.filters |= {
            "amount": lambda minor: f"{minor / 100:,.2f}元",
            "day": lambda day: f"{day.year}年{day.month}月{day.day}日",
            "short_day": lambda day: f"{day.month}月{day.day}日",
            "tail": lambda digits: f"尾号{digits}",
        }
        found[part] = environment.get_template(f"{channel}/{PURPOSE}/zh-CN.{part}")
    return found


def render(settings: Settings, channel: Channel, row: Any) -> Words:
    """``txt`` and, of a mail, ``subject.txt`` and ``html``."""
    creditor = settings.creditors[_qinglan(settings.creditors)]
    account = {name: row[name] for name in ("product", "tail", *SUMS)}
    variables = {
        "creditor": creditor,
        "debtor": {"salutation": row["name"][0] + ("女士" if row["sex"] == "女" else "先生")},
        "accounts": [account | {"days_past_due": row["overdue_days"]}],
        "totals": account,
        "as_of": row["as_of"],
        "today": row["as_of"],
        "guarantor": False,
        "agency": None,
    }
    found = templates(str(settings.templates_dir), channel)
    words = {part: template.render(variables) for part, template in found.items()}
    if channel is Channel.SMS:
        return {"txt": "".join(line.strip() for line in words["txt"].splitlines())}
    return words | {"txt": words["txt"].strip() + "\n", "subject.txt": words["subject.txt"].strip()}


def _qinglan(creditors: tuple[CreditorSettings, ...]) -> int:
    return next(at for at, each in enumerate(creditors) if each.id == "qinglan-bank")


# ------------------------------------------------------------------------------------ sending


class OurClient:
    """The very client objects our worker sends with, in a loop of their own."""

    def __init__(self, settings: Settings, channel: Channel) -> None:
        configured = carrier_of(settings, channel)
        self._carrier: Any = registry.build(
            configured,
            tokens=Tokens(b"bench"),
            public_url=settings.public_url,
            clock=Clock(),
            secrets=settings.carrier_secrets,
        )
        self._sender = settings.creditors[_qinglan(settings.creditors)].name
        self._email = channel is Channel.EMAIL

    async def open(self) -> None:
        carrier: Carrier = self._carrier
        await carrier.open()

    async def send(self, row: Any, words: Words) -> str:
        outcome = await self._carrier.send(
            Message(
                notice_id=row["id"],
                attempt=1,
                token=row["id"].hex,
                to=row["email"] if self._email else row["phone"],
                sender_name=self._sender,
                text=words["txt"],
                subject=words.get("subject.txt", ""),
                html=words.get("html"),
            )
        )
        if not isinstance(outcome, Accepted):
            raise RuntimeError(f"the carrier did not accept: {outcome}")
        return outcome.message_ids[0]

    async def close(self) -> None:
        await self._carrier.close()


class _Local(TwilioHttpClient):
    """The library's own client (requests, one kept session), sent to this machine."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        url = url.replace("https://api.twilio.com", self._base)
        return super().request(method, url, *args, **kwargs)


class UsualTwilio:
    """``client.messages.create`` of the official library, as its manual shows it."""

    def __init__(self, settings: Settings, carrier: TwilioSettings) -> None:
        self._carrier, self._public_url = carrier, settings.public_url
        token = settings.carrier_secrets[carrier.token_env]
        self._client = Client(carrier.account_sid, token, http_client=_Local(carrier.base_url))

    async def open(self) -> None: ...

    async def send(self, row: Any, words: Words) -> str:
        message = self._client.messages.create(
            to=row["phone"],
            messaging_service_sid=self._carrier.messaging_service_sid,
            body=words["txt"],
            status_callback=f"{self._public_url}/callbacks/twilio/status/{row['id'].hex}",
        )
        return str(message.sid)

    async def close(self) -> None:
        self._client.http_client.session.close()


class UsualMail:
    """``smtplib`` on a kept session, the mail an ``EmailMessage``."""

    def __init__(self, settings: Settings, carrier: SmtpSettings) -> None:
        self._carrier = carrier
        self._sender = settings.creditors[_qinglan(settings.creditors)].name

    async def open(self) -> None:
        self._session = smtplib.SMTP(self._carrier.host, self._carrier.port)

    async def send(self, row: Any, words: Words) -> str:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"{self._sender} <{self._carrier.from_address}>"
        mail["To"] = row["email"]
        mail["Subject"] = words["subject.txt"]
        mail["Message-ID"] = name = f"<{row['id'].hex}@{self._carrier.bounce_domain}>"
        mail.set_content(words["txt"])
        mail.add_alternative(words["html"], subtype="html")
        self._session.send_message(mail)
        return name

    async def close(self) -> None:
        self._session.quit()


def carrier_of(settings: Settings, channel: Channel) -> CarrierSettings:
    """The one a notice to the mainland goes by."""
    route = next(route for route in settings.routes if route.channel is channel)
    return next(carrier for carrier in settings.carriers if carrier.name == route.first)


def client_of(settings: Settings, channel: Channel, whose: str) -> Any:
    if whose == "ours":
        return OurClient(settings, channel)
    carrier = carrier_of(settings, channel)
    if isinstance(carrier, TwilioSettings):
        return UsualTwilio(settings, carrier)
    assert isinstance(carrier, SmtpSettings)
    return UsualMail(settings, carrier)


# ----------------------------------------------------------------------------------- the task


class Hand:
    """What a thread or process of Celery keeps: a loop, a connection, a session."""

    def __init__(self, place: Place, channel: Channel, whose: str) -> None:
        self._settings, self._channel = place.settings(), channel
        self._loop = uvloop.new_event_loop()
        self._client = client_of(self._settings, channel, whose)
        self._loop.run_until_complete(self._open(place.database))

    async def _open(self, database: str) -> None:
        self._conn = await asyncpg.connect(database)
        await self._client.open()

    def work(self, notice_id: str) -> None:
        self._loop.run_until_complete(self._work(notice_id))

    async def _work(self, notice_id: str) -> None:
        conn = self._conn
        row = await conn.fetchrow("select * from peer_notices where id = $1::uuid", notice_id)
        words = render(self._settings, self._channel, row)
        message_id = await self._client.send(row, words)
        async with conn.transaction():
            await conn.execute(
                "update peer_notices set status = 'sent', finished_at = clock_timestamp() "
                "where id = $1::uuid",
                notice_id,
            )
            await conn.execute(
                "insert into peer_events (notice_id, kind, at, data) "
                "values ($1::uuid, 'sent', clock_timestamp(), $2)",
                notice_id,
                json.dumps({"message_id": message_id, "text": words["txt"]}),
            )

    def close(self) -> None:
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _close(self) -> None:
        await self._client.close()
        await self._conn.close()


def serve(spelt: str) -> Celery:
    """The application ``celery worker`` runs."""
    place_spelt, channel, whose, core = json.loads(spelt)
    os.sched_setaffinity(0, {core})  # before there is any thread or child
    place = Place.read(place_spelt)
    app = make_app(place)
    own, hands = threading.local(), list[Hand]()

    def send_notice(notice_id: str) -> None:
        if not hasattr(own, "hand"):
            own.hand = Hand(place, Channel(channel), whose)
            hands.append(own.hand)
        own.hand.work(notice_id)

    def close(**_: object) -> None:
        while hands:
            hands.pop().close()

    for signal in (worker_shutdown, worker_process_shutdown):
        signal.connect(close, weak=False)
    app.task(name=TASK)(send_notice)
    return app


if SPEC in os.environ:
    app = serve(os.environ[SPEC])
