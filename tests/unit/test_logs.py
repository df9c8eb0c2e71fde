"""Log lines: an action word and ids, never a person; every word explained to the operator."""

import io
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach import logs
from outreach.logs import Json, Line, Log, Text

ROOT = Path(__file__).parents[2]
NOTICE = UUID("0190a1b2-0000-7000-8000-000000000001")

Said = Callable[[], str]


@pytest.fixture(params=[Text, Json], ids=["text", "json"])
def form(request: pytest.FixtureRequest) -> logging.Formatter:
    formatter: logging.Formatter = request.param()
    return formatter


@pytest.fixture
def said(form: logging.Formatter) -> Said:
    """What any logger says, in either form."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return stream.getvalue


def _object(said: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(said)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(told.pop("at")))
    return told


def test_a_line_is_an_action_and_ids(said: Said, form: logging.Formatter) -> None:
    Log("outreach.x").warning("lease_expired", worker="worker:ab12", notice=NOTICE, uncertain=7)
    if isinstance(form, Json):
        assert _object(said()) == {
            "level": "WARNING",
            "action": "lease_expired",
            "worker": "worker:ab12",
            "notice": str(NOTICE),
            "uncertain": 7,
        }
    else:
        line = f"WARNING lease_expired worker=worker:ab12 notice={NOTICE} uncertain=7"
        assert re.fullmatch(rf"[-\dT:.]{{23}}Z {line}\n", said())


def test_others_pass_with_their_name(said: Said, form: logging.Formatter) -> None:
    logging.getLogger("uvicorn.error").info("listening on %s", 80)
    if isinstance(form, Json):
        assert _object(said()) == {
            "level": "INFO",
            "logger": "uvicorn.error",
            "message": "listening on 80",
        }
    else:
        assert said().endswith("INFO uvicorn.error: listening on 80\n")


def test_an_errors_text_stays_out(said: Said) -> None:
    """Whoever logs it: asyncio prints whole futures below its first line."""
    try:
        raise KeyError("+8615400000001")
    except KeyError as error:
        Log("outreach.x").error("fell", error=error)
        logging.getLogger("arq").exception("job failed")
        logging.getLogger("asyncio").error("never retrieved\nfuture: %r", error)
    assert "1540000" not in said()
    assert said().count("KeyError") == 2
    assert len(said().splitlines()) == 3


@given(st.one_of(st.from_regex(r"\+?\d{7,15}", fullmatch=True), st.emails(), st.text(min_size=1)))
def test_what_is_no_id_is_withheld(text: str) -> None:
    """No address, number or sentence; nor can a value break its line in two."""
    line = str(Line("action", {"value": text}))
    if re.fullmatch(r"\+?\d{7,}", text, re.ASCII) or not re.fullmatch(r"[A-Za-z0-9_.:/-]+", text):
        assert line == "action value=withheld"
    assert "\n" not in line
    assert "@" not in line


def test_nothing_is_made_while_the_level_is_off(
    monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(logs, "Line", never)
    logging.getLogger("outreach.quiet").setLevel(logging.ERROR)
    Log("outreach.quiet").warning("lease_expired", notices=7)
    assert said() == ""


def test_a_record_names_the_line_that_spoke(caplog: pytest.LogCaptureFixture) -> None:
    Log("outreach.x").error("fell", cause="here")
    assert caplog.records[0].filename == Path(__file__).name


def test_every_action_word_is_explained_and_every_explained_word_is_used() -> None:
    used = {
        word
        for path in (ROOT / "src").rglob("*.py")
        for word in re.findall(
            r'\blog\.(?:info|warning|error|error_once|critical)\(\s*"([^"]*)"',
            path.read_text("utf-8"),
        )
    }
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    table = page.partition("| action | level |")[2].partition("\n\n")[0]
    firsts = [row.split("|")[1] for row in table.splitlines()[2:]]
    told = {word for first in firsts for word in re.findall(r"`(\w+)`", first)}
    assert used == told
    assert len(used) > 20


def test_nobody_logs_past_this_module() -> None:
    """Levels of other libraries' loggers may be set; lines are written here."""
    calls = re.compile(r"getLogger\([^)]*\)\.(?!setLevel)|^\s*logging\.(?:info|warn|error)", re.M)
    ours = [path for path in (ROOT / "src").rglob("*.py") if path.name != "logs.py"]
    assert not [path.name for path in ours if calls.search(path.read_text("utf-8"))]
