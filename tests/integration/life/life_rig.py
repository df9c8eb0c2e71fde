"""A small bank for one test: real parts over real servers, sandbox carriers, invented people."""

import asyncio
import csv
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import aiosmtplib
import asyncpg
import orjson
import uvicorn
from redis.asyncio import Redis
from twilio.request_validator import RequestValidator

from outreach.bootstrap import open_parts
from outreach.channels.base import Callback, Carrier, Outcome
from outreach.clock import Clock, monotonic
from outreach.compliance.pack import select
from outreach.compliance.policies import Policies
from outreach.db import audience, facts
from outreach.db.events import read_event
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.events import Event, EventKind
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.http.app import build_app
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.keys import WrappedKey
from outreach.life import callbacks, intake, receipts
from outreach.life.dispatch import Dispatcher
from outreach.life.intent import Chunk, intend
from outreach.life.parts import Parts
from outreach.life.results import SentChunk, answered
from outreach.life.stops import Stops
from outreach.life.turns import Grant
from outreach.mailbox import open_mailbox
from outreach.pace import Pace
from outreach.portfolio.load import import_accounts
from outreach.sandbox.book import Entry, read_book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.run import open_sandbox
from outreach.settings import (
    CarrierSettings,
    MailHouseSettings,
    RouteSettings,
    Settings,
    SmtpSettings,
    TwilioSettings,
    load,
)

ROOT = Path(__file__).parents[3]
ZONE = ZoneInfo("Asia/Shanghai")
NEVER = (3600.0, 3600.0)
AT_ONCE = (0.0, 0.0)
PATIENCE = 20.0
OUR_NUMBER = "+85200000000"

_numbers = count(1)
everybody: list["Person"] = []
"""Whoever was thought up in this test: nothing of them may stand in a log."""


@dataclass(frozen=True)
class Person:
    """Somebody invented: an unassigned mobile prefix, a ``.test`` mailbox, a place not on maps."""

    name: str = "云小满"
    number: int = field(default_factory=lambda: next(_numbers))
    shared_phone: str = ""
    role: str = "主借款人"
    of: "Person | None" = None  # whose account a party other than the borrower belongs to

    def __post_init__(self) -> None:
        everybody.append(self)

    @property
    def phone(self) -> str:
        return self.shared_phone or f"1540{self.number:07d}"

    @property
    def e164(self) -> str:
        return f"+86{self.phone}"

    @property
    def email(self) -> str:
        return f"person{self.number}@debtor.test"

    @property
    def address(self) -> str:
        return f"云岭省青岚市竹影巷{self.number}号"

    @property
    def account(self) -> str:
        return self.of.account if self.of else f"99990000{self.number:08d}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a log."""
        return (self.name, self.phone, self.email, f"竹影巷{self.number}号", self.account)


def working_day(now: datetime, hour: int = 10) -> datetime:
    """That hour in Shanghai on the working day nearest ahead."""
    day = now.astimezone(ZONE).date()
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, time(hour), ZONE)


