"""Settings become carriers; what is missing is said with the way to mend it."""

from pathlib import Path

import pytest
from carrier_rigs import TOKENS
from pydantic import TypeAdapter

from outreach.channels.mailhouse import FolderMailHouse
from outreach.channels.registry import build
from outreach.channels.smtp import Smtp
from outreach.channels.twilio import Twilio
from outreach.clock import Clock
from outreach.domain.errors import ConfigurationError
from outreach.settings import CarrierSettings

_SETTINGS: TypeAdapter[CarrierSettings] = TypeAdapter(CarrierSettings)
TWILIO = {"kind": "twilio", "name": "sms", "account_sid": "AC1", "messaging_service_sid": "MG1"}
SMTP = {
    "kind": "smtp",
    "name": "mail",
    "host": "relay.bank.test",
    "port": 587,
    "username": "outreach",
    "from_address": "n@bank.test",
    "reply_to": "r@bank.test",
    "bounce_domain": "b.bank.test",
}
LETTERS = {"kind": "mailhouse", "name": "post", "outbox": "o", "inbox": "i", "sender_code": "B1"}
SECRETS = {
    "OUTREACH_TWILIO_TOKEN": "t",
    "OUTREACH_SMTP_PASSWORD": "p",
    "OUTREACH_MAILHOUSE_SALT": "s",
}


def _build(table: dict[str, object], secrets: dict[str, str] = SECRETS) -> object:
    return build(
        _SETTINGS.validate_python(table),
        tokens=TOKENS,
        public_url="https://outreach.bank.test",
        clock=Clock(),
        secrets=secrets,
    )


@pytest.mark.parametrize(
    ("table", "kind"), [(TWILIO, Twilio), (SMTP, Smtp), (LETTERS, FolderMailHouse)]
)
async def test_every_kind_is_built_and_real_until_proven_loopback(
    table: dict[str, object], kind: type
) -> None:
    carrier = _build(table)
    assert isinstance(carrier, kind)
    assert getattr(carrier, "real") is True  # noqa: B009
    assert getattr(carrier, "name") == table["name"]  # noqa: B009


@pytest.mark.parametrize(
    ("table", "variable"),
    [
        (TWILIO, "OUTREACH_TWILIO_TOKEN"),
        (SMTP, "OUTREACH_SMTP_PASSWORD"),
        (LETTERS, "OUTREACH_MAILHOUSE_SALT"),
    ],
)
def test_a_missing_secret_is_named(table: dict[str, object], variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        _build(table, {})


@pytest.mark.parametrize(
    ("url", "real"),
    [
        ("https://api.twilio.com", True),
        ("http://127.0.0.1:8400", False),
        ("http://[::1]:8400", False),
        ("http://localhost:8400", False),
        ("http://127.0.0.1.evil.test", True),
    ],
)
def test_only_loopback_is_not_real(url: str, real: bool) -> None:
    carrier = _build(TWILIO | {"base_url": url})
    assert isinstance(carrier, Twilio)
    assert carrier.real is real


def test_mail_without_encryption_stays_on_loopback() -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        _build(SMTP | {"security": "none"})


def test_the_sandbox_mail_house_is_not_real(tmp_path: Path) -> None:
    house = _build(LETTERS | {"sandbox": True, "outbox": str(tmp_path)})
    assert isinstance(house, FolderMailHouse)
    assert not house.real


def test_the_name_of_a_provider_stays_in_its_own_files() -> None:
    root = Path(__file__).parents[2] / "src" / "outreach"
    allowed = {
        "channels/twilio.py",
        "channels/twilio_codes.py",
        "channels/registry.py",
        "settings.py",
    }
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "twilio" in path.read_text(encoding="utf-8").lower()
    }
    assert {name for name in found - allowed if name.startswith(("channels/", "life/"))} == set()
