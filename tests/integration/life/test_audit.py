"""Self-audit: what was sent passes under its own pack; a stricter one names exactly the rest."""

import csv
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from life_rig import ZONE, House, Person
from openpyxl import load_workbook

from outreach.channels.base import TemporaryFailure
from outreach.cli.policy_audit import HEAD
from outreach.compliance.facts import Contact, Facts
from outreach.compliance.pack import Pack, examine, select
from outreach.compliance.policies import Policies
from outreach.compliance.stricter import tighten
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose
from outreach.life import intent, letters, release
from outreach.life.adopted import adopt
from outreach.proof import audit as module
from outreach.proof.audit import Audit, Judges, Period, Refused, audit, beyond

MAINLAND = Jurisdiction.MAINLAND
DAY = timedelta(days=1)


@pytest.fixture
async def kept(house: House) -> House:
    """A house whose policies are kept, as a worker keeps them."""
    await adopt(house.parts.pool, house.parts.policies, house.now)
    return house


async def audited(
    house: House, *, pack: Pack | None = None, today: bool = False
) -> tuple[Audit, list[Refused]]:
    listed: list[Refused] = []
    now = house.now
    async with house.parts.pool.acquire() as conn:
        judges = Judges(house.parts.policies, pack=pack, today=today)
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            period = Period(now - 60 * DAY, now + DAY)
            found = await audit(conn, period, judges, listed.append)
    assert found.refused == len(listed)
    return found, listed


def stricter(house: House, *changes: tuple[str, dict[str, object]]) -> Pack:
    return tighten(house.parts.policies.packs[MAINLAND], dict(changes), "a test")


def rewritten(house: House, *pairs: tuple[str, str]) -> Pack:
    """The pack with its text changed."""
    text = house.parts.policies.packs[MAINLAND].source
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    pack = examine(Path("other.toml"), text.encode())
    assert isinstance(pack, Pack), pack
    return pack


async def number(house: House, notice: UUID) -> int:
    return int((await house.look(notice))["number"])


