"""SMS by Twilio's REST API, through the official library with its retries off.

The API has no idempotent sending: whatever happens after the request left is ``OutcomeUnknown``
and is settled by the status callback, whose path carries our token, or by ``look_up``.
"""

import base64
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl

import aiohttp
from multidict import MultiDict
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import (  # type: ignore[import-untyped]
    RequestValidator,
    get_signature_algorithm,
)
from twilio.rest import Client  # type: ignore[import-untyped]
from yarl import URL

from outreach.channels.base import (
    Accepted,
    Callback,
    DeliveryFact,
    Fact,
    Inbound,
    Message,
    Outcome,
    OutcomeUnknown,
    TemporaryFailure,
)
from outreach.channels.twilio_codes import FAILURES, STATUSES, outcome_of, parts_of
from outreach.domain.contact import Channel
from outreach.domain.errors import CallbackRejected, ConfigurationError
from outreach.domain.states import Delivery, FailureClass
from outreach.settings import TwilioSettings

_API = "https://api.twilio.com"
_VALIDITY = (1, 36000)  # seconds, the API's bounds
_CLOCKS_APART = timedelta(minutes=1)  # between ours and the carrier's, when looking up


class _Form(Protocol):
    """What the library hands its HTTP client: plain names and values."""

    def items(self) -> Any: ...


def encode_form(data: _Form) -> bytes:
    """``application/x-www-form-urlencoded`` with every octet of a value as ``%xx``.

    Legal, decoded alike by every peer, and an order of magnitude cheaper for Chinese text than
    deciding octet by octet.
    """
    pairs = [(name, str(value).encode()) for name, value in data.items()]
    return "&".join(f"{n}=%{v.hex('%')}" if v else f"{n}=" for n, v in pairs).encode()


class _Wire(AsyncHttpClient):  # type: ignore[misc]
    """The library's HTTP port on one aiohttp session: our base URL, time-outs it keeps, no retries.

    The library's own asynchronous client ignores its time-out and logs addresses.
    """

    def __init__(self, settings: TwilioSettings) -> None:
        super().__init__(logging.getLogger(__name__), True, settings.timeout_seconds)
        self._base = settings.base_url.rstrip("/")
        self._basic: dict[tuple[str, str], str] = {}
        # the shorter time to connect tells "never left" from "left, no answer"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.concurrency),
            timeout=aiohttp.ClientTimeout(
                total=settings.timeout_seconds, connect=settings.timeout_seconds / 2
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the port's signature
        allow_redirects: bool = False,
    ) -> Response:
        headers = dict(headers or {})
        if auth:
            headers["Authorization"] = self._authorization(auth)
        url = URL(uri.replace(_API, self._base, 1), encoded=True)
        async with self._session.request(
            method,
            url.update_query(params) if params else url,
            data=encode_form(data) if data else None,
            headers=headers,
            allow_redirects=allow_redirects,
        ) as response:
            text = (await response.read()).decode(errors="replace")
            return Response(response.status, text, response.headers)

    def _authorization(self, auth: tuple[str, str]) -> str:
        if auth not in self._basic:
            self._basic[auth] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        return self._basic[auth]

    async def close(self) -> None:
        await self._session.close()


