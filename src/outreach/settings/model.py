"""What there is to set, with defaults and limits; see ``config/*.toml`` for the words."""

import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError
from outreach.domain.money import Currency
from outreach.domain.register import Register
from outreach.settings.carriers import CarrierSettings, RouteSettings, Table, Text
from outreach.settings.source import PREFIX, Environment, Files


def default_data_dir() -> Path:
    """``/var/lib/outreach`` as root, else ``$XDG_DATA_HOME/outreach``."""
    if os.geteuid() == 0:
        return Path("/var/lib/outreach")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "outreach"


class PayeeSettings(Table):
    name: Text
    bank: Text
    account: Text


class TransferSettings(Table):
    """On what personal data of a creditor's debtors may go abroad (PIPL 38): to carriers there."""

    basis: Text  # the standard contract, certification or assessment, with its number
    since: date


class RegistrationSettings(Table):
    """What a creditor has filed or been given before it begins here: registered at first start.

    From then on ``outreach facts register`` has the word.
    """

    kind: Register
    subject: Text
    holder: str = ""
    number: str = ""
    since: date
    until: date | None = None
    evidence: str = ""


class CreditorSettings(Table):
    """``config/creditors/<id>.toml``."""

    id: str = Field(pattern=r"^[a-z0-9-]{2,40}$")
    name: Text
    jurisdiction: Jurisdiction
    signature: Text
    hotline: Text
    complaint_line: Text
    app: Text
    address: Text
    department: Text
    check_at: Text | None = None  # where debtors can check a code, in words; none: no codes
    payee: PayeeSettings
    transfer: TransferSettings | None = None
    currency: Currency
    fictional: bool = False  # example data: locked to the sandbox
    balance_max_age_hours: int = Field(26, ge=1)
    deadline_days: int = Field(10, ge=1)
    # by rule key, by parameter: what it asks beyond its place's pack; the stricter holds
    policy: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    registrations: tuple[RegistrationSettings, ...] = ()


class Settings(BaseSettings):
    """Each field is a key of ``config/outreach.toml`` and a variable ``OUTREACH_<FIELD>``.

    Not so ``carriers``, ``routes``, ``creditors`` (files of their own) and ``secrets``: the
    environment's value for every variable a carrier names.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        case_sensitive=True,  # as TOML is; variables are upper case, see ``Environment``
    )

    environment: Literal["sandbox", "production"] = "sandbox"
    config_dir: Path = Path("config")
    templates_dir: Path = Path("templates")
    data_dir: Path = Field(default_factory=default_data_dir)
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    master_keys: SecretStr | None = None  # "2:<base64 of 32 bytes>,1:<...>", newest first
    lookup_key: SecretStr | None = None  # base64 of 32 bytes
    log_keys: SecretStr | None = None  # as master_keys: they sign the log's checkpoints
    http_host: str = "127.0.0.1"
    http_port: int = Field(8300, ge=1, le=65535)
    public_url: str = "http://127.0.0.1:8300"  # what carriers call; never taken from Host
    mail_host: str = "127.0.0.1"
    mail_port: int = Field(8325, ge=1, le=65535)  # bounces and replies come in here by SMTP
    worker_host: str = "127.0.0.1"  # a worker's /healthz, /readyz and /metrics
    worker_port: int = Field(8301, ge=0, le=65535)  # the first of eight tried; 0: none
    log_format: Literal["text", "json"] = "text"
    clock_offset_seconds: float = 0
    allow_recipients: tuple[str, ...] = ()  # outside production: regexes a recipient must match

    chunk: int = Field(32, ge=1, le=100)
    lease_seconds: float = Field(60, gt=1)
    feed_seconds: float = Field(0.5, gt=0)
    slots: int = Field(4, ge=1, le=8)  # bells, and so claims in flight, per lane and route
    max_attempts: int = Field(5, ge=1)
    approve_from: int = Field(100, ge=1)  # notices of a campaign that a second person approves
    alarm_after: int = Field(200, ge=1)  # notices of a campaign, from which its alarms are heard
    alarm_bounced: float = Field(0.1, gt=0, le=1)  # shares of those sent that pause it
    alarm_opted_out: float = Field(0.02, gt=0, le=1)
    alarm_complained: float = Field(0.005, gt=0, le=1)
    uncertain_minutes: float = Field(
        30, ge=0
    )  # how long evidence may take before a person is asked

    log_name: str = Field("outreach", pattern=r"^[a-z0-9][a-z0-9./-]{0,99}$")
    checkpoint_minutes: float = Field(60, gt=0)
    checkpoint_place: str = Field("", pattern=r"^(https?://.+|/.+)?$")  # the auditor's copy
    callback_days: int = Field(3, ge=1)  # how long what carriers sent can be opened once applied
    timestamp_url: str = Field("", pattern=r"^(https?://.+)?$")  # RFC 3161
    timestamp_certificates: Path | None = None  # the authority's, PEM: they go into bundles

    carriers: tuple[CarrierSettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    creditors: tuple[CreditorSettings, ...] = ()
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``Settings(config_dir=..., environ=...)``: that environment over that folder's files.

        Nothing is read that is not handed in: without them there are the defaults.
        """
        assert isinstance(init_settings, InitSettingsSource)
        environ = init_settings.init_kwargs.pop("environ", {})
        config = init_settings.init_kwargs.get("config_dir")
        if config is None:
            return (init_settings,)
        files = Files(settings_cls, config)
        return init_settings, Environment(settings_cls, environ, files.variables), files

    def open_data_dir(self) -> Path:
        """The data folder, made where it is missing; raises ``ConfigurationError``."""
        try:
            self.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.data_dir} cannot be made: {error.strerror}",
                "set OUTREACH_DATA_DIR to a folder you may write",
            ) from None
        return self.data_dir

    @property
    def clock_offset(self) -> timedelta:
        return timedelta(seconds=self.clock_offset_seconds)

    @property
    def sandboxed(self) -> bool:
        return self.environment == "sandbox"

    @property
    def embedded(self) -> bool:
        """Whether PostgreSQL or Redis, or both, are ours to start."""
        return self.database_url is None or self.redis_url is None

    @property
    def carrier_secrets(self) -> dict[str, str]:
        """The carriers' secrets by variable, opened: for handing to carriers and nowhere else."""
        return {name: value.get_secret_value() for name, value in self.secrets.items()}
