"""A carrier of SMS on loopback: Twilio's messages API, signed status callbacks, replies."""

import base64
import hmac
import operator
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from aiohttp import web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from outreach.clock import Clock
from outreach.ids import new_id
from outreach.sandbox.book import Book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.script import ARRIVES, Fate, Plan, plan

OUR_NUMBER = "+85200000000"
"""Whom debtors answer: an unassigned number."""

ENDS: dict[Fate, tuple[str, str]] = {
    Fate.UNREACHABLE: ("undelivered", "30003"),
    Fate.DEAD: ("undelivered", "30005"),
}
"""Last status and error code of what does not arrive."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_BODY_LIMIT = 1600
_BOUNDS: dict[str, Callable[[str, str], bool]] = {
    "DateSent": operator.eq,
    "DateSent>": operator.ge,
    "DateSent<": operator.le,
}
_ALONE, _JOINED = 70, 67  # UTF-16 units of one short message in UCS-2, and of one of several


class TwilioSandbox:
    def __init__(self, config: SandboxConfig, clock: Clock, book: Book, courier: Courier) -> None:
        self._config = config
        self._clock = clock
        self._book = book
        self._courier = courier
        self._token = config.auth_token.get_secret_value()
        self._signer = RequestValidator(self._token)
        self._sent: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._throttled: set[str] = set()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def open(self) -> None:
        app = web.Application()
        account = f"/2010-04-01/Accounts/{self._config.account_sid}"
        app.router.add_post(f"{account}/Messages.json", self._create)
        app.router.add_get(f"{account}/Messages.json", self._list)
        app.router.add_get(f"{account}.json", self._account)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._config.host, self._config.twilio_port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _allowed(self, request: web.Request) -> bool:
        pair = f"{self._config.account_sid}:{self._token}".encode()
        expected = "Basic " + base64.b64encode(pair).decode()
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(expected.encode(), given.encode())

    async def _account(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return _error(401, 20003, "Authenticate")
        return web.json_response({"sid": self._config.account_sid, "status": "active"})

    async def _create(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return _error(401, 20003, "Authenticate")
        form = {name: str(value) for name, value in (await request.post()).items()}
        if refusal := _refusal(form):
            return refusal
        token = form.get("StatusCallback", "").rpartition("/")[2]
        config = self._config
        fate = plan(config.seed, token, config.sms, config.replies, config.repeats)
        message = self._message(form)
        throttled = fate.fate is Fate.THROTTLED and self._first_time(form["To"])
        self._book.write(
            token=token,
            message_id=message["sid"],
            to=form["To"],
            body=form["Body"].encode(),
            outcome=fate.fate,
            accepted=not throttled,
        )
        if throttled:
            return _error(429, 20429, "Too Many Requests", {"Retry-After": "1"})
        self._sent[form["To"]].append(message)
        self._courier.later(self._carry(message, form.get("StatusCallback", ""), fate))
        return web.json_response(message, status=201)

    def _first_time(self, number: str) -> bool:
        seen = number in self._throttled
        self._throttled.add(number)
        return not seen

    def _message(self, form: dict[str, str]) -> dict[str, Any]:
        now = format_datetime(self._clock.now())
        return {
            "sid": f"SM{new_id().hex}",
            "account_sid": self._config.account_sid,
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "to": form["To"],
            "from": None,
            "body": form["Body"],
            "status": "accepted",
            "num_segments": str(_segments(form["Body"])),
            "num_media": "0",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "price": None,
            "date_created": now,
            "date_sent": now,
            "date_updated": now,
            "api_version": "2010-04-01",
        }

    async def _list(self, request: web.Request) -> web.Response:
        """To and DateSent, DateSent> or DateSent< (a day, or an instant) narrow the list."""
        if not self._allowed(request):
            return _error(401, 20003, "Authenticate")
        query = request.query
        found = self._sent.get(query.get("To", ""), [])
        for name, keeps in _BOUNDS.items():
            if bound := query.get(name):
                found = [m for m in found if keeps(_key(m["date_sent"], bound), bound)]
        return web.json_response(
            {"messages": found[::-1], "page": 0, "page_size": 200, "next_page_uri": None}
        )

    async def _carry(self, message: dict[str, Any], callback: str, fate: Plan) -> None:
        await self._courier.pause(fate.paces[0])
        await self._tell(message, callback, "sent")
        await self._courier.pause(fate.paces[1])
        status, code = ENDS.get(fate.fate, ("delivered", ""))
        for _ in range(2 if fate.repeats else 1):
            await self._tell(message, callback, status, code)
        if fate.fate in ARRIVES and fate.reply:
            await self._courier.pause(fate.paces[2])
            await self._reply(message, fate.reply)

    async def _tell(
        self, message: dict[str, Any], callback: str, status: str, code: str = ""
    ) -> None:
        if not callback:
            return
        message["status"] = status
        form = self._about(message["sid"]) | {
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message["to"],
            "From": OUR_NUMBER,
        }
        if status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = self._clock.now().strftime("%y%m%d%H%M")
        if code:
            form["ErrorCode"] = code
        await self._signed(callback, form)

    async def _reply(self, message: dict[str, Any], text: str) -> None:
        form = self._about(f"SM{new_id().hex}") | {
            "From": message["to"],
            "To": OUR_NUMBER,
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
        }
        url = f"{self._config.public_url}/callbacks/{self._config.sms_carrier}/inbound"
        await self._signed(url, form)

    def _about(self, sid: str) -> dict[str, str]:
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "AccountSid": self._config.account_sid,
            "ApiVersion": "2010-04-01",
        }

    async def _signed(self, url: str, form: dict[str, str]) -> None:
        headers = {
            "X-Twilio-Signature": self._signer.compute_signature(url, form),
            "I-Twilio-Idempotency-Token": new_id().hex,
        }
        await self._courier.post(url, form, headers)


def _refusal(form: dict[str, str]) -> web.Response | None:
    if not _E164.fullmatch(form.get("To", "")):
        return _error(400, 21211, "Invalid 'To' Phone Number")
    if not form.get("Body"):
        return _error(400, 21602, "Message body is required")
    if len(form["Body"]) > _BODY_LIMIT:
        return _error(400, 21617, "The message body exceeds the 1600 character limit")
    return None


def _error(
    status: int, code: int, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response(
        {"code": code, "message": message, "status": status}, status=status, headers=headers
    )


def _segments(text: str) -> int:
    """Short messages needed, all taken as UCS-2; a surrogate pair is not looked after here."""
    units = len(text.encode("utf-16-le")) // 2
    return 1 if units <= _ALONE else -(-units // _JOINED)


def _key(date: str, bound: str) -> str:
    """An RFC 2822 date in the form of ``bound``: a day or an instant of UTC."""
    at: datetime = parsedate_to_datetime(date)
    return at.strftime("%Y-%m-%d" if len(bound) == 10 else "%Y-%m-%dT%H:%M:%SZ")