class Twilio:
    """One Twilio account and messaging service.

    ``token`` is the account's auth token; ``previous_token`` is accepted on callbacks while the
    token is being rotated. ``public_url`` is where Twilio reaches us.
    """

    channel = Channel.SMS

    def __init__(
        self,
        settings: TwilioSettings,
        *,
        public_url: str,
        token: str,
        previous_token: str | None = None,
    ) -> None:
        self.name = settings.name
        self.concurrency = settings.concurrency
        self.real = settings.real
        self._settings = settings
        self._token = token
        self._validators = [RequestValidator(t) for t in (token, previous_token) if t]
        self._status_url = f"{public_url.rstrip('/')}/callbacks/{self.name}/status/"
        self._account_url = f"{_API}/2010-04-01/Accounts/{settings.account_sid}"
        self._client: Any = None

    async def open(self) -> None:
        self._client = Client(
            self._settings.account_sid, self._token, http_client=_Wire(self._settings)
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.http_client.close()

    async def send(self, message: Message) -> Outcome:
        try:
            response = await self._client.request_async(
                "POST", f"{self._account_url}/Messages.json", data=self._form(message)
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return TemporaryFailure("connect")
        except TimeoutError:
            return OutcomeUnknown("timeout")
        except (aiohttp.ClientError, OSError):
            return OutcomeUnknown("disconnect")
        return outcome_of(response.status_code, response.text, response.headers)

    def _form(self, message: Message) -> dict[str, str]:
        form = {
            "To": message.to,
            "MessagingServiceSid": self._settings.messaging_service_sid,
            "Body": message.text,
            "StatusCallback": self._status_url + message.token,
        }
        if message.valid_for is not None:
            low, high = _VALIDITY
            seconds = int(message.valid_for.total_seconds())
            form["ValidityPeriod"] = str(min(max(seconds, low), high))
        return form

    def verify(self, callback: Callback) -> None:
        form = _read_form(callback)
        signature = callback.headers.get("x-twilio-signature", "")
        algorithm = get_signature_algorithm(
            callback.headers.get("x-twilio-webhooks-signature-settings")
        )
        for validator in self._validators:
            if validator.validate(callback.url, form, signature, algorithm):
                return
        raise CallbackRejected(
            f"carrier {self.name}: the callback's signature does not match",
            f"check {self._settings.token_env} and public_url: it signs the URL it calls",
        )

    def parse(self, callback: Callback) -> Sequence[Fact]:
        form = _read_form(callback)
        kind, _, token = callback.path.partition("/")
        if kind == "status":
            return [_status(self.name, form, token or None)]
        if kind == "inbound":
            return [_inbound(self.name, form)]
        raise CallbackRejected(
            f"carrier {self.name}: nothing is expected at this path",
            f"callbacks go to /callbacks/{self.name}/status/<token> and .../inbound",
        )

    async def look_up(self, message: Message, since: datetime) -> Sequence[Accepted]:
        """Lists what the account sent to this number since then and compares the text."""
        earliest = since - _CLOCKS_APART
        try:
            found = await self._client.messages.list_async(
                to=message.to, date_sent_after=earliest, limit=200
            )
        except (aiohttp.ClientError, TimeoutError, OSError, TwilioException, ValueError):
            return ()
        return [
            Accepted((sent.sid,), parts_of(sent.num_segments), '{"looked_up":true}')
            for sent in found
            if sent.body == message.text
            and (sent.date_created is None or _aware(sent.date_created) >= earliest)
        ]

    async def check(self) -> str:
        try:
            response = await self._client.request_async("GET", f"{self._account_url}.json")
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise ConfigurationError(
                f"carrier {self.name}: {self._settings.base_url} does not answer",
                "check base_url and the network; for the sandbox: outreach up",
            ) from None
        if response.status_code != 200:
            raise ConfigurationError(
                f"carrier {self.name}: the account was refused (HTTP {response.status_code})",
                f"check account_sid and {self._settings.token_env}",
            )
        return f"{self.name}: Twilio account answers at {self._settings.base_url}"


def _read_form(callback: Callback) -> MultiDict[str]:
    try:
        pairs = parse_qsl(
            callback.body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=200,
            errors="strict",
        )
    except ValueError:
        raise CallbackRejected(
            f"carrier {callback.carrier}: the callback is not a form in UTF-8"
        ) from None
    return MultiDict(pairs)


def _field(carrier: str, form: MultiDict[str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise CallbackRejected(f"carrier {carrier}: the callback has no {name}")
    return value


def _status(carrier: str, form: MultiDict[str], token: str | None) -> DeliveryFact:
    word = _field(carrier, form, "MessageStatus")
    delivery = STATUSES.get(word, Delivery.NONE)
    code = form.get("ErrorCode", "")
    failure = None
    if delivery is Delivery.UNDELIVERED:
        default = FailureClass.REJECTED if word == "canceled" else FailureClass.SOFT
        failure = FAILURES.get(code, default)
    return DeliveryFact(
        message_id=_field(carrier, form, "MessageSid"),
        token=token,
        delivery=delivery,
        at=_done_at(form.get("RawDlrDoneDate", "")),
        code=code or word,
        failure=failure,
    )


def _done_at(text: str) -> datetime | None:
    """``RawDlrDoneDate``, YYMMDDhhmm; the documents name no zone, so it is read as UTC."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None


def _inbound(carrier: str, form: MultiDict[str]) -> Inbound:
    return Inbound(
        sender=_field(carrier, form, "From"),
        recipient=_field(carrier, form, "To"),
        text=form.get("Body", ""),
        at=None,
        message_id=_field(carrier, form, "MessageSid"),
        carrier_opt_out=form.get("OptOutType", "") == "STOP",
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
