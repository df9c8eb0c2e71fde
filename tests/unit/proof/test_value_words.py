"""Every code a rule may look at has a word in Chinese and in English."""

from collections.abc import Mapping
from typing import Any

import pytest

from outreach.compliance.rules import CHECKS
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Register
from outreach.domain.states import State
from outreach.proof import english, names
from outreach.proof.values import VALUES, Language, spelled, told

TABLES: dict[str, Any] = {
    "CHANNELS": Channel,
    "PURPOSES": Purpose,
    "STATES": State,
    "ROLES": Role,
    "ORIGINS": Origin,
    "USAGES": Usage,
    "PLACES": Jurisdiction,
    "STANDINGS": Standing,
    "REGISTERS": Register,
    "AGENCIES": AgencyKind,
}


@pytest.mark.parametrize("table", TABLES)
def test_no_code_is_without_a_name(table: str) -> None:
    for language in (names, english):
        named: Mapping[str, str] = getattr(language, table)
        assert set(named) == set(TABLES[table])
        assert all(named.values())
        assert not any("_" in name for name in named.values())


def test_every_value_of_every_check_has_a_label() -> None:
    looked_at = {name for check in CHECKS.values() for name in check.names}
    assert looked_at == set(VALUES)


def test_codes_are_told_and_figures_stay() -> None:
    values = {"standing": "dispute", "counted": 2, "verified": 0, "role": "none"}
    assert told(values, Language.CHINESE) == {
        "standing": "异议处理中",
        "counted": "2",
        "verified": "否",
        "role": "无",
    }
    said = spelled(values, Language.ENGLISH)
    assert said == "standing: in dispute, contacts so far: 2, verified: no, role: none"
