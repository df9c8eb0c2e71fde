"""Settings -> carrier: the only place that lists the kinds."""

from collections.abc import Mapping

from outreach.channels.base import Carrier, MailHouse
from outreach.channels.cmpp import Cmpp
from outreach.channels.dkim_signer import signer
from outreach.channels.mailhouse import FolderMailHouse
from outreach.channels.smtp import Smtp
from outreach.channels.token import Tokens
from outreach.channels.twilio import Twilio
from outreach.clock import Clock
from outreach.domain.errors import ConfigurationError
from outreach.settings import (
    CarrierSettings,
    CmppSettings,
    MailHouseSettings,
    SmtpSettings,
    TwilioSettings,
)


def build(
    settings: CarrierSettings,
    *,
    tokens: Tokens,
    public_url: str,
    clock: Clock,
    secrets: Mapping[str, str],
) -> Carrier | MailHouse:
    """One carrier, not yet open. ``secrets`` maps variable names to values (the environment).

    Raises ``ConfigurationError`` for a secret that is missing.
    """
    match settings:
        case TwilioSettings():
            return Twilio(
                settings,
                public_url=public_url,
                token=secret(secrets, settings.token_env, settings.name),
                previous_token=secrets.get(settings.previous_token_env),
            )
        case CmppSettings():
            return Cmpp(
                settings, clock=clock, secret=secret(secrets, settings.secret_env, settings.name)
            )
        case SmtpSettings():
            password = (
                secret(secrets, settings.password_env, settings.name) if settings.username else None
            )
            sign = None
            if settings.dkim_selector:
                pem = secret(secrets, settings.dkim_key_env, settings.name)
                sign = signer(settings.dkim_selector, settings.from_domain, pem, settings.name)
            return Smtp(settings, tokens=tokens, clock=clock, password=password, sign=sign)
        case MailHouseSettings():
            return FolderMailHouse(
                settings, salt=secret(secrets, settings.push_salt_env, settings.name)
            )


def secret(secrets: Mapping[str, str], variable: str, carrier: str) -> str:
    """A carrier's secret; raises ``ConfigurationError`` where its variable is not set."""
    if value := secrets.get(variable):
        return value
    raise ConfigurationError(
        f"carrier {carrier}: the variable {variable} is not set",
        f"put the carrier's secret into {variable}; secrets are never read from files",
    )