class House:
    """The parts of one deployment, its debtors, and its carriers' own books."""

    def __init__(
        self, parts: Parts, redis_url: str, redis: Redis, folder: Path, secret: str
    ) -> None:
        self.parts = parts
        self.redis_url = redis_url
        self.redis = redis
        self.pace = Pace(redis, parts.settings.lease_seconds)
        self.folder = folder
        self.stops = Stops()
        self.draining = asyncio.Event()
        self._signer = RequestValidator(secret)
        self._keys = count(1)

    @property
    def settings(self) -> Settings:
        return self.parts.settings

    @property
    def now(self) -> datetime:
        return self.parts.clock.now()

    def set(self, **settings: object) -> None:
        """Change settings of the running house."""
        self.parts = replace(self.parts, settings=self.settings.model_copy(update=settings))

    def at(self, moment: datetime) -> None:
        """Move the business clock."""
        self.parts = replace(self.parts, clock=Clock(moment - Clock().now()))

    def use(self, carrier: Carrier) -> None:
        """Put an adapter in the place of the one of its name."""
        self.parts = replace(self.parts, carriers={**self.parts.carriers, carrier.name: carrier})

    def rule(self, key: str, **params: object) -> None:
        """Change a rule's parameters in the mainland's pack."""
        pack = self.parts.policies.packs[Jurisdiction.MAINLAND]
        [known] = [rule for rule in pack.rules if rule.key == key]
        changed = replace(known, params=replace(known.params, **params))
        rules = tuple(changed if rule is known else rule for rule in pack.rules)
        changed_pack = replace(pack, rules=rules, selections=select(rules, "test"))
        packs = {**self.parts.policies.packs, Jurisdiction.MAINLAND: changed_pack}
        self.parts = replace(self.parts, policies=Policies(packs, {}))

    def without_codes(self) -> None:
        """Let messages hold no check code: then two of them may say the very same."""
        creditors = {
            each.id: each.model_copy(update={"check_at": None})
            for each in self.parts.creditors.values()
        }
        self.parts = replace(self.parts, creditors=creditors)

    def two_a_day(self) -> None:
        """Let a channel have two contacts a day: all that a person's day holds, by one of them."""
        for key in ("F-03.sms-day", "F-03.email-day"):
            self.rule(key, limit=2)

    # --------------------------------------------------------------------------- seeding

    async def people(self, *people: Person) -> None:
        """Import people with an overdue account each (or a part in another's)."""
        path = self.folder / f"accounts-{next(_numbers)}.csv"
        today = self.now.astimezone(ZONE).date()
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = [_row(person, today) for person in people]
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        report = await import_accounts(self.parts, path, "user:test")
        assert report.refused == 0

    async def row(self, person: Person, channel: Channel = Channel.SMS) -> asyncpg.Record:
        """``debtor_id, account_id, point_id`` of a person."""
        lookup = self.parts.lookup
        row = await self.fetchrow(
            """select d.id as debtor_id, a.id as account_id, p.id as point_id, d.zone
               from debtors d join parties y on y.debtor_id = d.id
               join accounts a on a.id = y.account_id and a.number_hash = $2
               left join contact_points p on p.debtor_id = d.id and p.kind = $3
               where d.id_number_hash = $1""",
            lookup.hash("id_number", id_number(person)),
            lookup.hash("account", person.account),
            KIND_FOR[channel],
        )
        assert row is not None
        return row

    async def request(
        self,
        person: Person,
        channel: Channel = Channel.SMS,
        purpose: Purpose = Purpose.OVERDUE_NOTICE,
        *,
        key: str | None = None,
        lane: Lane | None = None,
        expires_at: datetime | None = None,
    ) -> NoticeRequest:
        row = await self.row(person, channel)
        usual = Lane.LETTERS if channel is Channel.LETTER else Lane.BULK
        return NoticeRequest(
            creditor_id="qinglan-bank",
            debtor_id=row["debtor_id"],
            account_ids=(row["account_id"],),
            purpose=purpose,
            channel=channel,
            currency=self.parts.creditor("qinglan-bank").currency,
            contact_point_id=row["point_id"],
            idempotency_key=key or f"test:{next(self._keys)}",
            lane=lane or usual,
            due_at=self.now,
            expires_at=expires_at or self.now + intake.LIFETIME,
        )

    async def submit(self, *requests: NoticeRequest) -> list[UUID]:
        async with self.parts.pool.acquire() as conn, conn.transaction():
            found = await intake.submit(conn, self.parts, requests, "user:test")
        return [notice_id for notice_id, _ in found]

    async def notice(
        self,
        person: Person,
        channel: Channel = Channel.SMS,
        purpose: Purpose = Purpose.OVERDUE_NOTICE,
        *,
        lane: Lane | None = None,
        expires_at: datetime | None = None,
    ) -> UUID:
        """Submit one notice."""
        request = await self.request(person, channel, purpose, lane=lane, expires_at=expires_at)
        return (await self.submit(request))[0]

    async def a_notice(self, channel: Channel = Channel.SMS) -> tuple[Person, UUID]:
        """Somebody new with a notice that is due."""
        person = Person()
        await self.people(person)
        return person, await self.notice(person, channel)

    async def rename(self, person: Person, name: str) -> None:
        """Put another name where the debtor's stands, as an import that checks nothing would."""
        row = await self.fetchrow(
            """select d.id, d.sealed, k.wrapped, k.master_version from debtors d
               join sealing_keys k on k.id = d.id where d.id = $1""",
            (await self.row(person))["debtor_id"],
        )
        assert row is not None
        stored = WrappedKey(row["id"], row["wrapped"], row["master_version"])
        key, place = self.parts.masters.unwrap(stored), places.debtor(row["id"])
        fields = orjson.loads(key.open(row["sealed"], place)) | {"name": name}
        sealed = key.seal(orjson.dumps(fields), place)
        await self.execute("update debtors set sealed = $2 where id = $1", row["id"], sealed)

    # --------------------------------------------------------------------------- the steps

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.parts, self.stops, self.pace, "worker:test", self.draining)

    async def dispatch(self, route: str = "sms", lane: Lane = Lane.BULK) -> int:
        return await self.dispatcher().run(lane, route)

    def worker(self, route: str = "sms") -> "Worker":
        return Worker(self, route)

    async def due_now(self, notice_id: UUID) -> None:
        """Let the time a notice waits for come."""
        await self.execute("update due set due_at = $2 where notice_id = $1", notice_id, self.now)

    async def rested(self) -> None:
        """Carriers are as if nobody had asked anything of them: no pause, no open breaker."""
        await self.redis.flushdb()

    async def set_standing(self, person: Person, kind: str) -> None:
        row = await self.row(person)
        await self.execute(
            """insert into standings (id, debtor_id, kind, owner, reason, since)
               values ($1, $2, $3, 'user:test', 'case 1', $4)""",
            new_id(),
            row["debtor_id"],
            kind,
            self.now,
        )

    async def mark(self, person: Person, field: str, channel: Channel = Channel.SMS) -> None:
        row = await self.row(person, channel)
        await self.execute(
            f"update contact_points set {field} = $2 where id = $1", row["point_id"], self.now
        )

    async def apply(self) -> int:
        """Apply every callback that waits, retries included."""
        await self.execute("update callbacks_due set retry_at = clock_timestamp()")
        return await receipts.apply_batch(self.parts)

    # ------------------------------------------------------------------------ coming back

    def status(self, notice_id: UUID, attempt: int, word: str, **more: str) -> "Push":
        """A carrier's status callback, as Twilio would sign it."""
        token = self.parts.tokens.mint(notice_id, attempt)
        known = [entry.message_id for entry in self.book() if entry.token == token]
        sid = more.pop("sid", (known or [f"SM{notice_id.hex}"])[0])
        form = {"MessageSid": sid, "MessageStatus": word, "To": "+8615400000000", **more}
        return self.signed(f"status/{token}", form)

    def reply(self, person: Person, text: str) -> "Push":
        form = {"MessageSid": f"SM{new_id().hex}", "From": person.e164, "To": OUR_NUMBER}
        return self.signed("inbound", form | {"Body": text})

    async def mail(self, sender: str, text: str, token: str = "", more: str = "") -> None:
        """Somebody writes to the mailbox for replies, in answer to the mail of this token."""
        answers = f"In-Reply-To: <{token}@bounce.outreach.test>\r\n" if token else ""
        mail = (
            f"From: <{sender}>\r\nTo: <reply@outreach.test>\r\n"
            f"Message-ID: <{text.encode().hex()}@x.test>\r\nSubject: re\r\n{answers}{more}"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n\r\n> 如需退订请回复\r\n"
        )
        await aiosmtplib.send(
            mail.encode(),
            sender=sender,
            recipients=["reply@outreach.test"],
            hostname="127.0.0.1",
            port=self.settings.mail_port,
        )
        await self.apply()

    def signed(self, path: str, form: dict[str, str]) -> "Push":
        url = f"{self.settings.public_url}/callbacks/twilio/{path}"
        signature = self._signer.compute_signature(url, form)
        return Push(url, urlencode(form).encode(), {"X-Twilio-Signature": signature})

    async def post(self, *pushes: "Push") -> list[int]:
        """Call back over HTTP; the status codes answered."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answers = []
        async with aiohttp.ClientSession() as session:
            for push in pushes:
                headers = push.headers | form
                async with session.post(push.url, data=push.body, headers=headers) as answer:
                    answers.append(answer.status)
        return answers

    # ------------------------------------------------------------------------- looking at it

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        async with self.parts.pool.acquire() as conn:
            return await conn.fetch(query, *values)

    async def fetchrow(self, query: str, *values: object) -> asyncpg.Record | None:
        async with self.parts.pool.acquire() as conn:
            return await conn.fetchrow(query, *values)

    async def fetchval(self, query: str, *values: object) -> object:
        async with self.parts.pool.acquire() as conn:
            return await conn.fetchval(query, *values)

    async def execute(self, query: str, *values: object) -> None:
        async with self.parts.pool.acquire() as conn:
            await conn.execute(query, *values)

    async def look(self, notice_id: UUID) -> asyncpg.Record:
        row = await self.fetchrow(
            """select n.*, q.due_at as queued, u.since as uncertain_since from notices n
               left join due q on q.notice_id = n.id left join uncertain u on u.notice_id = n.id
               where n.id = $1""",
            notice_id,
        )
        assert row is not None
        return row

    async def state(self, notice_id: UUID) -> tuple[str, str]:
        row = await self.look(notice_id)
        return row["state"], row["delivery"]

    async def events(self, notice_id: UUID) -> list[Event]:
        """A notice's events in order, payloads opened."""
        return await self._events("notice_id", notice_id)

    async def history(self, person: Person) -> list[Event]:
        """All events of a debtor, payloads opened."""
        return await self._events("debtor_id", (await self.row(person))["debtor_id"])

    async def _events(self, column: str, value: UUID) -> list[Event]:
        rows = await self.fetch(
            f"""select e.*, p.sealed, p.key_id, k.wrapped, k.master_version from contact_events e
               left join event_payloads p on p.event_id = e.id
               left join sealing_keys k on k.id = p.key_id
               where e.{column} = $1 order by e.id""",
            value,
        )
        return [self._opened(row) for row in rows]

    def _opened(self, row: asyncpg.Record) -> Event:
        event = read_event(row)
        if row["sealed"] is None:
            return event
        stored = WrappedKey(row["key_id"], row["wrapped"], row["master_version"])
        plain = self.parts.masters.unwrap(stored).open(row["sealed"], places.payload(row["id"]))
        return replace(event, payload=orjson.loads(plain))

    async def kinds(self, notice_id: UUID) -> list[EventKind]:
        return [event.kind for event in await self.events(notice_id)]

    def book(self, carrier: str = "twilio") -> list[Entry]:
        """What a sandbox carrier took, by its own account."""
        return [e for e in read_book(self.folder / "books" / f"{carrier}.jsonl") if e.accepted]

    def booked(self, notice_id: UUID, carrier: str = "twilio") -> int:
        """How often a carrier took this notice."""
        read = self.parts.tokens.read
        tokens = [entry.token for entry in self.book(carrier)]
        return sum(t == str(notice_id) or (read(t) or (None,))[0] == notice_id for t in tokens)

    async def at_rest(self) -> bool:
        """Nothing is due, on the wire, or waits to be applied."""
        async with self.parts.pool.acquire() as conn:
            return not await audience.anything_moving(conn, self.now)


