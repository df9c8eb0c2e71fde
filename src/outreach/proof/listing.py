"""The listing of a debtor's history for somebody outside: the same lines as JSON and as a PDF.

It is a copy for reading. What makes the history checkable stays in the database; the listing says
whether it held together when the copy was made, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from outreach.ledger.envelope import instant
from outreach.proof.detail import detail
from outreach.proof.profile import Profile
from outreach.proof.report import Report
from outreach.proof.timeline import Line, words_of
from outreach.templating.listing import Entry, Listing

TITLE = "触达记录清单"
COLUMNS = ("序号", "时间", "渠道", "事件", "内容")


@dataclass(frozen=True, slots=True)
class Copy:
    """A debtor's history as it stood at ``made_at``; ``seq`` and ``head`` are its chain's end."""

    profile: Profile
    creditor: str
    lines: Sequence[Line]
    report: Report
    seq: int
    head: bytes
    made_at: datetime
    actor: str


def as_json(copy: Copy) -> bytes:
    """One object: ``debtor``, ``chain``, ``made_at``, ``actor``; ``events`` with their payloads."""
    profile = copy.profile
    return orjson.dumps(
        {
            "title": TITLE,
            "made_at": instant(copy.made_at),
            "actor": copy.actor,
            "debtor": {
                "id": profile.id,
                "name": profile.name,
                "id_number": profile.id_number,
                "creditor": profile.creditor_id,
                "zone": profile.zone,
                "locale": profile.locale,
                "jurisdiction": profile.jurisdiction,
            },
            "chain": {
                "verified": copy.report.good,
                "seq": copy.seq,
                "head": copy.head.hex(),
                "unsealed": copy.report.unsealed,
                "erased": copy.report.erased,
                "problems": copy.report.problems,
            },
            "events": [line_json(line) for line in copy.lines],
        },
        default=str,  # the driver's UUID
        option=orjson.OPT_INDENT_2,
    )


def line_json(line: Line) -> dict[str, Any]:
    """A line as JSON has it: everything stored, its payload opened or why it is not."""
    return {
        "id": line.id,
        "at": instant(line.at),
        "kind": line.kind,
        "name": line.name,
        "channel": line.channel,
        "actor": line.actor,
        "notice": line.notice_id,
        "account": line.account_id,
        "policy": line.policy_version,
        "data": line.data,
        "payload_sha256": line.payload_digest.hex() if line.payload_digest else None,
        "payload_is": line.state,
        "payload": line.payload,
    }


def as_listing(copy: Copy) -> Listing:
    profile, zone = copy.profile, ZoneInfo(copy.profile.zone)
    return Listing(
        title=TITLE,
        subject=str(profile.id),
        about=[
            ("债权人", copy.creditor),
            ("债务人", profile.name or "（已依法删除）"),
            ("证件号码", profile.id_number or "（已依法删除）"),
            ("债务人编号", str(profile.id)),
            ("截至", f"{_time(copy.made_at, zone)}（{profile.zone}，以下时间均同）"),
            ("记录", _count(copy)),
            ("核验", _verified(copy.report)),
            ("制作人", copy.actor.removeprefix("user:")),
        ],
        columns=COLUMNS,
        entries=[_entry(line, zone) for line in copy.lines],
        notes=[
            "本清单列出系统记录的各次触达：何时、以何方式、写了什么，运营方与收件人回了什么。",
            "运营方的回执是运营方的说法；已送达不等于本人已阅。字库所缺的字符以 [U+编码] 表示。",
            f"链尾：第 {copy.seq} 号 {copy.head.hex() or '无'}",
        ],
    )


def _count(copy: Copy) -> str:
    erased = f"，其中 {copy.report.erased} 条内容已依法删除" if copy.report.erased else ""
    return f"{len(copy.lines)} 条{erased}"


def _verified(report: Report) -> str:
    if not report.good:
        return f"未通过：{sum(report.counts.values())} 处与记录链不符"
    waiting = f"，另有 {report.unsealed} 条尚未入链" if report.unsealed else ""
    return f"与记录链相符{waiting}"


def _entry(line: Line, zone: ZoneInfo) -> Entry:
    words = words_of(line)
    return Entry(
        time=_time(line.at, zone),
        way=line.way,
        name=line.name,
        detail=detail(line, zone),
        to=words.to if words else "",
        subject=words.subject if words else "",
        text=words.text if words else "",
    )


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
