"""Release: two people let go what a rule stopped, only where the pack allows it, one notice."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import ROOT, House, Person

from outreach.compliance.wording import load_wording
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.life import release

MEI, LIN = "user:mei", "user:lin"


async def unverified(house: House) -> tuple[Person, UUID]:
    """A notice that is blocked because nobody has verified the phone (S-09)."""
    person = Person()
    await house.people(person)
    row = await house.row(person)
    await house.execute("update contact_points set verified = false where id = $1", row["point_id"])
    notice = await house.notice(person)
    await house.dispatch()
    assert (await house.state(notice))[0] == "blocked"
    return person, notice


async def asked_at(house: House) -> list[UUID]:
    return [row["notice_id"] for row in await house.fetch("select notice_id from releases")]


async def test_two_people_let_a_notice_go_and_the_history_has_both(house: House) -> None:
    _, notice = await unverified(house)
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    with pytest.raises(Conflict, match="a second person"):
        await release.approve(house.parts, str(notice), MEI)
    assert await house.dispatch() == 0
    assert (await house.state(notice))[0] == "blocked"
    done = await release.approve(house.parts, str(notice), LIN)
    assert done.rules == ("S-09",)
    assert (await house.state(notice))[0] == "pending"
    assert await house.dispatch() == 1
    assert (await house.state(notice))[0] == "sent"
    events = await house.events(notice)
    assert [(event.kind, event.actor) for event in events[:4]] == [
        (EventKind.BLOCKED, "job:dispatch"),
        (EventKind.RELEASE_ASKED, MEI),
        (EventKind.RELEASED, LIN),
        (EventKind.SENDING, "job:dispatch"),
    ]
    blocked, asked, released, sending = events[:4]
    assert asked.data == {"release": ["S-09"], "reason": "CASE-7"}
    assert released.data == {"release": ["S-09"], "asked_by": [MEI]}
    assert asked.policy_version == released.policy_version == blocked.policy_version
    assert {event.stream for event in events[:4]} == {blocked.stream}
    [flag] = sending.data["findings"]  # type: ignore[misc]
    assert (flag["rule"], flag["effect"]) == ("S-09", "flag")
    assert sending.data["facts"]["released"] == ["S-09"]  # type: ignore[index]


async def test_it_is_for_this_notice_and_no_other(house: House) -> None:
    person, notice = await unverified(house)
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    await release.approve(house.parts, str(notice), LIN)
    other = await house.notice(person)
    await house.dispatch()
    assert (await house.state(other))[0] == "blocked"


async def test_what_the_pack_binds_nobody_releases(house: House) -> None:
    person, notice = await unverified(house)
    await house.mark(person, "opted_out_at")
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    await release.approve(house.parts, str(notice), LIN)
    await house.dispatch()
    assert (await house.state(notice))[0] == "blocked", "every rule was asked again"
    with pytest.raises(Conflict, match="nobody may release"):
        await release.ask(house.parts, str(notice), ["C-12"], "CASE-7", MEI)
    assert await asked_at(house) == [notice]


async def test_only_what_stopped_it_is_asked_for_and_once(house: House) -> None:
    _, notice = await unverified(house)
    with pytest.raises(InvalidInput, match=r"S-07 did not stop notice \d+\n.*these did: S-09"):
        await release.ask(house.parts, str(notice), ["S-07"], "CASE-7", MEI)
    with pytest.raises(InvalidInput, match="a reason"):
        await release.ask(house.parts, str(notice), ["S-09"], " ", MEI)
    with pytest.raises(InvalidInput, match="looks like a mailbox"):
        await release.ask(house.parts, str(notice), ["S-09"], "see li@bank.test", MEI)
    with pytest.raises(InvalidInput, match="which rule"):
        await release.ask(house.parts, str(notice), [], "CASE-7", MEI)
    with pytest.raises(NotFound, match="nobody asks"):
        await release.approve(house.parts, str(notice), LIN)
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    with pytest.raises(Conflict, match="has asked"):
        await release.ask(house.parts, str(notice), ["S-09"], "CASE-8", LIN)
    with pytest.raises(NotFound, match="no notice 987654321"):
        await release.ask(house.parts, "987654321", ["S-09"], "CASE-7", MEI)


async def test_who_is_refused_may_ask_again(house: House) -> None:
    _, notice = await unverified(house)
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    with pytest.raises(Conflict, match="a second person"):
        await release.refuse(house.parts, str(notice), MEI, "no")
    await release.refuse(house.parts, str(notice), LIN, "verify it first")
    assert (await house.state(notice))[0] == "blocked"
    assert await asked_at(house) == []
    last = (await house.events(notice))[-1]
    assert last.kind is EventKind.RELEASE_REFUSED
    assert last.data == {"release": ["S-09"], "asked_by": [MEI], "reason": "verify it first"}
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", LIN)
    await release.approve(house.parts, str(notice), MEI)
    assert await house.dispatch() == 1


async def test_a_hold_ends_at_once(house: House) -> None:
    person = Person()
    await house.people(person)
    await house.set_standing(person, "promise")
    notice = await house.notice(person)
    await house.dispatch()
    assert (await house.kinds(notice)) == [EventKind.HELD]
    await release.ask(house.parts, str(notice), ["PROMISE"], "CASE-7", MEI)
    assert await house.dispatch() == 0
    await release.approve(house.parts, str(notice), LIN)
    assert await house.dispatch() == 1
    assert (await house.state(notice))[0] == "sent"


async def test_what_no_rule_stops_cannot_be_released(house: House) -> None:
    _, notice = await house.a_notice()
    with pytest.raises(Conflict, match="pending, and not by a rule"):
        await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    await house.dispatch()
    with pytest.raises(Conflict, match="sent: no rule stops it"):
        await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)


async def test_what_has_expired_stays(house: House) -> None:
    _, notice = await unverified(house)
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", MEI)
    house.at(house.now + timedelta(days=6))
    with pytest.raises(Conflict, match="has expired"):
        await release.approve(house.parts, str(notice), LIN)


def forbid(house: House, folder: Path, *phrases: tuple[str, bool]) -> None:
    """Add phrases to the word list, each releasable or not."""
    text = (ROOT / "config/policies/wording.toml").read_text("utf-8")
    more = "".join(
        f'[[phrase]]\nreason = "L1"\nmatch = ["{phrase}"]\nsafe = "…"\n'
        f'release = "{"person" if free else "nobody"}"\n'
        for phrase, free in phrases
    )
    head, mark, rest = text.partition("[[phrase]]")
    (folder / "wording.toml").write_text(head + more + mark + rest, "utf-8")
    house.parts = replace(house.parts, wording=load_wording(folder / "wording.toml"))


async def test_words_are_released_too(house: House, tmp_path: Path) -> None:
    forbid(house, tmp_path, ("尽快", True))
    _, notice = await house.a_notice()
    await house.dispatch()
    assert (await house.state(notice))[0] == "blocked"
    await release.ask(house.parts, str(notice), ["L1"], "CASE-7", MEI)
    await release.approve(house.parts, str(notice), LIN)
    assert await house.dispatch() == 1
    assert (await house.state(notice))[0] == "sent"
    sending = next(e for e in await house.events(notice) if e.kind is EventKind.SENDING)
    [flag] = sending.data["findings"]  # type: ignore[misc]
    assert (flag["rule"], flag["effect"]) == ("L1", "flag")


async def test_words_that_nobody_may_release_still_block(house: House, tmp_path: Path) -> None:
    forbid(house, tmp_path, ("尽快", True))
    _, notice = await house.a_notice()
    await house.dispatch()
    await release.ask(house.parts, str(notice), ["L1"], "CASE-7", MEI)
    forbid(house, tmp_path, ("尽快", True), ("还款", False))
    await release.approve(house.parts, str(notice), LIN)
    assert await house.dispatch() == 0
    assert (await house.state(notice))[0] == "blocked"
    with pytest.raises(Conflict, match="nobody may release"):
        await release.ask(house.parts, str(notice), ["L1"], "CASE-7", MEI)


async def test_by_command_from_the_question_to_the_answer(
    house: House,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
    refused: Callable[..., str],
) -> None:
    _, notice = await unverified(house)
    number = str((await house.look(notice))["number"])
    run, refusal = commands(outreach), commands(refused)
    explained = await run("policy", "explain", "--notice", number)
    assert "已拦截。原因 1 项,须全部解除:(1) S-09 " in explained
    assert f"outreach notice release {number} --rule S-09" in explained
    past = explained.partition("历史判定")[2]
    assert "合规拦截" in past
    assert "S-09 " in past
    policy = str((await house.events(notice))[0].policy_version)
    assert policy[:12] in past
    asking = ("notice", "release", number, "--rule", "S-09", "--reason", "CASE-7")
    assert "--approve" in await run("--as", "mei", *asking)
    [waiting] = json.loads(await run("policy", "releases", "--json"))
    assert (waiting["rule"], waiting["asked_by"], waiting["reason"]) == ("S-09", MEI, "CASE-7")
    assert "CASE-7" in await run("policy", "releases")
    no = ("--as", "mei", "notice", "release", number, "--approve")
    assert "a second person" in await refusal(*no)
    await run("--as", "lin", "notice", "release", number, "--approve")
    assert "nothing waits" in await run("policy", "releases")
    told = await run("policy", "explain", "--notice", number)
    assert "人工放行 user:lin" in told
    assert "S-09  CASE-7" in told
    assert await house.dispatch() == 1
    over = await run("policy", "explain", "--notice", number, "--lang", "en")
    assert "This notice is sent; what follows is of sending it now" in over
