"""These tests, and no others, may ask the internet."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> None:
    """Instead of the fixture of this name, which keeps all other tests on this machine."""
