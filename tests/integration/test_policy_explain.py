"""``outreach policy explain``: a person who does not know the code understands a refused notice."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from outreach.clock import Clock

Outreach = Callable[..., str]
LATE = "9999000000000002"
ASKED = ("policy", "explain", "--account", LATE, "--purpose", "overdue_notice", "--channel", "sms")


def at(hour: int) -> str:
    """That hour of today in Shanghai: the balances are of this morning."""
    day = Clock().now().astimezone(ZoneInfo("Asia/Shanghai"))
    return day.replace(hour=hour, minute=0, second=0, microsecond=0).isoformat()


def execute(url: str, statement: str, *values: object) -> None:
    async def work() -> None:
        conn = await asyncpg.connect(url)
        try:
            await conn.execute(statement, *values)
        finally:
            await conn.close()

    asyncio.run(work())


def in_dispute(url: str) -> None:
    execute(
        url,
        """insert into standings (id, debtor_id, kind, owner, reason, since)
           select gen_random_uuid(), id, 'dispute', 'user:test', 'case 1', now() from debtors""",
    )


def told(outreach: Outreach, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outreach(*ASKED, *more, "--json"))
    return found


PERSONAL = ("云小满", "15400000002", LATE, "00000019700101")


@pytest.mark.usefixtures("portfolio")
def test_what_may_go_says_so_first_and_until_when(outreach: Outreach) -> None:
    said = outreach(*ASKED, "--at", at(10))
    head, first, *rest = said.splitlines()
    assert head.startswith("逾期通知 短信  青岚银行股份有限公司  中国大陆  ")
    assert first == f"允许发送,至 {at(10)[:10]} 21:30 有效"
    assert "未通过的规则" not in said
    assert any(line.startswith("  ✓ T-07 ") and "逾期天数:40" in line for line in rest)
    assert not [secret for secret in PERSONAL if secret in said]
    assert "云女士" in said, "the words are shown as they would stand, masked"


@pytest.mark.usefixtures("portfolio")
def test_a_hold_is_told_with_its_rules_their_strength_and_what_would_end_it(
    outreach: Outreach, database_url: str
) -> None:
    in_dispute(database_url)
    lines = outreach(*ASKED, "--at", at(23)).splitlines()
    assert lines[1].startswith("现在不能发送,暂缓至 ")
    assert "T-01 夜间不催收" in lines[1]
    assert "S-03 " in lines[1]
    assert lines[1].partition("。")[2].startswith("原因 3 项:(1) T-01 ")
    assert lines[2] == "解除办法:(3) 发出书面答复"
    text = "\n".join(lines)
    objections = text.partition("未通过的规则")[2].partition("已通过的规则")[0]
    assert "状态:异议处理中" in objections
    assert "dispute" not in text
    assert "法律 (law)" not in objections, "neither of these was read in a law"
    house = next(part for part in objections.split("暂缓") if "T-02" in part)
    assert "机构默认,非法律要求,未经核实" in house
    assert "T-01" not in text.partition("已通过的规则")[2]


@pytest.mark.usefixtures("portfolio")
def test_a_block_hides_no_hold(outreach: Outreach, database_url: str) -> None:
    """Whoever mends the first reason knows that there is another, which nobody may release."""
    in_dispute(database_url)
    outreach("facts", "standing", "set", LATE, "vip", "--reason", "L-1")
    lines = outreach(*ASKED, "--at", at(10)).splitlines()
    assert lines[1].startswith("现在不能发送,已拦截。原因 2 项,须全部解除:(1) LIST ")
    assert "(2) S-03 " in lines[1]
    assert "(2) 发出书面答复" in lines[2]
    assert "再次判定" in next(line for line in lines if line.startswith("  暂缓 S-03"))


@pytest.mark.usefixtures("portfolio")
def test_the_same_in_english_and_as_one_object(outreach: Outreach, database_url: str) -> None:
    in_dispute(database_url)
    first = outreach(*ASKED, "--at", at(23), "--lang", "en").splitlines()[1]
    assert first.startswith("Held until ")
    assert "No collection at night" in first
    found = told(outreach, "--at", at(23), "--lang", "en")
    assert found["decision"] == "hold"
    assert [each["rule"] for each in found["objections"]] == ["T-01", "T-02", "S-03"]
    dispute = found["objections"][2]
    assert dispute["looked_at"]["standing"] == "dispute", "a script reads codes"
    assert (dispute["confidence"], dispute["strength"]) == (
        "B",
        "据二手来源,未核对原文 (secondary source)",
    )
    rules = {each["rule"] for each in found["passed"]}
    assert "T-04" in rules
    assert not rules & set(found["not_concerned"])
    assert "F-03.letter-month" in found["not_concerned"]


@pytest.mark.usefixtures("portfolio")
def test_rules_that_do_not_concern_it_are_shown_when_asked_for(outreach: Outreach) -> None:
    assert "F-03.letter-month" not in outreach(*ASKED)
    assert "– F-03.letter-month" in outreach(*ASKED, "--all")


@pytest.mark.usefixtures("portfolio")
def test_what_has_no_words_cannot_go_and_says_why(outreach: Outreach) -> None:
    asked = [*ASKED[:5], "dispute_reply", *ASKED[6:], "--at", at(10)]
    lines = outreach(*asked).splitlines()
    assert lines[1].startswith("不能发送:没有可用的文案 (no template for dispute_reply by sms")
    assert json.loads(outreach(*asked, "--json"))["decision"] == "block"


@pytest.mark.usefixtures("portfolio")
def test_explaining_leaves_no_trace(outreach: Outreach, database_url: str) -> None:
    async def written() -> int:
        conn = await asyncpg.connect(database_url)
        try:
            return int(
                await conn.fetchval(
                    "select (select count(*) from notices) + (select count(*) from contact_events)"
                )
            )
        finally:
            await conn.close()

    before = asyncio.run(written())
    told(outreach)
    assert asyncio.run(written()) == before


@pytest.mark.usefixtures("portfolio")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--account", LATE), "--account, --purpose, --channel; or --notice"),
        (("--notice", "1", "--channel", "sms"), "--notice alone"),
        (("--notice", "987654321"), "no notice 987654321"),
        ((*ASKED[2:], "--at", "tomorrow"), "--at is not an instant"),
    ],
)
def test_what_cannot_be_explained_says_how_to_ask(
    refused: Outreach, asked: tuple[str, ...], says: str
) -> None:
    assert says in refused("policy", "explain", *asked)
