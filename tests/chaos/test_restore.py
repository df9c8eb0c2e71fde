"""A storm in which the database is restored from a copy: what it forgot is not sent again."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from auditor import Evidence, audit, read
from storm import rage, site, stage

COUNT = 3000
LATER = 2000
COPIED, RESTORED = 0.35, 0.50
"""When the copy is taken, and when it is put in place, as parts of ``COUNT``."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What such a storm left."""
    folder = tmp_path_factory.mktemp("restored")

    async def rewound() -> None:
        async with stage(COUNT + LATER) as place, site(place, 31, COUNT, folder) as state:
            state.later = LATER
            await rage(state, COUNT, [(COPIED, "backed up"), (RESTORED, "restored")])
            await state.export_lost()

    asyncio.run(rewound())
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of its files, to be doctored."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def forgotten(folder: Path) -> list[str]:
    """Tokens of what carriers took and the restored database knew nothing of."""
    evidence = Evidence(folder)
    known = {a["token"] for notice in evidence.export.values() for a in notice["attempts"]}
    took = {token for token, did in evidence.arrivals.items() if any(d["taken"] for d in did)}
    return sorted(took - known)


def test_a_restored_database(run: Path) -> None:
    """Both pasts together: nothing twice, nothing lost, nothing before somebody recovered it."""
    finding = audit(run)
    print(f"\nrestored, {COUNT} and {LATER} notices; {finding}")  # noqa: T201
    assert finding.good, finding.complaints
    assert len(forgotten(run)) > COUNT / 20, "too little was forgotten to mean anything"
    assert finding.uncertain["recovered"] > COUNT / 10
    assert finding.states["sent"] > COUNT * COPIED / 2 + LATER / 2
    refused = [log for log in run.glob("worker-*.log") if "database_rewound" in log.read_text()]
    assert refused, "no worker was there to refuse"


def test_one_sent_again_after_the_restore_is_found(copy: Path) -> None:
    """Taken in the past that was forgotten, and taken once more in the other."""
    token = forgotten(copy)[0]
    again = next(line for line in read(copy / "carriers.jsonl") if line["token"] == token)
    found = _planted(copy, again | {"at": again["at"] + 3600})
    assert found == {"repeated": {Evidence(copy).notice_of[token]}}


def test_one_sent_before_anybody_recovered_is_found(copy: Path) -> None:
    refusal = next(line for line in read(copy / "carriers.jsonl") if line.get("taken") is False)
    restored = Evidence(copy).restored
    assert restored is not None
    found = _planted(copy, refusal | {"at": restored["until"] + 1})
    assert found == {"too_early": {refusal["token"]}}


def _planted(folder: Path, line: dict[str, object]) -> dict[str, set[str]]:
    """What the auditor complains of when carriers had this as well."""
    with (folder / "carriers.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    return {kind: set(about) for kind, about in audit(folder).complaints.items() if about}
