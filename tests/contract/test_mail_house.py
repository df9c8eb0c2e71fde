"""The folder a batch of letters is handed over in, and the answer files."""

import csv
import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from carrier_rigs import MailHouseRig

from outreach.channels.base import LetterBatch, LetterItem
from outreach.channels.mailhouse import COLUMNS, manifest
from outreach.domain.contact import Address
from outreach.domain.errors import ConfigurationError, Conflict, InvalidInput

ADDRESS = Address("张三", ("示例省示例市", "示例路1号"), "518000", "CN")
ONE = LetterItem("CS-2026-0001", b"%PDF-1 one", 1, ADDRESS)
TWO = LetterItem("CS-2026-0002", b"%PDF-1 two", 2, ADDRESS)
BATCH = LetterBatch("B20261123-0001", "BANK1", (ONE, TWO))


@pytest.fixture
async def letters(tmp_path: Path) -> MailHouseRig:
    rig = MailHouseRig(tmp_path)
    await rig.open()
    return rig


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_batch_is_a_folder_that_vouches_for_itself(letters: MailHouseRig) -> None:
    await letters.carrier().hand_over(BATCH)
    folder = letters.settings.outbox / BATCH.batch_id
    files = _files(folder)
    assert set(files) == {
        "_READY",
        "SHA256SUMS",
        "manifest.csv",
        "pdf/CS-2026-0001.pdf",
        "pdf/CS-2026-0002.pdf",
    }
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"][0].decode().splitlines())
    assert sums == {
        name: sha256(content).hexdigest()
        for name, (content, _) in files.items()
        if name not in ("_READY", "SHA256SUMS")
    }
    assert files["_READY"][1] == max(written for _, written in files.values())


async def test_handing_over_again_changes_nothing(letters: MailHouseRig) -> None:
    await letters.carrier().hand_over(BATCH)
    before = _files(letters.settings.outbox)
    await letters.carrier().hand_over(BATCH)
    assert _files(letters.settings.outbox) == before


async def test_a_letter_is_never_replaced(letters: MailHouseRig) -> None:
    await letters.carrier().hand_over(BATCH)
    before = _files(letters.settings.outbox)
    changed = replace(BATCH, items=(replace(ONE, pdf=b"%PDF-1 changed"), TWO))
    with pytest.raises(Conflict, match="CS-2026-0001"):
        await letters.carrier().hand_over(changed)
    with pytest.raises(Conflict, match="other letters"):
        await letters.carrier().hand_over(replace(BATCH, items=(ONE,)))
    assert _files(letters.settings.outbox) == before


async def test_a_hand_over_that_died_is_made_whole(letters: MailHouseRig) -> None:
    folder = letters.settings.outbox / BATCH.batch_id
    (folder / "pdf").mkdir(parents=True)
    (folder / "pdf" / "CS-2026-0001.pdf").write_bytes(b"%PDF-1 half")
    (folder / "pdf" / "CS-2026-0009.pdf").write_bytes(b"%PDF-1 dropped by the gate")
    (folder / "pdf" / "CS-2026-0002.pdf.part").write_bytes(b"%PD")
    await letters.carrier().hand_over(BATCH)
    files = _files(folder)
    assert files["pdf/CS-2026-0001.pdf"][0] == ONE.pdf
    assert not any("0009" in name or name.endswith(".part") for name in files)


@pytest.mark.parametrize("bad", ["../x", "", "a/b", ".x", "a" * 65])
async def test_an_id_is_a_file_name(letters: MailHouseRig, bad: str) -> None:
    with pytest.raises(InvalidInput):
        await letters.carrier().hand_over(replace(BATCH, batch_id=bad))
    with pytest.raises(InvalidInput):
        await letters.carrier().hand_over(replace(BATCH, items=(replace(ONE, letter_id=bad),)))
    assert list(letters.settings.outbox.iterdir()) == []


def test_the_manifest_is_the_address_of_record() -> None:
    rows = list(csv.DictReader(io.StringIO(manifest(BATCH).decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["letter_id"] for row in rows] == ["CS-2026-0001", "CS-2026-0002"]
    assert rows[1]["pages"] == "2"
    assert rows[0]["street"] == "示例省示例市 示例路1号"
    assert rows[0]["sha256"] == sha256(ONE.pdf).hexdigest()
    assert rows[0]["sender_code"] == "BANK1"


@pytest.mark.parametrize("name", ["=1+1", "+86", "-x", "@sum", "\t=1", 'a"b,c', "a\r\nb"])
def test_no_cell_is_a_formula_or_breaks_its_row(name: str) -> None:
    item = replace(ONE, address=replace(ADDRESS, recipient=name))
    (row,) = csv.DictReader(
        io.StringIO(manifest(replace(BATCH, items=(item,))).decode(), newline="")
    )
    assert not row["recipient"].startswith(("=", "+", "-", "@", "\t"))
    assert "\n" not in row["recipient"]
    assert set(row) == set(COLUMNS)


async def test_answers_are_collected_in_order_and_put_away(letters: MailHouseRig) -> None:
    house, inbox = letters.carrier(), letters.settings.inbox
    (inbox / "ack-1.csv").write_bytes(b"letter_id,result,reason,sha256\r\nL1,accepted,,\r\n")
    (inbox / "posted-1.csv.part").write_bytes(b"")
    (inbox / "ack-2.csv").write_bytes(b"")
    collected = await house.collect()
    assert [callback.path for callback, _ in collected] == ["file/ack-1.csv", "file/ack-2.csv"]
    callback, path = collected[0]
    house.verify(callback)
    assert len(house.parse(callback)) == 1
    await house.archive(path)
    assert [callback.path for callback, _ in await house.collect()] == ["file/ack-2.csv"]
    assert (inbox / "archive" / "ack-1.csv").exists()


async def test_the_doctor_looks_at_the_folders(letters: MailHouseRig) -> None:
    assert "letters" in await letters.carrier().check()
    (letters.settings.inbox / "archive").rmdir()
    letters.settings.inbox.rmdir()
    with pytest.raises(ConfigurationError, match="inbox"):
        await letters.carrier().check()