async def weeks(house: House) -> dict[UUID, list[tuple[UUID, datetime]]]:
    """Six people over nine days, two of them with one phone; by debtor what went, and when."""
    shared = Person()
    people = [Person(), Person(), Person(), Person(), shared, Person(shared_phone=shared.phone)]
    await house.people(*people)
    start = house.now
    for day in range(9):
        house.at(start + day * DAY)
        await house.execute("update accounts set balance_as_of = $1", house.now)
        for n, person in enumerate(people):
            if day % (n + 1) == 0:
                channel = Channel.EMAIL if (day + n // 4) % 3 == 2 else Channel.SMS
                await house.notice(person, channel)
        await house.execute("update due set due_at = $1", house.now)
        await house.dispatch()
        await house.dispatch("email")
    gone: dict[UUID, list[tuple[UUID, datetime]]] = {}
    for row in await sent(house):
        gone.setdefault(row["debtor_id"], []).append((row["notice_id"], row["at"]))
    return gone


async def sent(house: House) -> list[asyncpg.Record]:
    return await house.fetch(
        """select debtor_id, notice_id, at, channel from contact_events
           where kind = 'sending' order by at, id"""
    )


async def test_all_that_went_passes_under_the_pack_of_its_time(kept: House) -> None:
    gone = await weeks(kept)
    total = sum(map(len, gone.values()))
    assert total > 15
    found, listed = await audited(kept)
    assert (found.judged, listed) == (total, [])
    assert not found.not_judged
    assert set(found.packs) == {kept.parts.policies.of("qinglan-bank", MAINLAND).version}


async def test_a_stricter_cap_names_exactly_those_over_it(kept: House) -> None:
    await weeks(kept)
    oracle: list[int] = []
    texts: dict[UUID, list[datetime]] = {}
    for row in await sent(kept):
        if row["channel"] == "sms":
            before = texts.setdefault(row["debtor_id"], [])
            if [at for at in before if at > row["at"] - 7 * DAY]:
                oracle.append(await number(kept, row["notice_id"]))
            before.append(row["at"])
    assert 3 < len(oracle) < sum(map(len, texts.values())) - 3
    found, listed = await audited(kept, pack=stricter(kept, ("F-03.sms-week", {"limit": 1})))
    assert [each.number for each in listed] == oracle
    assert {each.rules for each in listed} == {("F-03",)}
    assert found.by_rule == {"F-03": len(oracle)}
    assert {each.decision for each in listed} == {"hold"}


async def test_a_phone_that_two_share_is_counted_as_one(kept: House) -> None:
    """One message a phone or mailbox in three days, whoever's it is."""
    await weeks(kept)
    points = await kept.fetch(
        """select n.id, p.value_hash from notices n
           join contact_points p on p.id = n.contact_point_id"""
    )
    value = {row["id"]: row["value_hash"] for row in points}
    seen: dict[bytes, list[tuple[datetime, UUID]]] = {}
    oracle, by_others = [], 0
    for row in await sent(kept):
        before = seen.setdefault(value[row["notice_id"]], [])
        near = [debtor for at, debtor in before if at > row["at"] - 3 * DAY]
        if near:
            oracle.append(await number(kept, row["notice_id"]))
            by_others += row["debtor_id"] not in near
        before.append((row["at"], row["debtor_id"]))
    assert by_others, "one of them would have waited for the other"
    _, listed = await audited(kept, pack=value_cap(kept, days=3))
    assert [each.number for each in listed] == oracle


def value_cap(house: House, days: int) -> Pack:
    """The pack with one message in so many days to a phone, mailbox or address."""
    pack, key = house.parts.policies.packs[MAINLAND], "F-04.value-day"
    own = next(rule for rule in pack.rules if rule.key == key).params
    cap = replace(own, limit=1, days=days, reserved=0, reserved_for=frozenset())
    rules = tuple(replace(r, params=cap) if r.key == key else r for r in pack.rules)
    return replace(pack, rules=rules, selections=select(rules, "a test"), version="f" * 64)


async def test_other_hours_name_those_outside_them(kept: House) -> None:
    await kept.a_notice()
    await kept.dispatch()
    kept.at(kept.now + timedelta(hours=4))
    _, late = await kept.a_notice()
    await kept.dispatch()
    _, [refused] = await audited(kept, pack=stricter(kept, ("T-02", {"closes": "12:00"})))
    assert refused.number == await number(kept, late)
    assert refused.why[0][0] == "T-02"
    assert "14:00" in refused.why[0][1]


async def test_what_stood_then_is_judged_and_not_what_stands_now(kept: House) -> None:
    person, _ = await kept.a_notice()
    await kept.dispatch()
    await kept.set_standing(person, "deceased")
    await kept.mark(person, "opted_out_at")
    await kept.mark(person, "dead_at")
    found, listed = await audited(kept)
    assert (found.judged, listed) == (1, [])


async def test_a_standing_that_stopped_nothing_then_is_found_under_a_pack_it_stops(
    kept: House,
) -> None:
    """As if the pack of that day had forgotten complaints."""
    own = kept.parts.policies
    mild = rewritten(kept, ('standings = ["complaint"]', 'standings = ["dispute"]'))
    kept.parts = replace(kept.parts, policies=Policies({**own.packs, MAINLAND: mild}, {}))
    await adopt(kept.parts.pool, kept.parts.policies, kept.now)
    person = Person()
    await kept.people(person)
    await kept.set_standing(person, "complaint")
    notice = await kept.notice(person)
    assert await kept.dispatch() == 1
    kept.parts = replace(kept.parts, policies=own)
    assert (await audited(kept))[1] == []
    found, [refused] = await audited(kept, today=True)
    assert (refused.number, refused.rules) == (await number(kept, notice), ("S-04",))
    assert "投诉" in refused.why[0][1]
    assert "complaint" not in refused.why[0][1], "codes are told in words"
    assert set(found.packs) == {own.of("qinglan-bank", MAINLAND).version}


async def test_what_was_released_passes_and_what_cannot_be_released_does_not(kept: House) -> None:
    person = Person()
    await kept.people(person)
    row = await kept.row(person)
    await kept.execute("update contact_points set verified = false where id = $1", row["point_id"])
    notice = await kept.notice(person)
    await kept.dispatch()
    await release.ask(kept.parts, str(notice), ["S-09"], "CASE-7", "user:mei")
    await release.approve(kept.parts, str(notice), "user:lin")
    assert await kept.dispatch() == 1
    assert (await audited(kept))[1] == []
    head, mark, rest = kept.parts.policies.packs[MAINLAND].source.partition('id = "S-09"')
    firm = rest.replace("releasable = true\n", "", 1)
    pack = examine(Path("firm.toml"), (head + mark + firm).encode())
    assert isinstance(pack, Pack)
    _, [refused] = await audited(kept, pack=pack)
    assert refused.rules == ("S-09",)


async def test_an_attempt_that_did_not_go_is_no_contact(kept: House) -> None:
    """The carrier refuses for now: what follows did not know of it, and the audit knows that."""
    person, first = await kept.a_notice()
    worker = kept.worker()
    chunk = await worker.intend()
    await worker.record(worker.answered(chunk, TemporaryFailure("busy", timedelta(hours=5))))
    assert (await kept.state(first))[0] == "pending"
    kept.at(kept.now + timedelta(hours=1))
    await kept.notice(person)
    await kept.rested()
    assert await kept.dispatch() == 1
    tight = stricter(kept, ("F-03.sms-week", {"limit": 1}))
    found, listed = await audited(kept, pack=tight)
    assert (found.judged, listed) == (2, [])


async def test_letters_are_judged_again_too(kept: House) -> None:
    for person in (Person(), Person()):
        await kept.people(person)
        await kept.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
    await letters.LettersOut(kept.parts).collect("letters")
    [batch] = [row["id"] for row in await kept.fetch("select id from letter_batches")]
    await letters.close_batch(kept.parts, batch, kept.parts.mail_houses["mailhouse"])
    assert (await audited(kept))[0].judged == 2
    days = rewritten(kept, ("days = { value = 3, stricter", "days = { value = 30, stricter"))
    found, listed = await audited(kept, pack=days)
    assert (found.judged, found.by_rule) == (2, {"T-07": 2})
    assert {each.channel for each in listed} == {Channel.LETTER}


async def test_steps_do_not_show(kept: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await weeks(kept)
    tight = stricter(kept, ("F-03.sms-week", {"limit": 1}))
    whole = await audited(kept, pack=tight)
    monkeypatch.setattr(module, "STEP", 2)
    assert await audited(kept, pack=tight) == whole


async def test_what_cannot_be_judged_is_counted_with_its_reason(house: House) -> None:
    """Of a policy nobody kept, of another place, and of before facts were kept."""
    for _ in range(3):
        await house.a_notice()
    await house.dispatch()
    found, _ = await audited(house)
    assert found.not_judged == {module.NO_POLICY: 3}
    await adopt(house.parts.pool, house.parts.policies, house.now)
    found, _ = await audited(house, pack=house.parts.policies.packs[Jurisdiction.HONG_KONG])
    assert found.not_judged == {module.OTHER_PLACE: 3}
    await house.execute("update policies set source = source || '# changed since'")
    found, _ = await audited(house)
    assert found.not_judged == {module.NO_POLICY: 3}, "what it is now is not what judged"
    await house.execute("delete from policies")
    await adopt(house.parts.pool, house.parts.policies, house.now)
    await house.execute("update contact_events set data = data - 'facts' where kind = 'sending'")
    found, _ = await audited(house)
    assert (found.judged, found.not_judged) == (0, {module.NO_FACTS: 3})


async def test_rules_the_history_does_not_hold_enough_for_are_named(kept: House) -> None:
    pack = kept.parts.policies.packs[MAINLAND]
    said = dict(beyond({pack.version: pack}))
    assert any(rule.startswith("cn-mainland T-07") for rule in said)
    assert "文字规则" in said
    assert not any("F-03" in rule for rule in said)


async def test_by_command_with_all_of_them_in_a_file(
    kept: House,
    tmp_path: Path,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
    refused: Callable[..., str],
) -> None:
    for _ in range(2):
        await kept.a_notice()
    await kept.dispatch()
    numbers = [await number(kept, row["notice_id"]) for row in await sent(kept)]
    day = f"{kept.now.astimezone(ZONE):%Y-%m-%d}"
    text = kept.parts.policies.packs[MAINLAND].source
    assert 'opens = { value = "08:30"' in text
    other = tmp_path / "other.toml"
    other.write_text(text.replace('opens = { value = "08:30"', 'opens = { value = "11:00"', 1))
    asked = ("policy", "audit", "--from", day, "--to", day)
    run, refusal = commands(outreach), commands(refused)

    clean = json.loads(await run(*asked, "--json"))
    assert (clean["judged"], clean["refused"], clean["listed"]) == (2, 0, [])
    [version] = clean["policies"]
    assert "其中 0 次不应在当时发出" in await run(*asked, "--pack", version[:8])
    assert "其中 0 次" in await run(*asked, "--pack", "now", "--creditor", "qinglan-bank")

    found = json.loads(await run(*asked, "--pack", str(other), "--json"))
    assert [each["notice"] for each in found["listed"]] == numbers
    assert (found["refused"], found["by_rule"]) == (2, {"T-02": 2})
    shown = await run(*asked, "--pack", str(other))
    assert "应暂缓" in shown
    assert "史料不足" in shown
    assert "10:00" in shown

    for name in ("out.csv", "out.xlsx"):
        await run(*asked, "--pack", str(other), "--out", str(tmp_path / name))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    sheet = load_workbook(tmp_path / "out.xlsx", read_only=True).worksheets[0]
    assert rows[0] == list(HEAD)
    assert [row[0] for row in rows[1:]] == list(map(str, numbers))
    assert [[str(cell) for cell in row] for row in sheet.values] == rows
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600

    earlier = json.loads(
        await run("policy", "audit", "--from", "2020-01-01", "--to", "2020-01-31", "--json")
    )
    assert earlier["judged"] == 0
    assert "--to is before --from" in await refusal(*asked[:4], "--to", "2020-01-01")
    assert "not a day" in await refusal("policy", "audit", "--from", "yesterday")
    assert "no policy that was ever used begins" in await refusal(*asked, "--pack", "0123456789")
    assert "what kind of file" in await refusal(*asked, "--out", str(tmp_path / "out.pdf"))
    assert "cannot be written" in await refusal(*asked, "--out", str(tmp_path / "no" / "out.csv"))
    assert "no configuration" in await refusal(*asked, "--creditor", "nobody")


Known = tuple[list[tuple[datetime, Channel]], list[tuple[datetime, Channel]]]


def contacts_of(facts: Facts) -> Known:
    def told(contacts: tuple[Contact, ...]) -> list[tuple[datetime, Channel]]:
        return sorted((each.at, each.channel) for each in contacts)

    return told(facts.contacts), told(facts.value_contacts)


async def test_contacts_are_those_the_gate_knew(
    kept: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sending of these weeks, its facts beside those it truly went on."""
    true: dict[int, Known] = {}
    again: dict[int, Known] = {}
    keep, read = intent.kept_facts, module.facts_again

    def kept_facts(facts: Facts) -> dict[str, object]:
        true[facts.spread] = contacts_of(facts)
        return keep(facts)

    def facts_again(*given: Any) -> Facts:
        facts = read(*given)
        again[facts.spread] = contacts_of(facts)
        return facts

    monkeypatch.setattr(intent, "kept_facts", kept_facts)
    monkeypatch.setattr(module, "facts_again", facts_again)
    await weeks(kept)
    await audited(kept)
    assert again == true
    assert any(own for own, _ in true.values())
    assert any(len(here) > len(own) for own, here in true.values()), "a phone that two share"
