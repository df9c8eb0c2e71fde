"""The tables of ``config/carriers.toml``: carriers by kind, and routes."""

import ipaddress
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction


class Table(BaseModel):
    """A TOML table in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def on_loopback(host: str) -> bool:
    """Whether a configured host is this machine: what makes a carrier not ``real``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


Text = Annotated[str, Field(min_length=1)]
VariableName = Annotated[str, Field(pattern=r"^OUTREACH_[A-Z0-9_]+$")]
"""The name of the environment variable that holds a secret; never the secret itself."""


def _zone(name: object) -> ZoneInfo:
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError(
            "zone", "expected the name of a time zone, such as Asia/Shanghai"
        ) from None


class PacedSettings(Table):
    """What a carrier bears: over all workers together, whatever their number."""

    company: str = ""  # whose name a certificate gives for it
    concurrency: int  # in flight
    rate: float | None = Field(None, ge=0.01, le=10_000)  # messages a second; none: no limit
    burst: int | None = Field(None, ge=1, le=100_000)  # at once after a pause; none: a second's
    daily_quota: int | None = Field(None, ge=1)  # messages a day in ``quota_zone``
    quota_zone: Annotated[ZoneInfo, BeforeValidator(_zone)] = ZoneInfo("Asia/Shanghai")
    breaker_failures: int = Field(20, ge=1)  # in a row, after which the carrier is left alone
    breaker_seconds: float = Field(30, gt=0)  # until it is tried again; doubled each time

    def quota_day(self, now: datetime) -> date:
        """The day whose quota counts at ``now``."""
        return now.astimezone(self.quota_zone).date()


class SmsSettings(PacedSettings):
    files_templates: bool = False  # each template is filed with it before it may go (M-04)


