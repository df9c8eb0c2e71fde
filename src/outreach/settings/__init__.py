"""Typed settings: environment over ``config/*.toml``, secrets only from the environment.

There is no global instance: ``load()`` is called once by ``bootstrap`` and passed on. ``model`` is
what there is to set, ``reading`` where it comes from, ``rules`` what must not be combined, ``keys``
the secrets a sandbox makes for itself.
"""

from outreach.settings.carriers import (
    CarrierSettings,
    CmppSettings,
    ImapSettings,
    MailHouseSettings,
    PacedSettings,
    RouteSettings,
    SmsSettings,
    SmtpSettings,
    TwilioSettings,
    on_loopback,
)
from outreach.settings.model import CreditorSettings, PayeeSettings, Settings
from outreach.settings.reading import load, read, with_keys
from outreach.settings.rules import broken

__all__ = [
    "CarrierSettings",
    "CmppSettings",
    "CreditorSettings",
    "ImapSettings",
    "MailHouseSettings",
    "PacedSettings",
    "PayeeSettings",
    "RouteSettings",
    "Settings",
    "SmsSettings",
    "SmtpSettings",
    "TwilioSettings",
    "broken",
    "load",
    "on_loopback",
    "read",
    "with_keys",
]
