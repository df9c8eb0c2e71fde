"""What a rule looked at, told in words: each value by its label, each code by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from outreach.compliance.rule import Values
from outreach.proof import english, names


class Language(StrEnum):
    CHINESE = "zh"
    ENGLISH = "en"


Table = Mapping[Any, str]


@dataclass(frozen=True, slots=True)
class _Value:
    """A value's label and, where it is a code, the names of what it may be, in both languages."""

    zh: str
    en: str
    zh_names: Table | None = None
    en_names: Table | None = None

    def label(self, language: Language) -> str:
        return self.en if language is Language.ENGLISH else self.zh

    def told(self, value: str | int, language: Language) -> str:
        known = self.en_names if language is Language.ENGLISH else self.zh_names
        return (known or {}).get(str(value), str(value))


def _yes(zh: str, en: str) -> _Value:
    return _Value(zh, en, {"0": "否", "1": "是"}, {"0": "no", "1": "yes"})


def _or_none(zh: Table) -> Table:
    return {**zh, "none": "无"}


_DAYS = dict(zip("一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
_REASONS = {
    "已回复不是本人": "answered that it is somebody else's",
    "已失效": "dead",
    "可用": "usable",
}
_SCOPES_ZH = {"debtor": "同一债务人", "value": "同一号码、邮箱或地址"}
_SCOPES_EN = {"debtor": "one debtor", "value": "one phone, mailbox or address"}

VALUES: Mapping[str, _Value] = {
    "date": _Value("当地日期", "local day"),
    "local": _Value("当地时间", "local time"),
    "weekday": _Value("星期", "weekday", None, _DAYS),
    "opens": _Value("开始", "opens"),
    "closes": _Value("结束", "closes"),
    "agreed": _yes("另有约定时段", "hours agreed"),
    "closed": _yes("当日不发送", "closed that day"),
    "zone": _Value("时区", "time zone"),
    "scope": _Value("计数对象", "counted over", _SCOPES_ZH, _SCOPES_EN),
    "counted": _Value("已联系次数", "contacts so far"),
    "limit": _Value("上限", "limit"),
    "reserved": _Value("预留次数", "kept for others"),
    "days": _Value("天数", "days"),
    "role": _Value("身份", "role", _or_none(names.ROLES), english.ROLES),
    "reason": _Value("联系方式", "contact point", None, _REASONS),
    "opted_out": _yes("已退订", "opted out"),
    "origin": _Value("来源", "origin", names.ORIGINS, english.ORIGINS),
    "documented": _yes("有来源凭证", "origin documented"),
    "verified": _yes("已核实", "verified"),
    "usage": _Value("用途", "usage", names.USAGES, english.USAGES),
    "settled": _Value("已结清账户", "settled accounts"),
    "open": _Value("未结清账户", "open accounts"),
    "accounts": _Value("账户数", "accounts"),
    "age_hours": _Value("余额时点距今(小时)", "hours since the balance"),
    "max_hours": _Value("余额最长有效(小时)", "hours a balance may be old"),
    "paid": _Value("余额后有还款的账户", "accounts paid since the balance"),
    "dpd": _Value("逾期天数", "days past due"),
    "short": _yes("欠额在容差内", "short by no more than the tolerance"),
    "months": _Value("距起算月数", "months since it began"),
    "standing": _Value("状态", "standing", _or_none(names.STANDINGS), english.STANDINGS),
    "since": _Value("自", "since"),
    "writers": _Value("发送主体数", "writers"),
    "agency": _yes("委外", "with an agency"),
    "from": _Value("委托开始", "contract from"),
    "until": _Value("委托到期", "contract until"),
    "kind": _Value("机构类型", "kind of agency", names.AGENCIES, english.AGENCIES),
    "listed": _Value("公示日", "published on"),
    "told": _Value("告知日", "debtor told on"),
    "register": _Value("登记", "register", names.REGISTERS, english.REGISTERS),
    "filed": _yes("登记有效", "registration in force"),
    "channel": _Value("渠道", "channel", names.CHANNELS, english.CHANNELS),
}
"""Every value a check may look at: a test holds this table against the checks."""


def told(values: Values, language: Language) -> dict[str, str]:
    """By name, each value in words: what a rule's sentence is filled with for a person."""
    return {
        name: VALUES[name].told(value, language) if name in VALUES else str(value)
        for name, value in values.items()
    }


def spelled(values: Values, language: Language) -> str:
    """All of them in one line, each with its label."""
    marks = (": ", ", ") if language is Language.ENGLISH else (":", ",")
    return marks[1].join(
        f"{VALUES[name].label(language) if name in VALUES else name}{marks[0]}{said}"
        for name, said in told(values, language).items()
    )
