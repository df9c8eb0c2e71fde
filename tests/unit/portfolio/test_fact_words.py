"""Every code has its words in files, in simplified and in traditional characters."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from outreach.domain.contact import Channel, ContactKind, Usage
from outreach.domain.debtor import Standing
from outreach.domain.register import Interruption, Register, Status
from outreach.domain.standing import About, Body
from outreach.life.account_facts import TOLD_OF
from outreach.portfolio import fact_words as words


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (Standing, words.STANDINGS),
        (Register, words.REGISTERS),
        (Status, words.STATUSES),
        (Interruption, words.INTERRUPTIONS),
        (TOLD_OF, words.PURPOSES),
        (About, words.ABOUT),
        (Usage, words.USAGES),
        (ContactKind, words.CONTACTS),
        (Channel, words.CHANNELS),
    ],
)
def test_every_code_has_a_chinese_word(
    codes: type[StrEnum] | tuple[StrEnum, ...], table: Mapping[str, StrEnum]
) -> None:
    assert {table[word] for word in table if not word.isascii()} == set(codes)
    assert all(table[str(each)] is each for each in codes)


def test_every_body_is_named_somehow() -> None:
    assert set(words.BODIES.values()) == set(Body)
