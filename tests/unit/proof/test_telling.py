"""A history told in words: every code has its name, and what is masked stays masked."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.contact import Address, Channel, ContactKind, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Locale, Role, Sex, Standing
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.register import Interruption
from outreach.domain.response import ResponseKind
from outreach.domain.standing import About, Body
from outreach.domain.states import FailureClass, State
from outreach.proof import names
from outreach.proof.detail import detail
from outreach.proof.mask import mask_mailbox, mask_number, mask_point, mask_text
from outreach.proof.timeline import Line, Payload, Words, words_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 24, 2, tzinfo=UTC)


def a_line(
    kind: EventKind,
    data: dict[str, object] | None = None,
    payload: dict[str, object] | None = None,
    state: Payload | None = None,
) -> Line:
    values: dict[str, object] = dict.fromkeys([field.name for field in fields(Line)])
    values |= {"id": UUID(int=1), "at": AT, "kind": kind, "actor": "job:x", "data": data or {}}
    values |= {"payload": payload, "state": state or ("opened" if payload else "none")}
    return Line(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (EventKind, names.EVENTS),
        (Channel, names.CHANNELS),
        (ContactKind, names.POINTS),
        (Purpose, names.PURPOSES),
        (Standing, names.STANDINGS),
        (ResponseKind, names.RESPONSES),
        (Role, names.ROLES),
        (Origin, names.ORIGINS),
        (Sex, names.SEXES),
        (Jurisdiction, names.PLACES),
        (State, names.STATES),
        (FailureClass, names.FAILURES),
        (Usage, names.USAGES),
        (Body, names.BODIES),
        (About, names.DISPUTED),
        (Interruption, names.INTERRUPTIONS),
    ],
)
def test_every_code_has_a_chinese_name(codes: type[StrEnum], table: Mapping[StrEnum, str]) -> None:
    assert set(table) == set(codes)
    assert all(name and not name.isascii() for name in table.values())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            a_line(
                EventKind.SENDING,
                {
                    "parts": 2,
                    "attempt": 1,
                    "carrier": "twilio",
                    "purpose": "overdue_notice",
                    "until": "2026-11-24T13:30:00+00:00",
                    "rules": [],
                    "template": "ab" * 32,
                },
            ),
            "逾期通知 · 经 twilio · 2 条 · 有效至 11-24 21:30",
        ),
        (
            a_line(
                EventKind.HELD,
                {"rules": ["T-01"], "findings": [{"rule": "T-01", "says": "现在不在联系时段"}]},
            ),
            "T-01 现在不在联系时段",
        ),
        (
            a_line(EventKind.REPLIED, {"understood": ["promised", "opted_out"], "sure": False}),
            "理解为 承诺还款、退订 · 待人工确认",
        ),
        (a_line(EventKind.DELIVERED, {"code": "delivered", "carrier": "twilio"}), "经 twilio"),
        (
            a_line(EventKind.UNDELIVERED, {"code": "30005", "class": "hard", "attempt": 2}),
            "第 2 次 · 代码 30005 · 号码或地址失效",
        ),
        (a_line(EventKind.RESOLVED, {"by": "receipt", "as": "sent"}), "依据回执 · 定为已发送"),
        (a_line(EventKind.NOTE, {"x": 1, "y": ["a"], "z": None}), 'x=1 · y=["a"]'),
        (
            a_line(
                EventKind.PAID,
                {"counted": True},
                {"amount": 120, "currency": "CNY", "balance_before": 220, "balance_after": 100},
            ),
            "1.20 CNY · 余额 1.00 CNY",
        ),
        (
            a_line(
                EventKind.BALANCE_CHANGED,
                {"fields": ["balance"]},
                {"currency": "TWD", "before": {"balance": 5}, "after": {"balance": 7}},
            ),
            "变更 余额 · 余额 5 TWD · → 7 TWD",
        ),
        (
            a_line(
                EventKind.STANDING_SET,
                {
                    "standing_id": "x",
                    "standing": "complaint",
                    "body": "12378",
                    "reference": "12378-1",
                    "evidence": "doc-1",
                    "reason": "case-1",
                    "owner": "anna",
                    "until": None,
                    "answer_by": "2026-12-11T16:00:00+00:00",
                },
            ),
            "原因 case-1 · 投诉处理中 · 经 12378 热线 · 编号 12378-1 · 凭证 doc-1"
            " · 须于此前答复 12-12 00:00 · 负责人 anna",
        ),
        (
            a_line(
                EventKind.STANDING_SET,
                {
                    "standing": "agreed_hours",
                    "channels": ["sms", "email"],
                    "opens": "19:00",
                    "closes": "21:30",
                },
            ),
            "短信、邮件 · 约定联系时段 · 19:00 至 21:30",
        ),
        (
            a_line(
                EventKind.INFORMED,
                {"purpose": "outsourcing_notice", "on": "2026-11-20", "agency": "wanqing"},
            ),
            "委外告知 · 机构 wanqing · 于 2026-11-20",
        ),
        (
            a_line(EventKind.CONTACT_CHANGED, {"change": "placed", "agency": "wanqing"}),
            "委外 · 机构 wanqing",
        ),
        (
            a_line(EventKind.INTERRUPTED, {"interruption": "suit", "on": "2026-11-20"}),
            "起诉 · 于 2026-11-20",
        ),
        (a_line(EventKind.REPLIED, state="erased"), "内容已依法删除"),
        (a_line(EventKind.REPLIED, state="unreadable"), "内容无法打开"),
        (a_line(EventKind.STOPPED), ""),
    ],
)
def test_a_line_is_told_in_one_sentence(line: Line, told: str) -> None:
    assert detail(line, SHANGHAI) == told


def test_a_letter_s_words_are_its_paragraphs_and_tables() -> None:
    payload: dict[str, object] = {
        "address": {"recipient": "王明", "lines": ["甲路1号"], "postcode": "000001"},
        "letter": {
            "title": "催收函",
            "number": "20261124-00000001",
            "blocks": [
                {"kind": "salutation", "text": "尊敬的王先生："},
                {"kind": "accounts", "text": ""},
            ],
            "accounts": {
                "caption": "账户明细",
                "head": ["账户", "余额"],
                "rows": [["信用卡", "1.00"]],
                "total": ["合计", "", "1.00"],
                "capitals": "人民币壹元整",
            },
        },
    }
    assert words_of(a_line(EventKind.SENDING, payload=payload)) == Words(
        "王明（甲路1号，邮编 000001）",
        "催收函　20261124-00000001",
        "尊敬的王先生：\n账户明细\n账户　余额\n信用卡　1.00\n合计　1.00\n人民币壹元整",
    )


def test_only_messages_have_words() -> None:
    assert words_of(a_line(EventKind.REPLIED, payload={"text": "已还"})) == Words("", "", "已还")
    assert words_of(a_line(EventKind.PAID, payload={"amount": 1, "currency": "CNY"})) is None
    assert words_of(a_line(EventKind.REPLIED, state="erased")) is None


def test_masks_leave_what_recognises() -> None:
    assert mask_number("+8614255500001") == "+86142****0001"
    assert mask_number("00000019670612000X") == "****000X"
    assert mask_mailbox("wang.ming@example.test") == "w***@example.test"
    address = Address("王小明", ("云岭省青岚市云溪街1号", "2单元"), "000001", "CN")
    masked = mask_point(address, Locale.ZH_CN)
    assert masked == Address("王*明", ("云岭省青岚市***",), "000001", "CN")


def test_a_message_is_masked_but_stays_readable() -> None:
    text = "我是王小明，电话142 5550 0001，邮箱a.b@c.test，下周五还1,234.56元，尾号1234"
    assert mask_text(text, "王小明", Locale.ZH_CN) == (
        "我是王*明，电话****0001，邮箱a***@c.test，下周五还1,234.56元，尾号1234"
    )


@given(
    digits=st.text("0123456789", min_size=7, max_size=20), around=st.text("还款，。 ", max_size=5)
)
def test_no_long_number_survives(digits: str, around: str) -> None:
    masked = mask_text(f"{around}{digits}{around}", None, Locale.ZH_CN)
    assert digits not in masked
    assert masked.count("****") == 1
