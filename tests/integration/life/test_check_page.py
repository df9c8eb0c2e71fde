"""The page where a debtor checks a message and answers it: yes or no, and nothing else is told."""

from uuid import UUID

import aiohttp
import pytest
from life_rig import House, Person

from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.task import TaskKind
from outreach.http import check

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def house(open_doors: House) -> House:
    return open_doors


async def post(house: House, path: str, **form: str) -> tuple[int, str]:
    url = f"{house.settings.public_url}{path}"
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as answer:
        return answer.status, await answer.text()


async def code_of(house: House, notice: UUID) -> str:
    return house.parts.codes.mint((await house.look(notice))["number"])


async def sent(house: House, channel: Channel = Channel.SMS) -> tuple[Person, UUID, str]:
    person, notice = await house.a_notice(channel)
    await house.dispatch("sms" if channel is Channel.SMS else "email")
    return person, notice, await code_of(house, notice)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
async def test_the_code_stands_in_the_message_and_is_ours(house: House, channel: Channel) -> None:
    person, notice, code = await sent(house, channel)
    (sending,) = [e for e in await house.events(notice) if e.kind is EventKind.SENDING]
    assert sending.payload is not None
    assert code in str(sending.payload["text"])
    status, page = await post(house, "/check", code=f"{code[:4].lower()} {code[4:]}")
    assert status == 200
    assert "是：我们发出过" in page
    assert not any(secret in page for secret in (*person.secrets, "青岚", "qinglan", str(notice)))


async def test_what_is_not_ours_or_did_not_go_is_no_in_the_same_words(house: House) -> None:
    _, notice = await house.a_notice()
    waiting = await post(house, "/check", code=await code_of(house, notice))
    nobodys = await post(house, "/check", code=house.parts.codes.mint(99_999_999))
    nonsense = await post(house, "/check", code="<script>")
    assert waiting == nobodys == nonsense
    assert "否：没有找到" in waiting[1]


async def test_the_page_is_asked_so_often_and_no_oftener(house: House) -> None:
    _, _, code = await sent(house)
    codes = [house.parts.codes.mint(1_000_000 + n) for n in range(check.EACH.amount)]
    assert [(await post(house, "/check", code=each))[0] for each in codes] == [200] * len(codes)
    status, page = await post(house, "/check", code=code)
    assert (status, "过于频繁" in page, "是：" in page) == (429, True, False)


async def test_in_the_readers_language_and_without_anything_from_elsewhere(house: House) -> None:
    url = f"{house.settings.public_url}/check"
    async with aiohttp.ClientSession() as session:
        for accepts, words in (
            ("zh-TW,zh;q=0.9", "查證訊息"),
            ("en-GB,zh;q=0.1", "Check whether"),
            ("fr", "核实消息"),
        ):
            async with session.get(url, headers={"Accept-Language": accepts}) as answer:
                page = await answer.text()
                assert words in page
                assert "http" not in page
                assert 'href="/check?lang=zh-Hant"' in page
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'")
        async with session.get(f"{url}?lang=en", headers={"Accept-Language": "zh"}) as answer:
            assert "Check whether" in await answer.text()


@pytest.mark.parametrize(
    ("choice", "text", "kinds", "standing", "mark", "tasks"),
    [
        ("dispute", "", ["disputed"], "dispute", None, 1),
        ("plan", "下周五还500", ["hardship", "promised"], "hardship", None, 1),
        ("stop", "", ["opted_out"], None, "opted_out_at", 0),
        ("stranger", "", ["wrong_person"], None, "wrong_person_at", 1),
        ("hours", "晚上8点以后", ["other"], None, None, 1),
        ("other", "已还款", ["claimed_paid"], "payment_pending", None, 0),
        ("other", "", ["empty"], None, None, 0),
    ],
)
async def test_an_answer_is_a_response(
    house: House,
    choice: str,
    text: str,
    kinds: list[str],
    standing: str | None,
    mark: str | None,
    tasks: int,
) -> None:
    person, notice, code = await sent(house)
    for _ in range(2):  # the second is a second click
        status, page = await post(house, "/check/answer", code=code, choice=choice, text=text)
        assert status == 200
        assert "已收到" in page
    rows = await house.fetch("select kind, notice_id, said_by from responses order by kind")
    assert [row["kind"] for row in rows] == kinds
    assert {(row["notice_id"], row["said_by"]) for row in rows} == {(notice, "job:page")}
    (replied,) = [e for e in await house.events(notice) if e.kind is EventKind.REPLIED]
    assert replied.payload is not None
    assert replied.payload["text"] == f"[{choice}] {text}".strip()
    assert text == "" or text not in str(replied.data)
    standings = [row["kind"] for row in await house.fetch("select kind from standings")]
    assert (standing in standings) is (standing is not None)
    point = await house.fetchrow(
        "select * from contact_points where id = $1", (await house.row(person))["point_id"]
    )
    assert point is not None
    assert [m for m in ("opted_out_at", "wrong_person_at") if point[m]] == ([mark] if mark else [])
    found = await house.fetch("select kind from tasks")
    assert [row["kind"] for row in found] == [TaskKind.REPLY] * tasks


async def test_no_answer_without_a_message_of_ours(house: House) -> None:
    code = house.parts.codes.mint(99_999_999)
    assert "否：" in (await post(house, "/check/answer", code=code, choice="stop"))[1]
    _, _, code = await sent(house)
    assert (await post(house, "/check/answer", code=code, choice="everything"))[0] == 422
    long = await post(house, "/check/answer", code=code, choice="other", text="长" * 20_000)
    many = await post(house, "/check/answer", **{f"f{n}": "1" for n in range(50)})
    assert (long[0], many[0]) == (413, 413)
    assert await house.fetchval("select count(*) from responses") == 0


async def test_nothing_somebody_writes_stands_in_a_page(house: House) -> None:
    _, _, code = await sent(house)
    for form in (
        {"code": "<b>x</b>"},
        {"code": code, "choice": "other", "text": "<script>alert(1)</script>"},
        {"code": code, "choice": "<b>x</b>"},
    ):
        path = "/check/answer" if "choice" in form else "/check"
        _, page = await post(house, path, **form)
        assert "<b>x" not in page
        assert "alert(1)" not in page
