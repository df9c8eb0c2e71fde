"""``outreach tasks``: the commands by which a person works off what waits for them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from outreach.channels.base import Inbound
from outreach.cli.session import in_office, run
from outreach.db.pool import Connection
from outreach.life import responses, worklist
from outreach.life.parts import Parts

ONE, TWO = (f"99990000{number:08}" for number in (1, 2))

Outreach = Callable[..., str]
Fetch = Callable[..., list[Any]]
Told = Callable[[str], list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("portfolio")


def answers(text: str, phone: str = "+8615400000001") -> None:
    """Somebody answers by SMS."""

    async def go(parts: Parts, conn: Connection) -> None:
        carrier = next(name for name, each in parts.carriers.items() if each.channel == "sms")
        inbound = Inbound(phone, "+85200000000", text, None, None)
        await responses.take(conn, parts, carrier, inbound, None)

    run(in_office(go))


def follow() -> None:
    async def go(parts: Parts, _: Connection) -> None:
        await worklist.follow(parts)

    run(in_office(go))


def test_a_day_of_work(outreach: Outreach, fetch: Fetch, told: Told) -> None:
    assert outreach("tasks", "list") == "nothing waits for a person\n"
    answers("云小满的金额不对,我下周再说")
    listed = outreach("tasks", "list")
    assert all(words in listed for words in ("回复待读", "异议", "qinglan-bank"))
    assert "小满" not in listed
    (row,) = [json.loads(line) for line in outreach("tasks", "list", "--json").splitlines()]
    assert (row["kind"], row["understood"], row["taken_by"]) == ("reply", ["disputed"], None)
    number = str(row["number"])

    shown = outreach("--as", "kim", "tasks", "show", number)
    assert "金额不对" in shown
    assert "因「金额不对」" in shown
    assert "小满" not in shown  # masked, as everywhere
    (viewed,) = told("viewed")
    assert (viewed["task"], viewed["by"]) == (row["number"], "user:kim")

    assert outreach("--as", "kim", "tasks", "take", number) == f"task {number} is yours\n"
    assert number in outreach("--as", "kim", "tasks", "list", "--mine")
    assert outreach("--as", "lee", "tasks", "list", "--mine") == "nothing waits for a person\n"
    said = outreach(
        *("--as", "kim", "tasks", "done", number, "--reason", "read"),
        *("--meant", "promised", "--on", "2099-12-01", "--amount", "1,200.50"),
    )
    assert said == f"task {number}: disputed -> promised\n"
    assert outreach("tasks", "list") == "nothing waits for a person\n"
    (meant,) = fetch("select * from responses where withdrawn_at is null")
    assert (str(meant["promised_on"]), meant["amount"]) == ("2099-12-01", 120_050)
    (standing,) = fetch("select kind from standings where ended_at is null")
    assert standing["kind"] == "promise"
    (done,) = told("task_done")
    assert (done["outcome"], done["reason"], done["by"]) == ("corrected", "read", "user:kim")
    page = outreach("debtor", "show", ONE)
    assert "原理解为 异议 · 理解为 承诺还款" in page
    assert "回复待读 · 理解已更正" in page

    again = outreach("tasks", "reread", ONE)
    assert again.startswith("task ")
    closed = outreach("tasks", "show", number)
    assert "closed by user:kim: corrected" in closed


def test_a_reply_of_nobody_known(outreach: Outreach, fetch: Fetch) -> None:
    answers("退订", "+8615499999999")
    (row,) = [json.loads(line) for line in outreach("tasks", "list", "--json").splitlines()]
    assert "不知是谁" in outreach("tasks", "list")
    outreach("tasks", "done", str(row["number"]), "--nobodys", "--reason", "spam")
    assert [each["outcome"] for each in fetch("select outcome from tasks")] == ["nobodys"]


def test_a_dispute_closes_by_its_own_command(outreach: Outreach, refused: Outreach) -> None:
    outreach(*("facts", "standing", "set", TWO, "dispute", "--reason", "c-1", "--evidence", "d-1"))
    follow()
    (row,) = [json.loads(line) for line in outreach("tasks", "list", "--json").splitlines()]
    number = str(row["number"])
    said = refused("tasks", "done", number, "--reason", "x")
    assert "outreach facts standing end" in said
    outreach(*("facts", "standing", "end", TWO, "dispute", "--reason", "c-1", "--evidence", "d-2"))
    follow()
    assert outreach("tasks", "list") == "nothing waits for a person\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--confirm", "--nobodys"], "one answer only"),
        (["--on", "2099-01-01"], "a day or a sum of what?"),
        (["--meant", "promised", "--on", "1.2.99"], "--on"),
        (["--meant", "promised", "--amount", "viel"], "--amount: a sum such as"),
        (["--meant", "other", "--meant", "abuse"], "stands alone"),
        ([], "is a reply"),
    ],
)
def test_what_cannot_be_is_refused(
    outreach: Outreach, refused: Outreach, arguments: list[str], says: str
) -> None:
    answers("金额不对")
    (row,) = [json.loads(line) for line in outreach("tasks", "list", "--json").splitlines()]
    assert says in refused("tasks", "done", str(row["number"]), "--reason", "x", *arguments)
    assert "金额" not in refused("tasks", "done", str(row["number"]), "--reason", "a@b.test")
    assert outreach("tasks", "list").count("回复待读") == 1


def test_of_a_task_that_is_not_there(refused: Outreach) -> None:
    assert "there is no task 7" in refused("tasks", "take", "7")
    assert "task 7 is no reply" in refused("tasks", "show", "7")
    assert "no creditor" in refused("tasks", "list", "--creditor", "x")
    assert "never answered" in refused("tasks", "reread", ONE)
