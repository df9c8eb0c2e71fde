"""Show enough of a person's particulars to recognise them, not enough to use them."""

import re
from dataclasses import replace

from outreach.domain.contact import Address
from outreach.domain.debtor import Locale
from outreach.templating.words import masked_name

SHOWN = 4
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){6,}")
_MAILBOX = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)


def mask_number(number: str) -> str:
    """``+86138****5678``, ``****5678``: of a phone or ID number the last four, and what leads."""
    lead = number[:-8] if number.startswith("+") else ""
    return f"{lead}****{number[-SHOWN:]}"


def mask_mailbox(mailbox: str) -> str:
    """``w***@example.test``"""
    local, _, domain = mailbox.rpartition("@")
    return f"{local[:1]}***@{domain}"


def mask_address(address: Address, locale: Locale) -> Address:
    """The region's part of the first line; the street and the house are hidden."""
    return replace(
        address,
        recipient=masked_name(address.recipient, locale) if address.recipient else "",
        lines=(f"{address.lines[0][:6]}***",) if address.lines else (),
    )


def mask_point(value: str | Address, locale: Locale) -> str | Address:
    if isinstance(value, Address):
        return mask_address(value, locale)
    return mask_mailbox(value) if "@" in value else mask_number(value)


def mask_text(text: str, name: str | None, locale: Locale) -> str:
    """A message with the debtor's name, mailboxes and long numbers hidden."""
    if name:
        text = text.replace(name, masked_name(name, locale))
    text = _MAILBOX.sub(lambda found: mask_mailbox(found.group()), text)
    return _LONG_NUMBER.sub(lambda found: f"****{found.group()[-SHOWN:]}", text)
