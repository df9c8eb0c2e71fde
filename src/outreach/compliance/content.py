"""What a message must hold and may not hold, whatever its words (``config/policies/content.toml``).

Each check is a pure function of the rendered text and its setting: the places in the text that are
wrong, or ``(0,)`` for something that is missing.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import Field

from outreach.compliance.finding import Confidence, Effect, Finding
from outreach.compliance.policy_file import Table, read, wrong
from outreach.compliance.setting import Setting
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction

Check = Callable[[str, Setting], Sequence[int]]

_LONG_NUMBER = re.compile(r"(?<![\d.,*])\d(?:[ -]?\d){9,}(?![\d*])")
_ACCOUNT = re.compile(
    r"(?:账号|账户|帐号|帐户|卡号|帳號|帳戶|戶口(?:號碼)?|賬號|賬戶|转入|转到|汇入|匯入|轉帳至)"
    r"[^\d。;\n]{0,12}(\d(?:[ -]?\d){7,})"
)
_NUMBERED = re.compile(
    "(?:编号|編號|单号|單號|函件|文号|文號|案号|案號|批准号|注明|註明|第)[^\\d]{0,8}$"
)
_PHONE = re.compile(
    r"(?<!\d)(?<!\d[ -])(?:(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
    r"|(?:\+?886[ -]?|0)9\d{2}[ -]?\d{3}[ -]?\d{3}"
    r"|(?:400|800)[ -]?\d{3}[ -]?\d{4}"
    r"|\(?0\d{2,3}\)?[ -]?\d{3,4}[ -]?\d{4})(?![ -]?\d)"
)
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s,。;)]*|(?<![\w@.-])(?:[a-z0-9-]+\.)+"
    r"(?:com|cn|net|org|hk|tw|io|cc|me|co|app|link|top|xyz|info|biz|ly|gl|gd)(?:/[^\s,。;)]*)?(?![\w.])",
    re.IGNORECASE,
)
_DOT = re.compile(r"\.[a-zA-Z]")
_FIGURES = re.compile(r"\D")


def names_creditor(text: str, setting: Setting) -> Sequence[int]:
    """C-01, HK-03, TW-20: the creditor's full name, or in an SMS its registered signature."""
    named = setting.creditor in text
    return () if named or (setting.channel is Channel.SMS and setting.signature in text) else (0,)


def names_agency(text: str, setting: Setting) -> Sequence[int]:
    """C-01, HK-03, TW-13: an agency names itself and says for whom it writes."""
    if not setting.agency:
        return ()
    entrusted = re.search("[受经].{0,40}(?:委托|委託|授权|授權)", text, re.DOTALL)
    return () if setting.agency in text and entrusted else (0,)


def no_bank_signature(text: str, setting: Setting) -> Sequence[int]:
    """TW-13: no message of an agency begins with the bank's signature."""
    signed = bool(setting.agency) and text.startswith(f"【{setting.signature}】")
    return (0,) if signed else ()


def has_hotline(text: str, setting: Setting) -> Sequence[int]:
    """C-13: whom to call; the first of the registered numbers."""
    return () if not setting.phones or setting.phones[0] in text else (0,)


def registered_payee(text: str, setting: Setting) -> Sequence[int]:
    """C-06, TW-14: an account number is one of the creditor's registered payee accounts."""
    known = {_FIGURES.sub("", number) for number in (*setting.payees, *setting.phones)}
    wrong_at = {
        hit.start(1) for hit in _ACCOUNT.finditer(text) if _FIGURES.sub("", hit[1]) not in known
    }
    for hit in _LONG_NUMBER.finditer(text):
        figures = _FIGURES.sub("", hit[0])
        bare = len(figures) >= 12 and not _NUMBERED.search(text[: hit.start()][-16:])
        if bare and figures not in known:
            wrong_at.add(hit.start())
    return sorted(at for at in wrong_at if not _NUMBERED.search(text[:at][-16:]))


def registered_phone(text: str, setting: Setting) -> Sequence[int]:
    """M-04, TW-43: a telephone number is one of the registered ones."""
    known = {_FIGURES.sub("", number) for number in setting.phones}
    hits = (hit for hit in _PHONE.finditer(text) if _FIGURES.sub("", hit[0]) not in known)
    return [hit.start() for hit in hits]


def registered_link(text: str, setting: Setting) -> Sequence[int]:
    """M-04, TW-44: a link leads to a registered host."""
    return [hit.start() for hit in _links(text) if _host(hit[0]) not in setting.links]


def no_link(text: str, _: Setting) -> Sequence[int]:
    """HK-28: no link at all."""
    return [hit.start() for hit in _links(text)]


def _links(text: str) -> Iterator[re.Match[str]]:
    return _LINK.finditer(text) if "://" in text or _DOT.search(text) else iter(())


def _host(link: str) -> str:
    return re.sub(r"^https?://", "", link.lower()).split("/")[0]


def _holds_other_number(text: str, setting: Setting) -> bool:
    """Whether there are 8 figures in a row beside the numbers that are registered: quickly."""
    for number in (*setting.phones, *setting.payees):
        text = text.replace(number, "")
    plain = text.encode("utf-8", "surrogatepass").translate(_ONLY_FIGURES, b" -()")
    return b"00000000" in plain


_ONLY_FIGURES = bytes.maketrans(b"123456789", b"0" * 9)

CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        names_creditor,
        names_agency,
        no_bank_signature,
        has_hotline,
        registered_payee,
        registered_phone,
        registered_link,
        no_link,
    )
}
_OF_NUMBERS = frozenset({registered_payee, registered_phone})
"""Checks that find nothing in a text without a number beside the registered ones."""

_Rules = Mapping[tuple[Jurisdiction, Channel], tuple[tuple[Check, "_Rule"], ...]]


class _Rule(Table):
    id: str
    check: str
    title: str
    says: str
    source: str
    confidence: Confidence
    places: tuple[Jurisdiction, ...] = tuple(Jurisdiction)
    channels: tuple[Channel, ...] = tuple(Channel)


class _ContentTable(Table):
    rule: tuple[_Rule, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """The rules on content, chosen by place and channel."""

    rules: _Rules
    rules_without_numbers: _Rules

    def check_content(self, text: str, setting: Setting) -> tuple[Finding, ...]:
        """All objections to what the debtor would read. Values name the place, never the text."""
        rules = self.rules if _holds_other_number(text, setting) else self.rules_without_numbers
        return tuple(
            Finding(
                rule=rule.id,
                effect=Effect.BLOCK,
                says=f"{rule.title}:{rule.says}",
                values={"check": rule.check, "at": at},
                source=rule.source,
                confidence=rule.confidence,
                release="修改文字",
            )
            for check, rule in rules[setting.place, setting.channel]
            for at in check(text, setting)
        )


def load_content(path: Path) -> Content:
    """Read the rules on content; raises ``ConfigurationError``."""
    table, data = read(path, _ContentTable)
    for number, rule in enumerate(table.rule):
        if rule.check not in CHECKS:
            expected = f"one of {', '.join(CHECKS)}"
            raise wrong(path, data, ("rule", number, "check"), expected)
    rules = {
        (place, channel): tuple(
            (CHECKS[rule.check], rule)
            for rule in table.rule
            if place in rule.places and channel in rule.channels
        )
        for place, channel in product(Jurisdiction, Channel)
    }
    without_numbers = {
        where: tuple((check, rule) for check, rule in chosen if check not in _OF_NUMBERS)
        for where, chosen in rules.items()
    }
    return Content(rules, without_numbers)
