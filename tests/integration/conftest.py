"""The command itself, for the tests of what it says."""

import sys
from collections.abc import Callable

import pytest

from outreach import cli

Outreach = Callable[..., str]


@pytest.fixture
def outreach(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outreach:
    """The command, in this process; fails unless it ends well."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["outreach", *arguments])
        monkeypatch.setenv("COLUMNS", "160")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out

    return run