class Worker:
    """A dispatcher whose steps are taken one by one, so that it can die in between."""

    def __init__(self, house: House, route: str) -> None:
        self._house = house
        self._route = route
        self._dispatcher = house.dispatcher()
        self._carrier = house.parts.carriers[house.parts.routes[route].first]
        self._grant = Grant(self._carrier, house.settings.chunk, self._carrier.concurrency)

    async def intend(self) -> Chunk:
        chunk = await self._dispatcher._commit("bulk", self._route, self._grant, None)
        assert chunk is not None
        return chunk

    async def send(self, chunk: Chunk) -> SentChunk:
        return await self._dispatcher._send(chunk, self._grant.places)

    def answered(self, chunk: Chunk, *outcomes: Outcome) -> SentChunk:
        """As if the carrier had answered this."""
        return answered(self._house.parts, chunk, outcomes)

    async def intend_and_lose(self) -> Chunk:
        """The intent of a chunk whose transaction did not come to its end."""
        parts = self._house.parts
        async with parts.pool.acquire() as conn:
            lost = conn.transaction()
            await lost.start()
            rows = await facts.claim(conn, "bulk", self._route, "sms", parts.clock.now(), 100)
            chunk = await intend(conn, parts, self._carrier, rows, "worker:test")
            await lost.rollback()
        return chunk

    async def record_and_claim(self, sent: SentChunk) -> Chunk | None:
        return await self._dispatcher._commit("bulk", self._route, self._grant, sent)

    async def record(self, sent: SentChunk) -> None:
        await self._dispatcher._commit("bulk", self._route, None, sent)


