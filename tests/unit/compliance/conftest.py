"""The packs and the word list as they are shipped."""

from pathlib import Path

import pytest

from outreach.compliance.pack import Pack, load_packs
from outreach.compliance.wording import Wording, load_wording
from outreach.domain.debtor import Jurisdiction

POLICIES = Path(__file__).parents[3] / "config" / "policies"


@pytest.fixture(scope="session")
def policies() -> Path:
    return POLICIES


@pytest.fixture(scope="session")
def packs() -> dict[Jurisdiction, Pack]:
    return load_packs(POLICIES)


@pytest.fixture(scope="session")
def wording() -> Wording:
    return load_wording(POLICIES / "wording.toml")
