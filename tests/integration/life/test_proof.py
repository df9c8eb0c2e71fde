"""A bundle from a real house: it checks without us, and holds nobody else's data."""

import asyncio
import io
import json
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import UUID
from zipfile import ZipFile

import pytest
from life_rig import House, Person, id_number
from pypdf import PdfReader

from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict
from outreach.domain.notice import Purpose
from outreach.life import letters, receipts
from outreach.life.adopted import adopt
from outreach.life.checkpoints import checkpoint_once
from outreach.life.seal import seal_all
from outreach.proof.audience import Audience
from outreach.proof.check import _of_its_file, check_bundle
from outreach.proof.export import Bundle, Request, make_bundle
from outreach.proof.many import Period, make_many
from outreach.templating.document import DocumentPress

PRESS = DocumentPress("certificate", archival=True)


async def bundle(
    house: House, debtor_id: UUID, audience: Audience = Audience.COURT, **how: object
) -> Bundle:
    await seal_all(house.parts.pool)
    await checkpoint_once(house.parts)
    request = Request(debtor_id, audience, **how)  # type: ignore[arg-type]
    return await make_bundle(house.parts, request, house.now, PRESS)


def unpacked(made: Bundle) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(made.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def certificate(made: Bundle) -> str:
    """Its text without blanks."""
    pages = PdfReader(io.BytesIO(unpacked(made)["certificate.pdf"])).pages
    return "".join("".join(page.extract_text().split()) for page in pages).replace("\u200b", "")


async def debtor_of(house: House, person: Person) -> UUID:
    found = (await house.row(person))["debtor_id"]
    assert isinstance(found, UUID)
    return found


async def told(house: House, person: Person | None = None) -> tuple[Person, UUID]:
    """A debtor who got an SMS that was delivered."""
    person = person or Person()
    await house.people(person)
    notice = await house.notice(person)
    await house.dispatch()
    await receipts.apply_batch(house.parts)
    return person, notice


def holds(tmp_path: Path, made: Bundle) -> None:
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "bundle.zip"
    path.write_bytes(made.content)
    checks, found = check_bundle(path)
    assert [check.faults for check in checks if not check.good] == []
    assert found.covered == len(found.heads) == made.events
    place = tmp_path / "unpacked"
    with ZipFile(path) as archive:
        archive.extractall(place)
    said = subprocess.run(
        ["bash", "verify.sh"], cwd=place, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stdout + said.stderr


async def test_a_notice_is_proved_without_us(house: House, tmp_path: Path) -> None:
    person, notice = await told(house)
    made = await bundle(house, await debtor_of(house, person), notice_id=notice)
    await asyncio.to_thread(holds, tmp_path, made)
    files = unpacked(made)
    payloads = b"".join(files[name] for name in files if name.startswith("payloads/"))
    assert person.phone.encode() in payloads
    text = certificate(made)
    number = (await house.look(notice))["number"]
    for words in (
        "通知发送与送达记录证明",
        person.name,
        f"通知{number}",
        person.phone,
        "青岚银行股份有限公司",
        "示例数据，不得作为证据使用",
        "“经 twilio”：沙盒短信平台（示例）",
    ):
        assert words.replace(" ", "") in text


async def test_the_same_request_at_the_same_time_gives_the_same_bytes(house: House) -> None:
    person, _ = await told(house)
    debtor = await debtor_of(house, person)
    await seal_all(house.parts.pool)
    await checkpoint_once(house.parts)
    made_at = house.now
    request = Request(debtor, Audience.COURT)
    made = [await make_bundle(house.parts, request, made_at, PRESS) for _ in range(2)]
    assert made[0].content == made[1].content
    later = await make_bundle(house.parts, request, made_at + timedelta(seconds=1), PRESS)
    one, two = unpacked(made[0]), unpacked(later)
    changed = {name for name in one if one[name] != two[name]}
    assert changed == {"index.json", "certificate.pdf", "SHA256SUMS"}


async def test_nothing_of_another_with_the_same_phone(house: House, tmp_path: Path) -> None:
    one = Person("云小满")
    two = Person("竹青", shared_phone=one.phone)
    await told(house, one)
    await told(house, two)
    made = await bundle(house, await debtor_of(house, one))
    await asyncio.to_thread(holds, tmp_path, made)
    other = await debtor_of(house, two)
    secrets = {str(other), *(each for each in two.secrets if each not in one.secrets)}
    rows = await house.fetch("select id from contact_events where debtor_id = $1", other)
    secrets |= {str(row["id"]) for row in rows}
    for name, content in unpacked(made).items():
        found = [secret for secret in secrets if secret.encode() in content]
        assert not found, name
    text = certificate(made)
    assert not [secret for secret in secrets if secret in text]


async def test_a_letter_is_enclosed_as_it_was_posted(house: House, tmp_path: Path) -> None:
    person = Person()
    await house.people(person)
    notice = await house.notice(person, purpose=Purpose.DEMAND_LETTER, channel=Channel.LETTER)
    await letters.LettersOut(house.parts).collect("letters")
    batch = str(await house.fetchval("select id from letter_batches"))
    await letters.close_batch(house.parts, batch, house.parts.mail_houses["mailhouse"])
    made = await bundle(house, await debtor_of(house, person))
    await asyncio.to_thread(holds, tmp_path, made)
    number = (await house.look(notice))["number"]
    files = unpacked(made)
    assert files[f"letters/{number}-1.pdf"].startswith(b"%PDF")
    assert "催收函" in certificate(made)


async def posted(house: House, people: Sequence[Person], told: Callable[[int], str]) -> list[UUID]:
    """Their letters, posted together; ``told`` is what the mail house says of each, from 0 on."""
    await house.people(*people)
    notices = [await house.notice(each, Channel.LETTER, Purpose.DEMAND_LETTER) for each in people]
    await letters.LettersOut(house.parts).collect("letters")
    batch = str(await house.fetchval("select id from letter_batches"))
    partner = house.parts.mail_houses["mailhouse"]
    await letters.close_batch(house.parts, batch, partner)
    await letters.hand_over(house.parts, batch, partner)
    rows = ["letter_id,mail_no,office,posted_at,sheets"]
    rows += [f"{one},{told(n)}" for n, one in enumerate(notices)]
    inbox = house.folder / "mailhouse" / "inbox"
    (inbox / "posted-1.csv").write_text("\r\n".join(rows) + "\r\n", "utf-8-sig")
    await receipts.receive(house.parts)
    return notices


async def test_a_file_of_several_is_cut_into_rows(house: House, tmp_path: Path) -> None:
    """A mail house answers for two letters in one file: each history has its own row of it."""
    people = Person(), Person()
    await posted(house, people, lambda n: f'XA{n:09d}CN,"青岚\n局",2026-11-26,1')
    files: list[dict[str, bytes]] = []
    for at, person in enumerate(people):
        made = await bundle(house, await debtor_of(house, person))
        await asyncio.to_thread(holds, tmp_path / str(at), made)
        files.append(unpacked(made))
    roots = set()
    for at, person in enumerate(people):
        [told] = [
            (json.loads(content), json.loads(files[at][name.replace("events", "payloads")]))
            for name, content in files[at].items()
            if name.startswith("events/") and b'"kind":"posted"' in content
        ]
        event, payload = told
        roots.add(event["data"]["file"])
        assert payload["of"]["rows"] == 3
        assert event["data"]["mail_no"] in payload["original"]
        other = people[1 - at]
        secrets = [each.encode() for each in (*other.secrets, str(await debtor_of(house, other)))]
        shared = {each.encode() for each in person.secrets}
        everything = b"".join(files[at].values())
        assert not [each for each in secrets if each not in shared and each in everything]
        assert _of_its_file(payload, event["data"])
        payload["of"]["path"][0] = "00" * 32
        assert not _of_its_file(payload, event["data"])
    assert len(roots) == 1


async def test_who_is_given_what(house: House, tmp_path: Path) -> None:
    await adopt(house.parts.pool, house.parts.policies, house.now)
    person, _ = await told(house)
    debtor = await debtor_of(house, person)
    kinds: dict[Audience, set[str]] = {}
    for audience in Audience:
        made = await bundle(house, debtor, audience)
        await asyncio.to_thread(holds, tmp_path / audience, made)
        files = unpacked(made)
        kinds[audience] = {
            json.loads(content)["kind"]
            for name, content in files.items()
            if name.startswith("events/")
        }
        assert any(name.startswith("policies/") for name in files) == (audience != "debtor")
        assert (id_number(person) in certificate(made)) == (audience != "regulator")
        imported = json.loads(files["index.json"])["events"][0]
        expected = {"court": "included", "regulator": "withheld", "debtor": "withheld"}
        assert imported["payload"] == expected[audience]
    assert kinds[Audience.COURT] == kinds[Audience.REGULATOR] > kinds[Audience.DEBTOR]
    assert "imported" not in kinds[Audience.DEBTOR]
    assert {"sending", "sent"} <= kinds[Audience.DEBTOR]


async def test_only_the_days_asked_for(house: House, tmp_path: Path) -> None:
    person, _ = await told(house)
    debtor = await debtor_of(house, person)
    made = await bundle(house, debtor, since=house.now + timedelta(days=1))
    await asyncio.to_thread(holds, tmp_path, made)
    assert (made.numbers, made.included) == ((), 0)
    assert "没有向债务人发出通知的记录" in certificate(made)
    whole = await bundle(house, debtor, until=house.now + timedelta(days=1))
    assert whole.included == whole.events == made.events


async def test_by_command(
    house: House,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
    refused: Callable[..., str],
    tmp_path: Path,
) -> None:
    person, notice = await told(house)
    number = str((await house.look(notice))["number"])
    run, refusal = commands(outreach), commands(refused)
    out = tmp_path / "one.zip"
    said = await run("--as", "lin", "proof", "export", "--notice", number, "--out", str(out))
    assert "1 notices" in said
    assert (out.stat().st_mode & 0o777) == 0o600
    checked = json.loads(await run("proof", "verify", str(out), "--json"))
    assert checked["good"]
    assert checked["covered"] == checked["events"]
    [exported] = await house.fetch(
        "select actor, stream, data from contact_events where kind = 'exported'"
    )
    assert exported["stream"] == "user:lin"
    assert person.name not in str(exported["data"])
    whole = ("--debtor", str(await debtor_of(house, person)), "--for", "debtor")
    await run("proof", "export", *whole, "--out", str(tmp_path / "two.zip"))
    note = tmp_path / "checkpoint.txt"
    await run("history", "checkpoint", "--out", str(note))
    assert "the history holds" in await run("history", "verify", "--since", str(note))
    assert "签名公钥" in await run("history", "keys")
    days = ("--from", f"{house.now:%Y-%m-%d}", "--to", f"{house.now:%Y-%m-%d}")
    many = ("--creditor", "qinglan-bank", *days, "--out", str(tmp_path / "many"))
    assert "1 bundles of 1 notices" in await run("--as", "lin", "proof", "export-many", *many)
    for arguments, says in (
        (("--out", "x.zip"), "whose evidence"),
        (("--notice", number, "--debtor", "x", "--out", "x.zip"), "whose evidence"),
        (("--notice", number, "--out", "x.pdf"), "no .zip file"),
        (("--notice", "999999", "--out", "x.zip"), "there is no notice 999999"),
        (("--notice", number, "--from", "gestern", "--out", "x.zip"), "is no day"),
    ):
        assert says in await refusal("proof", "export", *arguments)
    assert "no zip file" in await refusal("proof", "verify", str(tmp_path / "nothing.zip"))


# ----------------------------------------------------------------------------------- many at once


async def test_many_at_once_broken_off_and_finished(house: House, tmp_path: Path) -> None:
    people = [Person() for _ in range(5)]
    for person in people:
        await told(house, person)
    waiting = Person()
    await house.people(waiting)
    await house.notice(waiting)
    await seal_all(house.parts.pool)
    await checkpoint_once(house.parts)
    day = timedelta(days=1)
    period = Period("qinglan-bank", Audience.REGULATOR, house.now - day, house.now + day)
    out = tmp_path / "many"
    (out / "bundles").mkdir(parents=True)
    told_of: list[tuple[int, int]] = []

    def breaks(path: Path, content: bytes) -> None:
        if len(list(out.glob("bundles/*.zip"))) == 3:
            raise OSError("full")
        path.write_bytes(content)

    begun = house.now
    with pytest.raises(OSError, match="full"):
        await make_many(house.parts, period, out, begun, breaks, lambda *_: None)
    with (out / "manifest.csv").open("a") as manifest:
        manifest.write("019a,bundles/")  # as a fall in the middle of a line leaves it
    made = await make_many(
        house.parts, period, out, house.now, Path.write_bytes, lambda *at: told_of.append(at)
    )
    assert (made.bundles, made.kept, made.notices) == (6, 3, 6)
    assert told_of[-1] == (6, 6)
    lines = (out / "manifest.csv").read_text().splitlines()
    assert len(lines) == 7
    for line in lines[1:]:
        _, name, digest, notices, _ = line.split(",")
        content = (out / name).read_bytes()
        assert sha256(content).hexdigest() == digest
        assert notices == "1"
        checks, _ = check_bundle(out / name)
        assert all(check.good for check in checks)
    counts = (out / "completeness.csv").read_text().splitlines()
    assert counts[0] == "purpose,channel,state,delivery,notices,debtors"
    assert sum(int(line.split(",")[4]) for line in counts[1:]) == 6
    assert "overdue_notice,sms,pending,none,1,1" in counts
    whole = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = tmp_path / "again"
    (again / "bundles").mkdir(parents=True)
    await make_many(house.parts, period, again, begun, Path.write_bytes, lambda *_: None)
    assert {path.name: path.read_bytes() for path in again.rglob("*") if path.is_file()} == whole
    other = replace(period, audience=Audience.COURT)
    with pytest.raises(Conflict, match="another request"):
        await make_many(house.parts, other, out, house.now, Path.write_bytes, lambda *_: None)


async def test_a_notice_that_no_history_tells_of_is_missed(house: House, tmp_path: Path) -> None:
    person, notice = await told(house)
    await seal_all(house.parts.pool)
    await house.execute(
        "delete from chain where event_id in (select id from contact_events where notice_id = $1)",
        notice,
    )
    (tmp_path / "bundles").mkdir()
    day = timedelta(days=1)
    period = Period("qinglan-bank", Audience.REGULATOR, house.now - day, house.now + day)
    with pytest.raises(Conflict, match="is not in its debtor's history"):
        await make_many(house.parts, period, tmp_path, house.now, Path.write_bytes, lambda *_: None)
    assert person


@pytest.mark.parametrize("name", ["chain.txt", "events/000002.json"])
async def test_a_changed_bundle_is_named_by_command(
    house: House,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
    tmp_path: Path,
    name: str,
) -> None:
    person, _ = await told(house)
    made = await bundle(house, await debtor_of(house, person))
    path = tmp_path / "bent.zip"
    with ZipFile(path, "w") as archive:
        for each, content in unpacked(made).items():
            archive.writestr(each, content.replace(b"1", b"2", 1) if each == name else content)
    with pytest.raises(AssertionError):  # the command ends with 1
        await commands(outreach)("proof", "verify", str(path))


# -------------------------------------------------------------------------------- nobody else's


@pytest.mark.parametrize("seed", range(3))
async def test_of_any_portfolio_nothing_of_another(house: House, seed: int, tmp_path: Path) -> None:
    """People share phones as it falls out, letters share files; each bundle is one person's."""
    random = Random(seed)
    people: list[Person] = []
    for number in range(6):
        shared = random.choice(people).phone if people and random.random() < 0.5 else ""
        people.append(
            Person(f"{'云竹松梅兰菊'[number]}{'一二三四五六'[number]}", shared_phone=shared)
        )
    await house.people(*people)
    for person in random.sample(people, 6):
        channel = random.choice([Channel.SMS, Channel.EMAIL, Channel.LETTER])
        letter = channel is Channel.LETTER
        await house.notice(
            person, channel, Purpose.DEMAND_LETTER if letter else Purpose.OVERDUE_NOTICE
        )
    await house.dispatch()
    await house.dispatch("email")
    await letters.LettersOut(house.parts).collect("letters")
    partner = house.parts.mail_houses["mailhouse"]
    for batch in await house.fetch("select id from letter_batches"):
        await letters.close_batch(house.parts, batch["id"], partner)
        await letters.hand_over(house.parts, batch["id"], partner)
    sent = await house.fetch("select id from notices where channel = 'letter'")
    rows = ["letter_id,result,reason,sha256", *(f"{row['id']},accepted,," for row in sent)]
    (house.folder / "mailhouse/inbox/ack-1.csv").write_text("\n".join(rows) + "\n")
    await receipts.receive(house.parts)
    ids = [await debtor_of(house, person) for person in people]
    query = "select id from contact_events where debtor_id = $1"
    owned = [{str(row["id"]) for row in await house.fetch(query, debtor)} for debtor in ids]
    for at, person in enumerate(people):
        made = await bundle(house, ids[at])
        await asyncio.to_thread(holds, tmp_path / str(at), made)
        content = b"\n".join(unpacked(made).values()) + certificate(made).encode()
        for other in range(len(people)):
            if other == at:
                continue
            secrets = {*people[other].secrets, id_number(people[other]), str(ids[other])}
            secrets = (secrets | owned[other]) - {*person.secrets}
            assert not [each for each in secrets if each.encode() in content]