@dataclass(frozen=True)
class Push:
    """A callback on its way to us."""

    url: str
    body: bytes
    headers: dict[str, str]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = monotonic() + seconds
    while not await condition():
        assert monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def open_house(
    database_url: str,
    redis_url: str,
    folder: Path,
    *,
    world: dict[str, object] | None = None,
    twilio_url: str | None = None,
    http: bool = False,
    sends: bool = False,
) -> AsyncIterator[House]:
    """A house at ten in the morning of a working day.

    ``world`` are fields of the sandbox's configuration; by default everything arrives and nothing
    comes back. ``twilio_url`` is a peer to use instead of the sandbox; ``http`` opens our doors;
    ``sends`` opens the parts as a worker does.
    """
    offset = working_day(Clock().now()) - Clock().now()
    async with AsyncExitStack() as stack:
        door = socket.create_server(("127.0.0.1", 0))
        mail_port = _free_port()
        public_url = f"http://127.0.0.1:{door.getsockname()[1]}"
        settings = load(
            {
                "OUTREACH_DATA_DIR": str(folder),
                "OUTREACH_TEMPLATES_DIR": str(ROOT / "templates"),
                "OUTREACH_PUBLIC_URL": public_url,
                "OUTREACH_MAIL_PORT": str(mail_port),
                "OUTREACH_CLOCK_OFFSET_SECONDS": str(offset.total_seconds()),
            },
            ROOT / "config",
        )
        config = _sandbox(settings, folder, public_url, mail_port, world or {})
        sandbox = await stack.enter_async_context(open_sandbox(config, Clock(offset)))
        twilio = twilio_url or f"http://127.0.0.1:{sandbox.twilio_port}"
        carriers = tuple(_local(settings.carriers, twilio, sandbox.smtp_port))
        routes = tuple(_simple(settings.routes))
        settings = settings.model_copy(
            update={"carriers": carriers, "routes": routes, "http_port": 1}
        )
        parts = await stack.enter_async_context(
            open_parts(settings, database_url, pool_size=6, sends=sends)
        )
        if http:
            await stack.enter_async_context(_doors(parts, door))
        else:
            door.close()
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        yield House(parts, redis_url, redis, folder, config.auth_token.get_secret_value())


