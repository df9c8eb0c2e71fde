"""Invented debtors with one overdue account each, and notices to them."""

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from outreach.demo.stage import ZONE
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.life import intake
from outreach.life.parts import Parts

ACTOR = "user:bench"
PURPOSE = Purpose.OVERDUE_NOTICE
SUBMIT = 500


def write_portfolio(target: Path, debtors: int, now: datetime) -> None:
    """A file to import: everybody in it may be written to."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, person(0, now))
        writer.writeheader()
        writer.writerows(person(number, now) for number in range(debtors))


def person(number: int, now: datetime) -> dict[str, str]:
    """The row of one debtor, always the same for the same number and day."""
    today = now.astimezone(ZONE).date()
    oldest = (today - timedelta(days=5 + number % 50)).isoformat()
    principal, interest, penalty = 1000 + number % 9000, 12 + number % 90, 5 + number % 40
    debtor = {
        "姓名": "杨陈林何"[number % 4] + "欣静文志"[number // 4 % 4] + "梅涵明远"[number // 16 % 4],
        "性别": "女男"[number % 2],
        "证件号": f"000000{number:012}",
        "语言": "zh-CN",
        "手机": f"154{number:08}",
        "邮箱": f"u{number:06}@songfeng.test",
    }
    marks = {f"{point}来源": "合同预留" for point in ("手机", "邮箱")}
    marks |= {f"{point}已核实": "是" for point in ("手机", "邮箱")}
    debt = {
        "债权人": "qinglan-bank",
        "账号": f"9999{number:012}",
        "产品": "青岚信用卡",
        "币种": "CNY",
        "到期还款日": oldest,
        "最早逾期到期日": oldest,
        "最低还款额": f"{principal // 10}.50",
        "逾期金额": f"{principal // 5}.25",
        "余额": f"{principal + interest + penalty}.00",
        "本金": f"{principal}.00",
        "利息": f"{interest}.00",
        "违约金": f"{penalty}.00",
        "费用": "0.00",
        "余额时点": f"{today.isoformat()} 02:00:00",
    }
    return debtor | marks | debt


def point_of(debt: asyncpg.Record, channel: Channel) -> UUID:
    return UUID(orjson.loads(debt["points"])[KIND_FOR[channel]])


def request(
    debt: asyncpg.Record, channel: Channel, now: datetime, lane: Lane = Lane.BULK
) -> NoticeRequest:
    """One notice to this debtor, due now."""
    return NoticeRequest(
        creditor_id=debt["creditor_id"],
        debtor_id=debt["debtor_id"],
        account_ids=tuple(debt["account_ids"]),
        purpose=PURPOSE,
        channel=channel,
        currency=Currency(debt["currency"]),
        contact_point_id=point_of(debt, channel),
        idempotency_key=f"bench:{lane}:{channel}:{debt['debtor_id']}",
        lane=lane,
        due_at=now,
        expires_at=now + intake.LIFETIME,
    )


async def submit(parts: Parts, debts: Sequence[asyncpg.Record], channel: Channel) -> None:
    """Put a notice to each of these debtors in the queue, as the product does."""
    now = parts.clock.now()
    requests = [request(debt, channel, now) for debt in debts]
    for begin in range(0, len(requests), SUBMIT):
        async with parts.pool.acquire() as conn, conn.transaction():
            await intake.submit(conn, parts, requests[begin : begin + SUBMIT], ACTOR)
