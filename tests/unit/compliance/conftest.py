"""The packs and the word list as they are shipped."""

from pathlib import Path

import pytest
from gate_cases import POLICIES

from outreach.compliance.pack import Pack, load_packs
from outreach.compliance.wording import Wording, load_wording
from outreach.domain.debtor import Jurisdiction


@pytest.fixture(scope="session")
def policies() -> Path:
    return POLICIES


@pytest.fixture(scope="session")
def packs() -> dict[Jurisdiction, Pack]:
    return load_packs(POLICIES)


@pytest.fixture(scope="session")
def wording() -> Wording:
    return load_wording(POLICIES / "wording.toml")
