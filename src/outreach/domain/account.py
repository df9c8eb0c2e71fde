"""One debt: its dates, its sums, how late it is."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Bucket(StrEnum):
    """The stage of an overdue account as Chinese banks count it: M0 current ... M6+ over 180."""

    M0 = "M0"
    M1 = "M1"
    M2 = "M2"
    M3 = "M3"
    M4 = "M4"
    M5 = "M5"
    M6 = "M6"
    M6_PLUS = "M6+"


@dataclass(frozen=True, slots=True)
class StageTable:
    """Configuration: the last day past due of each stage, in order; beyond the last lies M6+."""

    last_days: tuple[tuple[Bucket, int], ...]

    def bucket(self, dpd: int) -> Bucket:
        for bucket, last in self.last_days:
            if dpd <= last:
                return bucket
        return Bucket.M6_PLUS

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """All stages in order; a stage's rank is its place here."""
        return (*(bucket for bucket, _ in self.last_days), Bucket.M6_PLUS)


DEFAULT_STAGES = StageTable(
    (
        (Bucket.M0, 0),
        (Bucket.M1, 30),
        (Bucket.M2, 60),
        (Bucket.M3, 90),
        (Bucket.M4, 120),
        (Bucket.M5, 150),
        (Bucket.M6, 180),
    )
)


_BLANKS_AND_SIGNS = dict.fromkeys(map(ord, " \u3000\u00a0-－\u2212()（）"))
_CLEAN = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)} | _BLANKS_AND_SIGNS


def clean_number(text: str) -> str:
    """An account, ID or reference number in the one writing it is stored and looked up by.

    Upper case, full-width letters and digits as ASCII, without blanks, hyphens and brackets.
    """
    return text.translate(_CLEAN).strip().upper()


def days_past_due(oldest_unpaid: date | None, today: date) -> int:
    """DPD on the account's booking calendar: 0 when nothing is unpaid or not yet due."""
    return max(0, (today - oldest_unpaid).days) if oldest_unpaid else 0
