"""How a debtor may be reached: phone numbers, mailboxes, postal addresses."""

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"


class ContactKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


KIND_FOR: dict[Channel, ContactKind] = {
    Channel.SMS: ContactKind.PHONE,
    Channel.EMAIL: ContactKind.EMAIL,
    Channel.LETTER: ContactKind.ADDRESS,
}


class Origin(StrEnum):
    """Where a contact point came from (P-08: reserved with the creditor, or better)."""

    CONTRACT = "contract"  # 合同预留
    DEBTOR = "debtor"  # 本人更新
    COURT = "court"  # 法院或公证确认
    UNKNOWN = "unknown"


class Usage(StrEnum):
    """Whose place it is (P-09): an employer's mailbox or address is nobody's own."""

    PERSONAL = "personal"
    WORKPLACE = "workplace"  # 单位
    SERVICE = "service"  # 约定送达地址: agreed in the contract, wherever it is


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``lines`` are printed as they stand, top to bottom."""

    recipient: str
    lines: tuple[str, ...]
    postcode: str
    region: str


def normalize_phone(text: str, region: str) -> str:
    """Return E.164; ``region`` is the ISO country assumed for national numbers.

    Accepts any number of possible length, assigned or not (example data lives in unassigned
    prefixes). Raises ``ValueError`` otherwise.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalize_email(text: str) -> str:
    """Return the address with its domain lower-cased; raises ``ValueError``.

    The local part keeps its case (RFC 5321 section 2.4). CR, LF and blanks are refused here so
    that no header can be injected further on.
    """
    local, at, domain = text.strip().rpartition("@")
    labels = domain.split(".")
    if not at or not all(local.split(".")) or len(labels) < 2 or not all(labels) or len(text) > 254:
        raise ValueError("not an email address")
    if any(c.isspace() or c in '<>",;:\\()[]@' or not c.isprintable() for c in local + domain):
        raise ValueError("not an email address")
    return f"{local}@{domain.lower()}"
