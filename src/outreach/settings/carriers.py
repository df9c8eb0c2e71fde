"""The tables of ``config/carriers.toml``: carriers by kind, and routes."""

import ipaddress
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from outreach.domain.contact import Channel


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


class TwilioSettings(Table):
    channel: ClassVar[Channel] = Channel.SMS
    kind: Literal["twilio"]
    name: Text
    account_sid: Text
    messaging_service_sid: Text
    base_url: Text = "https://api.twilio.com"
    concurrency: int = Field(16, ge=1, le=256)
    timeout_seconds: float = Field(20, gt=0)
    token_env: VariableName = "OUTREACH_TWILIO_TOKEN"
    previous_token_env: VariableName = "OUTREACH_TWILIO_TOKEN_PREVIOUS"
    regions: tuple[str, ...] = ("HK", "TW")

    @property
    def real(self) -> bool:
        return not on_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The variables without which this carrier cannot work."""
        return (self.token_env,)


class SmtpSettings(Table):
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
    success_reports: bool = False  # ask for a report of delivery too, where that is wanted
    concurrency: int = Field(8, ge=1, le=64)
    timeout_seconds: float = Field(30, gt=0)

    @property
    def real(self) -> bool:
        return not on_loopback(self.host)

    @property
    def secret_names(self) -> tuple[str, ...]:
        return (self.password_env,) if self.username else ()


class MailHouseSettings(Table):
    channel: ClassVar[Channel] = Channel.LETTER
    kind: Literal["mailhouse"]
    name: Text
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
    TwilioSettings | SmtpSettings | MailHouseSettings, Field(discriminator="kind")
]
KINDS: dict[str, type[TwilioSettings | SmtpSettings | MailHouseSettings]] = {
    "twilio": TwilioSettings,
    "smtp": SmtpSettings,
    "mailhouse": MailHouseSettings,
}


class RouteSettings(Table):
    """A route: the carriers of a channel in order of preference, for some destination regions."""

    name: Text
    channel: Channel
    carrier: Text
    regions: tuple[str, ...] = ()  # ISO countries of the phone number; empty: any
    price: int = Field(0, ge=0)  # of one SMS part, mail or letter, in hundredths of a unit
