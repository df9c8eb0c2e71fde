"""One line of a history told in one Chinese sentence; what has no words here is shown as it is."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from outreach.domain.events import EventKind
from outreach.domain.money import Currency, Money
from outreach.proof import names
from outreach.proof.timeline import Line

Say = Callable[[Any, ZoneInfo], str]

_STATES = {"erased": "内容已依法删除", "unreadable": "内容无法打开"}


def detail(line: Line, zone: ZoneInfo) -> str:
    """What the line says beside its name; instants are told in ``zone``."""
    silent = _SILENT | {"code"} if line.kind in _WELL else _SILENT
    data = {
        key: value
        for key, value in line.data.items()
        if key not in silent and value not in (None, "", [], {})
    }
    said = [say(data.pop(key), zone) for key, say in _SAYINGS.items() if key in data]
    said += [f"{key}={_plain(value)}" for key, value in sorted(data.items())]
    said.append(_hours(line))
    said += _sums(line.payload or {})
    return " · ".join(filter(None, [*said, _STATES.get(line.state)]))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _named(label: str, table: Mapping[Any, str] | None = None) -> Say:
    """``label`` and the value's name in ``table``, or the value itself."""

    def say(value: Any, _: ZoneInfo) -> str:
        values = value if isinstance(value, list) else [value]
        return label + "、".join(str((table or {}).get(each, each)) for each in values)

    return say


def _moment(label: str) -> Say:
    def say(value: Any, zone: ZoneInfo) -> str:
        return f"{label}{datetime.fromisoformat(value).astimezone(zone):%m-%d %H:%M}"

    return say


def _hours(line: Line) -> str:
    """Hours agreed upon, for their channels."""
    if "opens" not in line.data:
        return ""
    return f"{line.data['opens']} 至 {line.data['closes']}"


def _findings(found: Any, _: ZoneInfo) -> str:
    return "；".join(f"{each['rule']} {each['says']}" for each in found)


_SILENT = frozenset(
    {
        *("import", "payment", "batch", "letter_id", "point", "kind", "where"),
        *("template", "pdf_sha256", "scan_sha256", "media", "sha256", "message_ids", "file"),
        *("decision", "rules", "facts", "delivery", "was_verified", "was_usage", "was_document"),
        *("standing_id", "opens", "closes", "task", "reply"),
    }
)
"""For programs, not for readers: all of it is in the JSON."""

_WELL = frozenset(
    {
        EventKind.SENT,
        EventKind.DELIVERED,
        EventKind.READ,
        EventKind.PRINTED,
        EventKind.POSTED,
        EventKind.SIGNED_FOR,
    }
)
"""Where a carrier's code says nothing that the event does not."""

_SAYINGS: Mapping[str, Say] = {
    "findings": _findings,
    "purpose": _named("", names.PURPOSES),
    "carrier": _named("经 "),
    "attempt": lambda value, _: f"第 {value} 次" if value > 1 else "",
    "parts": lambda value, _: f"{value} 条" if value > 1 else "",
    "pages": lambda value, _: f"共 {value} 页",
    "sheets": lambda value, _: f"打印 {value} 张",
    "until": _moment("有效至 "),
    "again": _moment("再试 "),
    "carrier_time": _moment("运营方时间 "),
    "code": _named("代码 "),
    "why": _named("", names.RETRIES),
    "release": _named("规则 "),
    "asked_by": _named("申请人 "),
    "reason": _named("原因 ", names.REASONS),
    "error": _named("错误 "),
    "class": _named("", names.FAILURES),
    "conflict": lambda value, _: "先报失败后报送达" if value else "",
    "by": _named("依据", names.EVIDENCE),
    "as": _named("定为", names.STATES),
    "misread": _named("原理解为 ", names.RESPONSES),
    "understood": _named("理解为 ", names.RESPONSES),
    "about_task": _named("", names.TASKS),
    "outcome": _named("", names.OUTCOMES),
    "via": _named("", {"page": "经核实页面"}),
    "unmark": _named("撤销联系方式标记:", names.MARKS),
    "sure": lambda value, _: "" if value else "待人工确认",
    "promised_on": _named("承诺日 "),
    "interruption": _named("", names.INTERRUPTIONS),
    "change": _named("", names.CHANGES),
    "channels": _named("", names.CHANNELS),
    "contact": _named("", names.POINTS),
    "origin": _named("", names.ORIGINS),
    "verified": lambda value, _: "已核实" if value else "未核实",
    "mark": _named("联系方式", names.MARKS),
    "standing": _named("", names.STANDINGS),
    "body": _named("经 ", names.BODIES),
    "about": _named("关于", names.DISPUTED),
    "handling": _named("", {"complex": "情况复杂"}),
    "reference": _named("编号 "),
    "evidence": _named("凭证 "),
    "answer_by": _moment("须于此前答复 "),
    "owner": _named("负责人 "),
    "agency": _named("机构 "),
    "on": _named("于 "),
    "usage": _named("", names.USAGES),
    "document": _named("来源文件 "),
    "role": _named("", names.ROLES),
    "was": _named("原为", {**names.ROLES, **names.ORIGINS}),
    "product": _named(""),
    "fields": _named("变更 ", names.FIELDS),
    "counted": lambda value, _: "" if value else "余额已含此笔",
    "mail_no": _named("邮件号 "),
    "original": _named("整页扫描件的 SHA-256 "),
    "office": _named("交寄局所 "),
    "signer": _named("签收人 ", names.SIGNERS),
    "state": _named("邮政查询状态代码 "),
}


def _sums(payload: Mapping[str, Any]) -> list[str]:
    """Amounts that an import or a payment sealed."""
    if "currency" not in payload:
        return []
    currency = Currency(payload["currency"])

    def told(label: str, fields: Mapping[str, Any], name: str) -> str:
        return f"{label}{Money(fields[name], currency)}" if name in fields else ""

    if "after" in payload:
        return [
            told("余额 ", payload["before"], "balance"),
            told("→ ", payload["after"], "balance"),
        ]
    return [
        told("", payload, "amount"),
        told("余额 ", payload, "balance"),
        told("余额 ", payload, "balance_after"),
    ]
