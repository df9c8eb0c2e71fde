"""Money as integer minor units and an ISO 4217 code; never a float."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Self

from outreach.domain.frozen import frozen


class Currency(StrEnum):
    """The currencies in which this service may demand payment."""

    CNY = "CNY"
    HKD = "HKD"
    TWD = "TWD"

    @property
    def decimals(self) -> int:
        """Digits after the point in use: new Taiwan dollars are written whole."""
        return 0 if self is Currency.TWD else 2


_AMOUNT = re.compile(r"([+-])?(\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.(\d{1,9}))?", re.ASCII)


@frozen
class Money:
    """An amount of ``minor`` units (fen, cents; whole dollars for TWD) of one currency."""

    minor: int
    currency: Currency

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read ``"1,234.56"``; raises ``ValueError`` for no amount or too many decimals."""
        match = _AMOUNT.fullmatch(text.strip())
        if match is None:
            raise ValueError("not an amount")
        sign, whole, fraction = match.groups(default="")
        kept, beyond = fraction[: currency.decimals], fraction[currency.decimals :]
        if beyond.strip("0"):
            raise ValueError(f"more than {currency.decimals} decimals for {currency}")
        minor = int(whole.replace(",", "") + kept.ljust(currency.decimals, "0"))
        return cls(-minor if sign == "-" else minor, currency)

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-self.currency.decimals)

    def __add__(self, other: Self) -> Self:
        if other.currency is not self.currency:
            raise ValueError("amounts of two currencies do not add up")
        return type(self)(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.decimal:,.{self.currency.decimals}f} {self.currency}"
