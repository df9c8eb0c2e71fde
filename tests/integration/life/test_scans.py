"""Pictures of receipts: filed with their letters, and in the evidence of one debtor alone."""

import asyncio
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import House, Person
from test_proof import bundle, certificate, debtor_of, holds, posted, unpacked

from outreach.channels.tracking import s10_check_digit
from outreach.cli.notice_scan import _file, _paths
from outreach.domain.errors import InvalidInput, NotFound, OutreachError
from outreach.domain.events import EventKind
from outreach.life import scans
from outreach.life.scans import Filed
from outreach.proof.audience import Audience
from outreach.proof.bundle import SUMS, packed, sums
from outreach.proof.export import Bundle

PNG = b"\x89PNG\r\n\x1a\n" + b"a receipt, signed" * 40
WHOLE = sha256(b"the sheet it was cut from").hexdigest()
ACTOR = "user:mei"


def mail_no(number: int) -> str:
    serial = f"{number:08}"
    return f"RR{serial}{s10_check_digit(serial)}CN"


async def letters_of(house: House, *people: Person) -> list[UUID]:
    """Posted under ``mail_no`` 0, 1 ..."""
    return await posted(house, people, lambda n: f"{mail_no(n)},青岚局,2026-11-26,1")


def picture(folder: Path, name: str, content: bytes = PNG) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def filed(house: House, path: Path, *, dry_run: bool = False) -> Filed | OutreachError:
    return await _file(house.parts, path, WHOLE, ACTOR, dry_run=dry_run)


async def test_a_scan_is_in_the_evidence_of_its_debtor_alone(house: House, tmp_path: Path) -> None:
    one, two = Person(), Person()
    first, _ = await letters_of(house, one, two)
    done = await filed(house, picture(tmp_path, f"{mail_no(0)}.png"))
    number = (await house.look(first))["number"]
    assert done == Filed(f"{mail_no(0)}.png", number, new=True)
    made = await bundle(house, await debtor_of(house, one))
    await asyncio.to_thread(holds, tmp_path / "one", made)
    files = unpacked(made)
    [name] = [each for each in files if each.startswith("scans/")]
    assert files[name] == PNG
    assert name.endswith(".png")
    [event] = [json.loads(content) for content in files.values() if b'"kind":"scanned"' in content]
    assert event["data"]["original"] == WHOLE
    assert event["data"]["scan_sha256"] == sha256(PNG).hexdigest()
    text = certificate(made)
    assert name in text
    assert WHOLE in text
    other = unpacked(await bundle(house, await debtor_of(house, two)))
    assert not [each for each in other if each.startswith("scans/")]
    assert PNG not in b"".join(other.values())
    assert (
        files[name]
        in unpacked(await bundle(house, await debtor_of(house, one), Audience.DEBTOR)).values()
    )


async def test_a_scan_that_was_changed_in_the_bundle_is_found(house: House, tmp_path: Path) -> None:
    person = Person()
    await letters_of(house, person)
    await filed(house, picture(tmp_path, f"{mail_no(0)}.png"))
    made = await bundle(house, await debtor_of(house, person))
    with pytest.raises(AssertionError):
        holds(tmp_path, _with_another_scan(made))


def _with_another_scan(made: Bundle) -> Bundle:
    """As somebody would who changes the picture and the list of sums."""
    files = {name: content for name, content in unpacked(made).items() if name != SUMS}
    [name] = [each for each in files if each.startswith("scans/")]
    files[name] = PNG.replace(b"signed", b"empty!")
    files[SUMS] = sums(files)
    return replace(made, content=packed(files))


async def test_filed_twice_it_is_there_once_and_another_beside_it(
    house: House, tmp_path: Path
) -> None:
    [notice] = await letters_of(house, Person())
    path = picture(tmp_path, f"{mail_no(0)}.png")
    again = picture(tmp_path, f"{mail_no(0)}-2.jpg", b"\xff\xd8\xff" + PNG)
    results = [await filed(house, each) for each in (path, path, again)]
    assert [each.new for each in results if isinstance(each, Filed)] == [True, False, True]
    assert (await house.kinds(notice)).count(EventKind.SCANNED) == 2


async def test_a_dry_run_files_nothing(house: House, tmp_path: Path) -> None:
    [notice] = await letters_of(house, Person())
    done = await filed(house, picture(tmp_path, f"{mail_no(0)}.png"), dry_run=True)
    assert isinstance(done, Filed)
    assert done.new
    assert EventKind.SCANNED not in await house.kinds(notice)


async def test_what_is_sealed_is_gone_with_its_address(house: House, tmp_path: Path) -> None:
    [notice] = await letters_of(house, Person())
    await filed(house, picture(tmp_path, f"{mail_no(0)}.png"))
    key = await house.fetchval("select contact_point_id from notices where id = $1", notice)
    sealed = await house.fetch("select sealed from event_payloads where key_id = $1", key)
    assert not [row for row in sealed if PNG[:60] in row["sealed"]]
    await house.execute("delete from sealing_keys where id = $1", key)
    done = await filed(house, picture(tmp_path, f"{mail_no(0)}-2.png", PNG + b"2"))
    assert isinstance(done, NotFound)
    assert "erased" in done.message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("receipt.png", PNG, "no mail number"),
        ("RR100000018CN.png", PNG, "no mail number"),  # a wrong check digit
        ("RR000000005CN.tif", b"II*\0" + PNG, "no PNG, JPEG or PDF"),
        ("RR000000005CN.png", PNG + bytes(scans.LARGEST), "more than 1024 KiB"),
        ("RR000000005CN.png", b"", "no PNG, JPEG or PDF"),
        ("RR000000995CN.png", PNG, "no letter of ours"),
    ],
)
async def test_what_cannot_be_filed_says_why(
    house: House, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    if "no letter" in says:
        name = f"{mail_no(99)}.png"
    done = await filed(house, picture(tmp_path, name, content))
    assert isinstance(done, OutreachError)
    assert says in done.message
    assert await house.fetchval("select count(*) from contact_events where kind = 'scanned'") == 0


def test_a_folder_s_files_are_taken_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", ".hidden"):
        picture(tmp_path, name)
    assert [path.name for path in _paths([tmp_path])] == ["a.png", "b.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput):
        _paths([tmp_path / "empty"])