class TwilioSettings(SmsSettings):
    channel: ClassVar[Channel] = Channel.SMS
    kind: Literal["twilio"]
    name: Text
    account_sid: Text
    messaging_service_sid: Text
    base_url: Text = "https://api.twilio.com"
    concurrency: int = Field(16, ge=1, le=256)  # requests in flight, over all workers
    timeout_seconds: float = Field(20, gt=0)
    token_env: VariableName = "OUTREACH_TWILIO_TOKEN"
    previous_token_env: VariableName = "OUTREACH_TWILIO_TOKEN_PREVIOUS"

    @property
    def real(self) -> bool:
        return not on_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The variables without which this carrier cannot work."""
        return (self.token_env,)


class CmppSettings(SmsSettings):
    channel: ClassVar[Channel] = Channel.SMS
    kind: Literal["cmpp"]
    name: Text
    host: Text
    port: int = Field(7890, ge=1, le=65535)
    version: Literal["2.0", "3.0"] = "2.0"
    account: str = Field(pattern=r"^[!-~]{6}$")  # SP_Id, as the operator gave it
    number: str = Field(pattern=r"^\d{3,20}$")  # Src_Id: what telephones show
    extension: int = Field(0, ge=0, le=12)  # digits behind it that the contract leaves to us
    service: str = Field("", pattern=r"^[!-~]{0,10}$")
    charset: Literal["UCS2", "GB"] = "UCS2"
    long_header: Literal[6, 7] = 6  # octets
    fee_user: int = Field(2, ge=0, le=3)
    fee_terminal: str = Field("", pattern=r"^\d{0,21}$")
    fee_type: str = Field("01", pattern=r"^\d{2}$")
    fee_code: str = Field("0", pattern=r"^\d{0,6}$")
    links: int = Field(2, ge=1, le=15)  # of each worker
    window: int = Field(16, ge=1, le=1000)  # unanswered on one link
    concurrency: int = Field(32, ge=1, le=2000)  # messages in flight, over all workers
    timeout_seconds: float = Field(60, gt=0)
    idle_seconds: float = Field(30, gt=0)  # of silence before a link is tested
    strict_login: bool = False  # the gateway must prove itself as the specification has it
    secret_env: VariableName = "OUTREACH_CMPP_SECRET"

    @property
    def real(self) -> bool:
        return not on_loopback(self.host)

    @property
    def secret_names(self) -> tuple[str, ...]:
        return (self.secret_env,)

    def source(self, number: int) -> str:
        """The number a notice comes from: ours, and of its own as many last digits as are left."""
        return self.number + (
            f"{number % 10**self.extension:0{self.extension}}" if self.extension else ""
        )

    @model_validator(mode="after")
    def _number_fits(self) -> Self:
        if len(self.number) + self.extension > 20:
            raise PydanticCustomError("number", "number and extension have at most 20 digits")
        return self


class ImapSettings(Table):
    """A mailbox that is read because our own mail door cannot be reached from outside."""

    host: Text
    port: int = Field(993, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"  # "none" on loopback only
    username: Text
    password_env: VariableName = "OUTREACH_IMAP_PASSWORD"
    folder: Text = "INBOX"
    done_folder: Text = "Outreach"  # where what was taken in is moved
    refused_folder: Text = "Outreach-Refused"  # where what we cannot take is moved
    seconds: float = Field(30, ge=1)  # between two looks
    timeout_seconds: float = Field(30, gt=0)

    @model_validator(mode="after")
    def _in_clear_on_loopback(self) -> Self:
        if self.security == "none" and not on_loopback(self.host):
            raise PydanticCustomError("clear", 'security = "none" is allowed on loopback only')
        return self


_PUBLIC = frozenset({"com", "net", "org", "gov", "edu", "ac", "co", "idv"})


def aligned(one: str, other: str) -> bool:
    """Whether two domains are of one organization, so that DMARC (RFC 7489, 3.1) lets both pass."""
    one, other = one.lower(), other.lower()
    if f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}"):
        return True
    mine, theirs = (domain.split(".") for domain in (one, other))
    labels = 3 if len(mine) > 1 and mine[-2] in _PUBLIC else 2
    return len(mine) >= labels and mine[-labels:] == theirs[-labels:]


class SmtpSettings(PacedSettings):
    channel: ClassVar[Channel] = Channel.EMAIL
    kind: Literal["smtp"]
    name: Text
    host: Text
    port: int = Field(ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"  # "none" on loopback only
    username: str | None = None
    password_env: VariableName = "OUTREACH_SMTP_PASSWORD"
    from_address: Text
    reply_to: Text
    bounce_domain: Text  # VERP: bounces+<token>@bounce_domain
    dkim_selector: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]+$")  # none: the relay signs
    dkim_key_env: VariableName = "OUTREACH_DKIM_KEY"  # an RSA key, PEM
    imap: ImapSettings | None = None  # where answers are fetched, besides our own mail door
    success_reports: bool = False  # ask for a report of delivery too, where that is wanted
    concurrency: int = Field(8, ge=1, le=64)  # sessions in use, over all workers
    timeout_seconds: float = Field(30, gt=0)

    @property
    def real(self) -> bool:
        return not on_loopback(self.host)

    @property
    def from_domain(self) -> str:
        return self.from_address.rpartition("@")[2]

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if not aligned(self.bounce_domain, self.from_domain):
            raise PydanticCustomError(
                "aligned",
                "bounce_domain {bounces} is not of the same organization as from_address's "
                "{sender}: DMARC would fail by SPF",
                {"bounces": self.bounce_domain, "sender": self.from_domain},
            )
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        names = [self.password_env] if self.username else []
        if self.dkim_selector:
            names.append(self.dkim_key_env)
        if self.imap:
            names.append(self.imap.password_env)
        return tuple(names)


class MailHouseSettings(Table):
    channel: ClassVar[Channel] = Channel.LETTER
    kind: Literal["mailhouse"]
    name: Text
    company: str = ""
    outbox: Path  # our batches, a folder each
    inbox: Path  # the partner's answer files
    sender_code: Text
    batch_size: int = Field(200, ge=1, le=2000)
    batch_seconds: float = Field(60, gt=0)  # an open batch closes after this long
    push_salt_env: VariableName = "OUTREACH_MAILHOUSE_SALT"
    sandbox: bool = False  # true only for the sandbox mail house

    @property
    def real(self) -> bool:
        return not self.sandbox

    @property
    def secret_names(self) -> tuple[str, ...]:
        return (self.push_salt_env,)


CarrierSettings = Annotated[
    TwilioSettings | CmppSettings | SmtpSettings | MailHouseSettings, Field(discriminator="kind")
]
KINDS: dict[str, type[TwilioSettings | CmppSettings | SmtpSettings | MailHouseSettings]] = {
    "cmpp": CmppSettings,
    "twilio": TwilioSettings,
    "smtp": SmtpSettings,
    "mailhouse": MailHouseSettings,
}


class RouteSettings(Table):
    """A route: a weighted choice of a channel's carriers, for what it serves: all, where it does
    not say.

    A carrier of weight 0 is tried only when none of the others can.
    """

    name: Text
    channel: Channel
    carriers: dict[Text, Annotated[int, Field(ge=0, le=1000)]] = Field(min_length=1)
    regions: tuple[str, ...] = ()  # ISO countries of the phone number
    jurisdictions: tuple[Jurisdiction, ...] = ()  # places of the creditors
    creditors: tuple[str, ...] = ()  # those whose signature its carriers carry
    price: int = Field(0, ge=0)  # of one SMS part, mail or letter, in hundredths of a unit

    def serves(self, creditor_id: str, place: Jurisdiction) -> bool:
        """Whether it is for this creditor, wherever to."""
        return (not self.creditors or creditor_id in self.creditors) and (
            not self.jurisdictions or place in self.jurisdictions
        )

    @property
    def first(self) -> str:
        """The carrier named first: the only one a route for letters has."""
        return next(iter(self.carriers))
