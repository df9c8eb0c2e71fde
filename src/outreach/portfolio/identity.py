"""By what a row is recognised: the look-up hashes of its people, accounts and contact points."""

import unicodedata
from typing import NamedTuple

import phonenumbers

from outreach.db.portfolio import Key
from outreach.domain.contact import Address, ContactKind
from outreach.domain.debtor import Jurisdiction
from outreach.ledger.lookup import LookupKey
from outreach.portfolio.rows import AccountRow, ContactRow

_HOME = {Jurisdiction.MAINLAND: "CN", Jurisdiction.HONG_KONG: "HK", Jurisdiction.TAIWAN: "TW"}
_COUNTRY_CODES = (("+86", "CN"), ("+852", "HK"), ("+886", "TW"), ("+853", "MO"))


class Recognised(NamedTuple):
    """A row with the keys it is looked up by; ``values`` are its contacts' hashes, in order."""

    row: AccountRow
    account: Key
    person: Key
    values: tuple[bytes, ...]


def recognise(row: AccountRow, lookup: LookupKey) -> Recognised:
    creditor = row.creditor_id
    return Recognised(
        row,
        (creditor, lookup.hash("account", row.account_number)),
        (creditor, lookup.hash("id_number", row.person.id_number)),
        tuple([lookup.hash(c.kind, canonical(c.value)) for c in row.contacts]),
    )


def canonical(value: str | Address) -> str:
    """What two writings of one contact value have in common; of an address, not the recipient."""
    if isinstance(value, str):
        return value
    return plain("|".join((value.region, value.postcode, *value.lines)))


def plain(text: str) -> str:
    """NFKC without blanks: how names and addresses are compared."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def region(contact: ContactRow, home: Jurisdiction) -> str:
    """The ISO country a phone or address is in; of a mailbox, the creditor's own."""
    if isinstance(contact.value, Address):
        return contact.value.region
    if contact.kind is not ContactKind.PHONE:
        return _HOME[home]
    for prefix, country in _COUNTRY_CODES:
        if contact.value.startswith(prefix):
            return country
    number = phonenumbers.parse(contact.value)
    return phonenumbers.region_code_for_number(number) or "ZZ"
