"""Where each sealed value lives: the name it is bound to, so that it opens nowhere else."""

from uuid import UUID


def debtor(row_id: UUID) -> str:
    """``{name, sex, id_number}``"""
    return f"debtors.sealed:{row_id}"


def point(row_id: UUID) -> str:
    """``{value}`` of a phone or mailbox; ``{recipient, lines, postcode, region}`` of an address."""
    return f"contact_points.sealed:{row_id}"


def account(row_id: UUID) -> str:
    """``{number}``, under the primary debtor's key."""
    return f"accounts.sealed:{row_id}"


def callback(row_id: UUID) -> str:
    """``{path, url, headers, body}``, under the day's key."""
    return f"raw_callbacks.sealed:{row_id}"


def payload(event_id: UUID) -> str:
    return f"event_payloads.sealed:{event_id}"
