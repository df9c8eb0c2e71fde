"""The example creditors' places, and the shapes of the fixtures that read files."""

from collections.abc import Callable
from pathlib import Path

from outreach.domain.debtor import Jurisdiction
from outreach.portfolio.reading import Reading
from outreach.portfolio.rows import AccountRow, PaymentRow

PLACES = {
    "qinglan-bank": Jurisdiction.MAINLAND,
    "hk-harbour-bank": Jurisdiction.HONG_KONG,
    "tw-qingyu-bank": Jurisdiction.TAIWAN,
}

ReadAccounts = Callable[..., Reading[AccountRow]]
ReadPayments = Callable[[Path], Reading[PaymentRow]]