def _sandbox(
    settings: Settings, folder: Path, public_url: str, mail_port: int, world: dict[str, object]
) -> SandboxConfig:
    house = next(c for c in settings.carriers if isinstance(c, MailHouseSettings))
    fates: dict[str, object] = {"sms": {}, "mail": {}, "letters": {}, "replies": {}}
    fields: dict[str, object] = {
        "twilio_port": 0,
        "cmpp_port": 0,
        "smtp_port": 0,
        "outbox": house.outbox,
        "inbox": house.inbox,
        "log_dir": folder / "books",
        "public_url": public_url,
        "mail_port": mail_port,
        "sms_carrier": "twilio",
        "letter_carrier": "mailhouse",
        "auth_token": settings.secrets["OUTREACH_TWILIO_TOKEN"],
        "cmpp_secret": settings.secrets["OUTREACH_CMPP_SECRET"],
        "tracking_salt": settings.secrets["OUTREACH_MAILHOUSE_SALT"],
        "delay": NEVER,
        "poll": 0.02,
        "repeats": 0.0,
    }
    return SandboxConfig.model_validate(fields | fates | world)


def _local(
    carriers: Iterable[CarrierSettings], twilio_url: str, smtp_port: int
) -> Iterator[CarrierSettings]:
    """Twilio for every SMS: its receipts come by our door, at once."""
    for carrier in carriers:
        match carrier:
            case TwilioSettings():
                yield carrier.model_copy(update={"base_url": twilio_url, "timeout_seconds": 2.0})
            case SmtpSettings():
                yield carrier.model_copy(update={"port": smtp_port})
            case MailHouseSettings():
                yield carrier


