"""Erasing takes a person away for good, nobody else, and the history still verifies."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import ROOT, House, Person, id_number, open_house

from outreach.compliance.retention import Retention, load_retention
from outreach.domain.contact import Channel
from outreach.domain.errors import ConfigurationError, Conflict, InvalidInput
from outreach.domain.notice import Purpose
from outreach.ledger import places
from outreach.ledger.keys import WrappedKey
from outreach.life import erasing, letters, receipts, retention
from outreach.life.checkpoints import checkpoint_once
from outreach.life.seal import seal_all
from outreach.proof.audience import Audience
from outreach.proof.export import Request, make_bundle
from outreach.proof.report import Report
from outreach.proof.verify import verify
from outreach.templating.document import DocumentPress

RULES = load_retention(ROOT / "config" / "policies")
YEARS = timedelta(days=366 * 6)


@pytest.fixture
async def house(clean_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """With our doors open: carriers may call back."""
    async with open_house(clean_url, redis_url, tmp_path, http=True) as opened:
        yield opened


async def debtor_of(house: House, person: Person) -> UUID:
    found = (await house.row(person))["debtor_id"]
    assert isinstance(found, UUID)
    return found


async def told(house: House, *people: Person) -> None:
    """Each got an SMS that was delivered and a letter, answered, and owes nothing since."""
    await house.people(*people)
    for person in people:
        notice = await house.notice(person)
        await house.notice(person, purpose=Purpose.DEMAND_LETTER, channel=Channel.LETTER)
        await house.dispatch()
        await house.post(house.status(notice, 1, "delivered"), house.reply(person, "好的,知道了"))
        await house.apply()
    await letters.LettersOut(house.parts).collect("letters")
    for batch in await house.fetch("select id from letter_batches where closed_at is null"):
        partner = house.parts.mail_houses["mailhouse"]
        await letters.close_batch(house.parts, batch["id"], partner)
        await letters.hand_over(house.parts, batch["id"], partner)
    sent = await house.fetch("select id from notices where channel = 'letter'")
    ids = [str(row["id"]) for row in sent]
    rows = "\r\n".join(["letter_id,result,reason,sha256", *(f"{each},accepted,," for each in ids)])
    (house.folder / "mailhouse/inbox/ack-1.csv").write_text(rows + "\r\n")
    await receipts.receive(house.parts)
    await house.execute("update accounts set balance = 0, overdue = 0")
    await seal_all(house.parts.pool)
    await checkpoint_once(house.parts)


async def everything(house: House) -> str:
    """All that can be read without keys: tables, bytes as text, and files."""
    found = []
    names = await house.fetch("select tablename from pg_tables where schemaname = 'public'")
    for row in names:
        for line in await house.fetch(f"select t::text as line from {row['tablename']} t"):
            text = re.sub(r"\\x((?:[0-9a-f]{2})*)", lambda at: _text(at[1]), line["line"])
            found.append(text)
    for path in sorted((house.folder / "mailhouse").rglob("*")):
        if path.is_file():
            found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def _text(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "replace")


async def opened(house: House) -> str:
    """All that our keys open."""
    async with house.parts.pool.acquire() as conn:
        rows = await conn.fetch(
            """select e.id, p.sealed, k.id as key_id, k.wrapped, k.master_version
               from event_payloads p join contact_events e on e.id = p.event_id
               join sealing_keys k on k.id = p.key_id"""
        )
    said = []
    for row in rows:
        if row["wrapped"] is not None:
            key = house.parts.masters.unwrap(
                WrappedKey(row["key_id"], row["wrapped"], row["master_version"])
            )
            said.append(key.open(row["sealed"], places.payload(row["id"])).decode())
    return "\n".join(said)


async def check(house: House) -> Report:
    report = await verify(house.parts.pool, house.parts.masters)
    assert report.good, report.problems
    return report


async def test_a_debtor_is_gone_and_the_others_are_as_they_were(house: House) -> None:
    gone, stays = Person("云小满"), Person("竹青")
    await told(house, gone, stays)
    debtor, other = await debtor_of(house, gone), await debtor_of(house, stays)
    before = await opened(house)
    assert gone.phone in before
    assert stays.phone in before
    kept = await house.fetch(
        "select * from event_payloads p join contact_events e on e.id = p.event_id "
        "where e.debtor_id = $1 order by e.id",
        other,
    )
    house.at(house.now + YEARS)
    erased = await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")
    assert (erased.points, erased.letters) == (3, 1)
    await seal_all(house.parts.pool)
    readable = await everything(house) + await opened(house)
    secrets = (*gone.secrets, id_number(gone))
    assert not [each for each in secrets if each in readable]
    assert stays.phone in readable
    report = await check(house)
    assert report.erased == len(erased.payloads)
    assert kept == await house.fetch(
        "select * from event_payloads p join contact_events e on e.id = p.event_id "
        "where e.debtor_id = $1 order by e.id",
        other,
    )
    press = DocumentPress("certificate", archival=True)
    made = await make_bundle(house.parts, Request(debtor, Audience.COURT), house.now, press)
    assert made.included
    with pytest.raises(Conflict, match="erased before"):
        await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")


async def test_an_import_does_not_take_them_back(house: House) -> None:
    person = Person()
    await told(house, person)
    debtor = await debtor_of(house, person)
    house.at(house.now + YEARS)
    await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")
    with pytest.raises(InvalidInput, match="none of its 1 rows can be taken"):
        await house.people(person)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update accounts set balance = 5", "1 accounts are not settled"),
        ("update notices set state = 'uncertain' where channel = 'sms'", "1 notices are on"),
        (
            "insert into standings (id, debtor_id, kind, owner, reason, since) select "
            "gen_random_uuid(), id, 'dispute', 'user:x', 'C', now() from debtors",
            "dispute stands",
        ),
    ],
)
async def test_what_stands_in_the_way_is_named(house: House, statement: str, says: str) -> None:
    person = Person()
    await told(house, person)
    debtor = await debtor_of(house, person)
    house.at(house.now + YEARS)
    await house.execute(statement)
    before = await everything(house)
    with pytest.raises(Conflict, match=says):
        await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")
    assert await everything(house) == before


async def test_not_before_its_time_and_the_rule_is_named(house: House) -> None:
    person = Person()
    await told(house, person)
    debtor = await debtor_of(house, person)
    with pytest.raises(Conflict, match=r"R-01 .*第68条.*5 years from the last event end on 20"):
        await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")


async def test_a_stranger_s_number_goes_at_once_and_a_sharer_keeps_theirs(house: House) -> None:
    one = Person("云小满")
    two = Person("竹青", shared_phone=one.phone)
    await told(house, one, two)
    row = await house.row(one)
    with pytest.raises(Conflict, match="not marked as another person's"):
        await erasing.erase_point(house.parts, row["point_id"], "CASE-9", "user:lin")
    await house.mark(one, "wrong_person_at")
    erased = await erasing.erase_point(house.parts, row["point_id"], "CASE-9", "user:lin")
    assert erased.payloads
    await seal_all(house.parts.pool)
    await check(house)
    said = await opened(house)
    assert two.phone in said
    sharer = await house.row(two)
    value = await house.fetchval(
        "select v.hash from contact_values v join contact_points p on p.value_hash = v.hash "
        "where p.id = $1",
        sharer["point_id"],
    )
    assert value == house.parts.lookup.hash("phone", two.e164)
    mine = await house.fetch(
        "select e.id from event_payloads p join contact_events e on e.id = p.event_id "
        "where p.key_id = $1",
        row["point_id"],
    )
    assert mine == []


async def test_an_import_does_not_bring_a_stranger_s_number_back(house: House) -> None:
    person = Person()
    await told(house, person)
    await house.mark(person, "wrong_person_at")
    point = (await house.row(person))["point_id"]
    await erasing.erase_point(house.parts, point, "CASE-9", "user:lin")
    await house.people(person)
    phones = await house.fetch(
        "select id, wrong_person_at from contact_points where kind = 'phone' and debtor_id = $1",
        await debtor_of(house, person),
    )
    assert [row["id"] for row in phones] == [point]
    assert phones[0]["wrong_person_at"] is not None
    assert person.phone not in await opened(house)


async def test_an_account_stays_known_by_whoever_else_has_a_part_in_it(house: House) -> None:
    borrower = Person("云小满")
    guarantor = Person("竹青", role="保证人", of=borrower)
    await house.people(borrower, guarantor)
    await house.execute("update accounts set balance = 0, overdue = 0")
    debtor, other = await debtor_of(house, borrower), await debtor_of(house, guarantor)
    await seal_all(house.parts.pool)
    house.at(house.now + YEARS)
    await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")
    assert await debtor_of(house, guarantor) == other  # found by the account's number
    await erasing.erase_debtor(house.parts, RULES, other, "CASE-9", "user:lin")
    tails = await house.fetch("select number_tail from accounts")
    assert [row["number_tail"] for row in tails] == [""]


async def test_a_letter_to_a_stranger_s_address_leaves_our_folders(house: House) -> None:
    person = Person()
    await told(house, person)
    assert f"竹影巷{person.number}号" in await everything(house)
    await house.mark(person, "wrong_person_at", Channel.LETTER)
    point = (await house.row(person, Channel.LETTER))["point_id"]
    erased = await erasing.erase_point(house.parts, point, "CASE-9", "user:lin")
    assert erased.letters == 1
    assert f"竹影巷{person.number}号" not in await everything(house)


async def test_a_mail_house_that_is_gone_is_named(house: House) -> None:
    person = Person()
    await told(house, person)
    debtor = await debtor_of(house, person)
    house.at(house.now + YEARS)
    house.parts = replace(house.parts, mail_houses={})
    with pytest.raises(Conflict, match="the mail house mailhouse, which is not configured"):
        await erasing.erase_debtor(house.parts, RULES, debtor, "CASE-9", "user:lin")
    done = await retention.run(house.parts, RULES, house.now, lambda *_: None)
    assert sum(done.debtors.values()) == 0
    assert person.phone in await opened(house)


async def test_one_notice_s_words(house: House) -> None:
    person = Person()
    await told(house, person)
    notice = (await house.fetch("select id, debtor_id from notices where channel = 'sms'"))[0]
    house.at(house.now + YEARS)
    erased = await erasing.erase_notice(
        house.parts, RULES, notice["id"], notice["debtor_id"], "CASE-9", "user:lin"
    )
    assert erased.payloads
    await seal_all(house.parts.pool)
    report = await check(house)
    assert report.erased == len(erased.payloads)
    said = await opened(house)
    assert person.phone not in said
    assert "催收函" in said


async def test_a_day_of_raw_callbacks_goes_once_all_of_it_was_applied(house: House) -> None:
    await told(house, Person())
    assert await erasing.destroy_old_days(house.parts, house.now - timedelta(days=3), "job:x") == 0
    later = house.now + timedelta(days=4)
    await house.execute(
        "insert into callbacks_due select id, 0, now() + interval '1d' from raw_callbacks limit 1"
    )
    assert await erasing.destroy_old_days(house.parts, later, "job:x") == 0
    await house.execute("delete from callbacks_due")
    assert await erasing.destroy_old_days(house.parts, later, "job:x") == 1
    await seal_all(house.parts.pool)
    await check(house)


# ------------------------------------------------------------------------------------- retention


async def test_retention_takes_what_is_past_its_time(house: House) -> None:
    old, owing, stranger = Person(), Person(), Person()
    await told(house, old, owing, stranger)
    await house.mark(stranger, "wrong_person_at")
    row = await house.row(owing)
    await house.execute("update accounts set balance = 9 where id = $1", row["account_id"])
    now = house.now
    assert (await retention.due(house.parts, RULES, now)).points == 0
    month = now + timedelta(days=31)  # time for a person to look at who says so
    assert (await retention.due(house.parts, RULES, month)).points == 1
    house.at(now + YEARS)
    due = await retention.due(house.parts, RULES, house.now)
    assert (sum(due.debtors.values()), due.points, due.days) == (2, 1, 1)
    watched: list[tuple[int, int]] = []
    done = await retention.run(house.parts, RULES, house.now, lambda *at: watched.append(at))
    # the stranger's own file has an event of today: it waits its years again
    assert (sum(done.debtors.values()), done.points, done.days) == (1, 1, 1)
    assert watched
    assert (await retention.due(house.parts, RULES, house.now)).points == 0
    await seal_all(house.parts.pool)
    await check(house)


async def test_retention_broken_off_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await told(house, *(Person() for _ in range(4)))
    house.at(house.now + YEARS)
    erase, count = erasing.erase_debtor, 0

    async def broken(*arguments: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError("gone")
        return await erase(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "erase_debtor", broken)
    with pytest.raises(OSError, match="gone"):
        await retention.run(house.parts, RULES, house.now, lambda *_: None)
    monkeypatch.setattr(retention, "erase_debtor", erase)
    done = await retention.run(house.parts, RULES, house.now, lambda *_: None)
    assert sum(done.debtors.values()) == 2
    await seal_all(house.parts.pool)
    await check(house)


async def test_by_command(
    house: House,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
    refused: Callable[..., str],
) -> None:
    person = Person()
    await told(house, person)
    run, refusal = commands(outreach), commands(refused)
    debtor = str(await debtor_of(house, person))
    number = str(await house.fetchval("select number from notices where channel = 'sms'"))
    point = str((await house.row(person))["point_id"])
    assert "R-01" in await run("retention", "show")
    assert "debtors are due: 0 of" in await run("retention", "run", "--dry-run")
    assert "1 of cn-mainland" in await run("retention", "run", "--dry-run", "--at", "2060-01-01")
    assert "debtors erased: 0 of" in await run("retention", "run")
    assert "in the way: R-01" in await run("debtor", "erase", debtor, "--dry-run")
    assert "nothing was erased" in await refusal("debtor", "erase", debtor, "--reason", "C-1")
    assert "nothing was erased" in await refusal("notice", "erase", number, "--reason", "C-1")
    assert "in the way" in await run("notice", "erase", number, "--dry-run")
    assert "in the way" in await run("contact-point", "erase", point, "--dry-run")
    await house.mark(person, "wrong_person_at")
    erased = await run("--as", "lin", "contact-point", "erase", point, "--reason", "C-1")
    assert erased.startswith("erased: 1 keys")
    for arguments, says in (
        (("debtor", "erase", debtor), "--reason"),
        (("contact-point", "erase", "x", "--reason", "C"), "named by its id"),
        (("notice", "erase", "99999", "--reason", "C"), "there is no notice 99999"),
        (("retention", "run", "--at", "2060-01-01"), "looking ahead"),
        (("retention", "run", "--dry-run", "--at", "x"), "is no day"),
    ):
        assert says in await refusal(*arguments)


# ------------------------------------------------------------------------------ nothing forgotten

PERSONAL = re.compile(r"(^|_)(sealed|hash|tail|salt|wrapped|reference|evidence|reason|detail|tag)$")
ELSEWHERE = {
    # of no debtor: what an institution files, decides or builds of
    "registrations.evidence",
    "registrations.detail",
    "campaign_exclusions.reason",
    "releases.reason",
    "stops.reason",
    "eras.reason",
}


async def test_every_personal_column_has_its_line_in_the_list(house: House) -> None:
    listed = (ROOT / "docs" / "erasure.md").read_text("utf-8")
    named = set()
    for line in listed.splitlines():
        if line.startswith("| `"):
            tables, columns = (re.findall("`([a-z_]+)`", cell) for cell in line.split("|")[1:3])
            named |= {f"{table}.{column}" for table in tables for column in columns}
    found = await house.fetch(
        "select table_name || '.' || column_name as name, column_name from "
        "information_schema.columns where table_schema = 'public'"
    )
    personal = {str(row["name"]) for row in found if PERSONAL.search(str(row["column_name"]))}
    assert personal - named - ELSEWHERE == set()
    assert named <= {str(row["name"]) for row in found}


def test_a_rule_for_every_place(tmp_path: Path) -> None:
    text = (ROOT / "config/policies/retention.toml").read_text("utf-8")
    (tmp_path / "retention.toml").write_text(text.replace('place = "tw"', 'place = "hk"'), "utf-8")
    with pytest.raises(ConfigurationError, match=r"retention.toml.*\n.*one rule for each place"):
        load_retention(tmp_path)
    (tmp_path / "retention.toml").write_text(text.rpartition("[[retention]]")[0], "utf-8")
    with pytest.raises(ConfigurationError, match="a rule for tw"):
        load_retention(tmp_path)


def test_years_end_on_their_day() -> None:
    rule: Retention = next(iter(RULES.places.values()))
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    assert rule.ends(leap) == datetime(2033, 3, 1, tzinfo=UTC)
    assert rule.begins(rule.ends(leap)) == datetime(2028, 3, 1, tzinfo=UTC)
    assert rule.begins(leap) == datetime(2023, 2, 28, tzinfo=UTC)
