"""What a notice's explanation holds beyond the rules: words, a phone abroad, and the past."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import ROOT, ZONE, House, Person

from outreach.cli.policy_explain import as_data, explain_notice
from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision
from outreach.compliance.policies import Policies
from outreach.compliance.stricter import tighten
from outreach.compliance.wording import load_wording
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import NoPolicy
from outreach.domain.events import EventKind
from outreach.life import release
from outreach.life.adopted import adopt
from outreach.proof.explain import Explanation
from outreach.proof.values import Language

MAINLAND = Jurisdiction.MAINLAND
ZH, EN = Language


async def explained(house: House, notice: UUID, now: datetime | None = None) -> Explanation:
    async with house.parts.pool.acquire() as conn:
        return await explain_notice(house.parts, conn, str(notice), now or house.now)


async def test_words_object_beside_the_rules_and_are_shown_masked(
    house: House, tmp_path: Path
) -> None:
    text = (ROOT / "config/policies/wording.toml").read_text("utf-8")
    head, mark, rest = text.partition("[[phrase]]")
    phrase = '[[phrase]]\nreason = "L1"\nmatch = ["尽快"]\nsafe = "…"\nrelease = "person"\n'
    (tmp_path / "wording.toml").write_text(head + phrase + mark + rest, "utf-8")
    house.parts = replace(house.parts, wording=load_wording(tmp_path / "wording.toml"))
    person, notice = await house.a_notice()
    await house.set_standing(person, "promise")
    found = await explained(house, notice)
    assert found.verdict.decision is Decision.BLOCK
    assert [(each.finding.rule, each.finding.effect) for each in found.objections] == [
        ("L1", Effect.BLOCK),
        ("PROMISE", Effect.HOLD),
    ]
    assert "尽快" in found.objections[0].says(EN), "the word list speaks Chinese only"
    assert "尽快" in found.text
    assert not [secret for secret in person.secrets if secret in found.text]
    assert not [secret for secret in person.secrets if secret in str(as_data(found, ZH))]


async def test_what_was_released_is_told_as_a_flag(house: House) -> None:
    person = Person()
    await house.people(person)
    await house.execute("update contact_points set verified = false")
    notice = await house.notice(person)
    await house.dispatch()
    before = await explained(house, notice)
    assert [each.finding.effect for each in before.objections] == [Effect.BLOCK]
    await release.ask(house.parts, str(notice), ["S-09"], "CASE-7", "user:mei")
    await release.approve(house.parts, str(notice), "user:lin")
    after = await explained(house, notice)
    assert after.verdict.decision is Decision.ALLOW
    assert [each.finding.effect for each in after.objections] == [Effect.FLAG]
    assert [each.kind for each in after.recorded] == [
        EventKind.BLOCKED,
        EventKind.RELEASE_ASKED,
        EventKind.RELEASED,
    ]


async def test_of_a_phone_abroad_its_places_hours_are_asked_too(house: House) -> None:
    _, notice = await house.a_notice()
    await house.execute("update contact_points set region = 'HK' where kind = 'phone'")
    early = datetime.combine(house.now.astimezone(ZONE).date(), time(8, 45), ZONE)
    found = await explained(house, notice, early)
    assert found.verdict.decision is Decision.HOLD
    [objection] = found.objections
    assert objection.rule is not None
    assert objection.rule in house.parts.policies.packs[Jurisdiction.HONG_KONG].rules
    assert "09:00" in objection.says(ZH)
    hours = [each for each in found.passed if each.rule.check == "hours"]
    assert {each.rule.key for each in hours} >= {"T-01", "T-02"}
    assert found.verdict.policy_version.count("+") == 1


async def test_the_past_is_told_by_the_policy_of_its_time(house: House) -> None:
    """What it says stays what it said, whatever the packs say now; codes are in words."""
    own = house.parts.policies
    strict = tighten(own.packs[MAINLAND], {"T-07": {"days": 30}}, "a test")
    house.parts = replace(house.parts, policies=Policies({**own.packs, MAINLAND: strict}, {}))
    await adopt(house.parts.pool, house.parts.policies, house.now)
    person, notice = await house.a_notice()
    await house.set_standing(person, "dispute")
    await house.dispatch()
    assert (await house.state(notice))[0] == "blocked"
    house.parts = replace(house.parts, policies=own)
    found = await explained(house, notice)
    assert found.verdict.decision is Decision.HOLD, "today only the dispute stands"
    [past] = found.recorded
    assert past.policy_version == strict.version
    [pack] = past.policy
    assert pack == strict
    assert any("30" in said and said.startswith("T-07") for said in past.findings(ZH))
    assert any(said.startswith("T-07 20 days late") for said in past.findings(EN))
    await house.execute("delete from policies")
    [past] = (await explained(house, notice)).recorded
    assert past.policy == ()
    assert any(said.startswith("T-07 ") and "30" in said for said in past.findings(EN))


async def test_what_was_erased_cannot_go_and_is_still_explained(house: House) -> None:
    _, notice = await house.a_notice()
    await house.execute("update sealing_keys set wrapped = null, destroyed_at = now()")
    found = await explained(house, notice)
    assert found.unworded == ("erased", "")
    assert as_data(found, ZH)["decision"] == "block"
    assert found.passed


async def test_where_no_policy_can_judge_that_is_what_it_says(house: House) -> None:
    _, notice = await house.a_notice()
    await house.execute("update debtors set jurisdiction = ''")
    with pytest.raises(NoPolicy, match="no policy for a debtor of no jurisdiction"):
        await explained(house, notice)


async def test_looking_locks_nothing(
    house: House,
    commands: Callable[[Callable[..., str]], Callable[..., Awaitable[str]]],
    outreach: Callable[..., str],
) -> None:
    """While a dispatcher has the notice and its debtor in hand, it is explained all the same."""
    _, notice = await house.a_notice()
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await conn.execute("select from notices for update")
        await conn.execute("select from debtors for update")
        said = await commands(outreach)("policy", "explain", "--notice", str(notice), "--all")
    assert "允许发送" in said