def _simple(routes: Iterable[RouteSettings]) -> Iterator[RouteSettings]:
    """One route for each channel."""
    for route in routes:
        if route.channel is not Channel.SMS:
            yield route
        elif route.name == "sms":
            yield route.model_copy(update={"regions": (), "carriers": {"twilio": 1}})


@asynccontextmanager
async def _doors(parts: Parts, door: socket.socket) -> AsyncIterator[None]:
    """The HTTP and the mail door, open to the carriers."""

    async def deliver(callback: Callback) -> None:
        await callbacks.accept(parts, callback)

    boxes = {"@bounce.outreach.test": "smtp", "reply@outreach.test": "smtp"}
    mail = await open_mailbox("127.0.0.1", parts.settings.mail_port, deliver, boxes)
    config = uvicorn.Config(build_app(parts), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[door]))

    async def started() -> bool:
        return server.started

    await until(started)
    try:
        yield
    finally:
        server.should_exit = True
        mail.close()
        with suppress(asyncio.CancelledError):
            await serving


def _free_port() -> int:
    """A port that is free, and that nobody's connection outwards takes before we listen there."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)  # below those the system hands out
        with suppress(OSError), socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            return port


def id_number(person: Person) -> str:
    return f"00000019700101{person.number:04d}"


def _row(person: Person, today: date) -> dict[str, str]:
    day = today.isoformat()
    late = (today - timedelta(days=20)).isoformat()
    debt = {
        "最早逾期到期日": late,
        "最低还款额": "300.00",
        "逾期金额": "310.00",
        "余额": "1234.56",
        "本金": "1200.00",
        "利息": "24.56",
        "违约金": "10.00",
        "费用": "0.00",
        "余额时点": f"{day} 02:00:00",
    }
    return {
        "债权人": "qinglan-bank",
        "账号": person.account,
        "角色": person.role,
        "产品": "青岚信用卡",
        "币种": "CNY",
        "到期还款日": late,
        **debt,
        "姓名": person.name,
        "性别": "女",
        "证件号": id_number(person),
        "语言": "zh-CN",
        "手机": person.phone,
        "手机来源": "合同预留",
        "手机已核实": "是",
        "邮箱": person.email,
        "邮箱来源": "合同预留",
        "邮箱已核实": "是",
        "地址": person.address,
        "邮编": "000358",
        "地址地区": "CN",
        "地址来源": "合同预留",
        "地址已核实": "是",
    }
