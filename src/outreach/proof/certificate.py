"""The certificate of a bundle in plain words: the answer first, then what it rests on.

It says what the evidence shows and on whose word, and leaves to a court what that means in law.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.proof import names
from outreach.proof.audience import TITLES, Audience
from outreach.proof.detail import detail
from outreach.proof.erds import erds_event
from outreach.proof.outcome import DOUBTS, NAMES, ORDER, Grade, Outcome
from outreach.proof.timeline import Line, Words
from outreach.templating.certificate import Certificate, Evidence, Row, Step, Told

TITLE = "通知发送与送达记录证明"
LISTED = 12
"""Notices that have a row of their own on the first page; more are counted there."""

MARK = "示例数据，不得作为证据使用"
"""On every page, where the creditor is an invented one."""

_MEANINGS = {
    Grade.PARTIAL: "“部分送达”指一条通知分成的几条短信中，只有一部分有送达报告。",
    Grade.DELIVERED: "“已送达”指到达手机、邮件服务器或投递地点，不表示本人已经阅读。",
    Grade.READ: "“已打开”是收件方程序的回报，不表示核对过打开的人的身份。",
    Grade.SIGNED_FOR: "“已签收”和签收人照录运营方的报告，不表示核对过签收人的身份，"
    "也不表示其已经阅读。",
    Grade.ANSWERED: "“已回复”指收到了来自该号码或邮箱的内容，不表示核对过回复人的身份。",
}
"""What a result does not show; only of those there are on the first page."""

LIMITS = (
    "运营方指电信、邮件或邮政企业，以及代其打印、投寄、转发的服务商；结果照录其报告，"
    "制作本证明时未另行向其查询。",
    "本证明只说明所附证据显示的情况，不对其法律效力作判断；"
    "债权数额、联系方式的来源和核实情况是债权人自己的记载。",
)

LEGEND = (
    "“发送方”指债权人，以及代其发送的本系统。“依据”一栏说明每一事项由谁所述：“本系统”是发送方系统"
    "自己的记录，“人工”是发送方人员的登记，“运营方”是运营方的报告（其原文在证据文件中），“收件方”是"
    "收到的回复。“时间”是本系统记录的时间；运营方自己所报的时间，在“说明”中另列。",
    "证据文件下方的英文，是欧洲标准 ETSI EN 319 522 对同类事项的名称，仅供对照，不表示符合该标准。",
)
"""Before the steps of notices, where there are any."""

ZONES = {"Asia/Shanghai": "北京时间", "Asia/Hong_Kong": "香港时间", "Asia/Taipei": "台北时间"}


@dataclass(frozen=True, slots=True)
class Record:
    """One event of the bundle: its place in the debtor's history, and the file it stands in."""

    seq: int
    file: str
    line: Line


@dataclass(frozen=True, slots=True)
class Case:
    """One notice with all the bundle holds of it. ``words`` are None if erased or withheld."""

    number: int
    purpose: Purpose
    channel: Channel
    to: str
    origin: str
    records: Sequence[Record]
    outcome: Outcome
    words: Words | None
    withheld: str
    letter: str = ""  # the file that holds its PDF
    scans: str = ""  # the files that hold pictures of its receipts

    @property
    def began(self) -> datetime | None:
        """When it was to be given to its carrier, the last time if there were several."""
        return self._last(EventKind.SENDING)

    @property
    def handed(self) -> datetime | None:
        """When a carrier had it: posted, if it is a letter of which that is known."""
        return self._last(EventKind.POSTED) or self._last(EventKind.SENT)

    @property
    def mail_no(self) -> str:
        numbers = [str(each.line.data.get("mail_no", "")) for each in self.records]
        return next(filter(None, reversed(numbers)), "")

    def _last(self, kind: EventKind) -> datetime | None:
        found = [each.line.at for each in self.records if each.line.kind is kind]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The log as the bundle proves it: the last signed checkpoint over these records."""

    signed_at: datetime
    size: int
    fingerprints: Mapping[str, str]
    stamped: bool  # an independent time stamp stands beside it


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what the certificate is about, as its audience may see it."""

    creditor: str
    name: str
    id_number: str
    accounts: Sequence[str]
    zone: str
    since: datetime | None
    until: datetime | None
    fictional: bool = False
    companies: Mapping[str, str] = field(default_factory=dict)  # by carrier, as configured


def certificate(
    number: str,
    subject: Subject,
    audience: Audience,
    cases: Sequence[Case],
    others: Sequence[Record],
    evidence: Sequence[Evidence],
    anchor: Anchor | None,
    made_at: datetime,
) -> Certificate:
    """The certificate's content; instants are told in the debtor's zone."""
    zone = ZoneInfo(subject.zone)
    told = list(cases)
    return Certificate(
        title=TITLE,
        number=number,
        about=_about(subject, audience, zone, made_at),
        answer=_answer(subject, told, zone),
        counts=_counts(told) if len(told) > LISTED else (),
        rows=[_row(case, zone) for case in told] if len(told) <= LISTED else (),
        mark=MARK if subject.fictional else "",
        limits=_limits(told),
        legend=_legend(subject, told),
        notices=[_told(case, zone) for case in told],
        others=[_step(each, zone) for each in others],
        evidence=evidence,
        checking=_checking(anchor, zone),
        fingerprints=list(anchor.fingerprints.items()) if anchor else (),
    )


def _about(
    subject: Subject, audience: Audience, zone: ZoneInfo, made_at: datetime
) -> list[tuple[str, str]]:
    since = f"{_day(subject.since, zone)} 起" if subject.since else "自最早记录起"
    until = f"至 {_day(subject.until, zone)}" if subject.until else "至制作时"
    return [
        ("债权人", subject.creditor),
        ("债务人", subject.name),
        ("证件号码", subject.id_number),
        ("账户", "、".join(subject.accounts)),
        ("所查范围", f"{since}{until}"),
        ("提供给", TITLES[audience]),
        (
            "制作时间",
            f"{_time(made_at, zone)}（{ZONES.get(subject.zone, subject.zone)}，下文时间均同）",
        ),
    ]


# ------------------------------------------------------------------------------- the first page


def _answer(subject: Subject, cases: Sequence[Case], zone: ZoneInfo) -> list[str]:
    if not cases:
        return [f"所查范围内，{subject.creditor}没有向债务人发出通知的记录。"]
    if len(cases) == 1:
        return [_sentence(subject, cases[0], zone)]
    arrived = sum(case.outcome.grade in _ARRIVED for case in cases)
    unsent = sum(case.outcome.grade in _UNSENT for case in cases)
    began = [case.began for case in cases if case.began]
    said = f"所查范围内，{subject.creditor}就债务人的账户共立通知 {len(cases)} 件"
    if began:
        first, last = _day(min(began), zone), _day(max(began), zone)
        days = first if first == last else f"{first} 至 {last}"
        said += f"，发出 {len(cases) - unsent} 件（{days}）"
    said += f"；有送达、签收或回复记录的 {arrived} 件。"
    return [said]


_ARRIVED = frozenset({Grade.PARTIAL, Grade.DELIVERED, Grade.READ, Grade.SIGNED_FOR, Grade.ANSWERED})
_UNSENT = frozenset({Grade.NOT_SENT, Grade.NOT_TAKEN})
_REPORTED = frozenset(
    {Grade.POSTED, Grade.UNDELIVERED, Grade.RETURNED, Grade.PARTIAL}
    | {Grade.DELIVERED, Grade.SIGNED_FOR}
)


def _legend(subject: Subject, cases: Sequence[Case]) -> list[str]:
    """How the steps are to be read, and who the carriers in them are."""
    if not cases:
        return []
    used = {str(each.line.data.get("carrier", "")) for case in cases for each in case.records}
    named = [
        f"“经 {name}”：{company}。" for name, company in subject.companies.items() if name in used
    ]
    return [*LEGEND, *named]


def _limits(cases: Sequence[Case]) -> list[str]:
    grades = {case.outcome.grade for case in cases}
    return [*(said for grade, said in _MEANINGS.items() if grade in grades), *LIMITS]


def _sentence(subject: Subject, case: Case, zone: ZoneInfo) -> str:
    what = f"{names.PURPOSES[case.purpose]}（通知 {case.number}）"
    if case.began is None:
        return f"{what}{_result(case, zone)}"
    by = f"{subject.creditor}以{names.CHANNELS[case.channel]}向{case.to}"
    posted = f"，邮件号 {case.mail_no}" if case.mail_no else ""
    if case.handed is None:
        return f"{by}发送{what}：{_time(case.began, zone)} 准予发送。{_result(case, zone)}"
    verb = "交寄" if case.channel is Channel.LETTER and case.mail_no else "交运营方"
    return f"{by}发送{what}，{_time(case.handed, zone)} {verb}{posted}。{_result(case, zone)}"


def _why(case: Case, zone: ZoneInfo) -> str:
    """Why a notice never went: the name and detail of its last event."""
    if not case.records:
        return "没有记录"
    last = case.records[-1].line
    return " ".join(filter(None, [last.name, detail(last, zone)]))


def _result(case: Case, zone: ZoneInfo) -> str:
    """The grade in a sentence: since when, on whose word, and what weakens it."""
    outcome = case.outcome
    said = ("据运营方报告，" if outcome.grade in _REPORTED else "") + NAMES[outcome.grade]
    if outcome.grade is Grade.NOT_SENT:
        said += f"：{_why(case, zone)}"
    if outcome.grade is Grade.SIGNED_FOR:
        said += f"，签收人栏记为“{names.SIGNERS.get(outcome.signer, outcome.signer)}”"
    if outcome.at and outcome.grade not in _UNSENT | {Grade.UNCERTAIN}:
        if outcome.carrier_time:
            said += f"（运营方所报时间 {_time(outcome.carrier_time, zone)}）"
        else:
            said += f"（本系统 {_time(outcome.at, zone)} 记录）"
    if outcome.doubts:
        said += "；注意：" + "；".join(DOUBTS[each] for each in outcome.doubts)
    return said + "。"


def _counts(cases: Sequence[Case]) -> list[tuple[str, str]]:
    counted = Counter(case.outcome.grade for case in cases)
    return [(NAMES[grade], str(counted[grade])) for grade in reversed(ORDER) if counted[grade]]


def _row(case: Case, zone: ZoneInfo) -> Row:
    result = NAMES[case.outcome.grade] + ("*" if case.outcome.doubts else "")
    return Row(
        number=str(case.number),
        time=f"{case.handed.astimezone(zone):%Y-%m-%d %H:%M}" if case.handed else "—",
        way=names.CHANNELS[case.channel],
        purpose=names.PURPOSES[case.purpose],
        to=case.to,
        result=result,
    )


# -------------------------------------------------------------------------------- each notice


def _told(case: Case, zone: ZoneInfo) -> Told:
    words = case.words
    about = [
        ("收件", case.to),
        ("债权人所记来源", case.origin),
        ("邮件号", case.mail_no),
        ("信函电子文件", case.letter),
        ("回执扫描件", case.scans),
    ]
    return Told(
        title=f"通知 {case.number}　{names.CHANNELS[case.channel]}　{names.PURPOSES[case.purpose]}",
        result=_result(case, zone),
        about=[(label, value) for label, value in about if value],
        steps=[_step(each, zone) for each in case.records],
        subject=words.subject if words else "",
        text=words.text if words else "",
        withheld=case.withheld,
    )


def _step(record: Record, zone: ZoneInfo) -> Step:
    line = record.line
    return Step(
        time=_time(line.at, zone),
        name=line.name,
        detail=detail(line, zone),
        source=_source(line),
        file=record.file,
        standard=erds_event(line) or "",
    )


_CARRIER_SAYS = frozenset(
    {EventKind.SENT, EventKind.FAILED, EventKind.DEFERRED, EventKind.DELIVERED}
    | {EventKind.UNDELIVERED, EventKind.READ, EventKind.PRINTED, EventKind.POSTED}
    | {EventKind.SIGNED_FOR, EventKind.RETURNED}
)
_RECIPIENT_SAYS = frozenset(
    {EventKind.REPLIED, EventKind.OPTED_OUT, EventKind.COMPLAINED, EventKind.DISPUTED}
    | {EventKind.PROMISED, EventKind.WRONG_PERSON, EventKind.CLAIMED_PAID, EventKind.HARDSHIP}
)


def _source(line: Line) -> str:
    """On whose word the step rests."""
    if line.kind in _CARRIER_SAYS and line.data.get("carrier"):
        return "运营方"
    if line.kind in _RECIPIENT_SAYS:
        return "收件方"
    return "人工" if line.actor.startswith("user:") else "本系统"


# --------------------------------------------------------------------------------- checking it


def _checking(anchor: Anchor | None, zone: ZoneInfo) -> list[str]:
    said = [
        "本节供技术人员核验，不影响阅读前面各节。",
        "每条记录的原文在 events 目录；有内容的，内容在 payloads 目录，文件同号。"
        "由每条记录可算出一个校验值（哈希，SHA-256）：内容改动一个字，校验值就不同；前一条的校验值又算入后一条的。",
    ]
    if anchor is None:
        return [*said, "这些记录还没有签名覆盖：目前只能核对它们彼此是否相符。"]
    stamp = "，并附有独立机构的时间戳" if anchor.stamped else ""
    return [
        *said,
        "全部记录的校验值依次载入一份设计为只增不减的日志；"
        "发送方每隔一段时间用自己的密钥对整份日志签名，每次签名称为一个检查点。"
        f"覆盖以上记录的最后一个检查点是在日志有 {anchor.size} 项时，"
        f"于 {_time(anchor.signed_at, zone)}（发送方的时间）签名的{stamp}。",
        "检查点签名之后，其所覆盖的记录有任何改动、删除、插入或调换，核验时都会对不上。"
        "核验不能证明记录在登记时属实；"
        + (
            "签名时间另有时间戳为证。"
            if anchor.stamped
            else "也不能单独排除发送方用自己的密钥重做全部记录：这要与发送方以外留存的检查点对照，"
            "签名时间没有第三方的时间证明。"
        ),
        "核验方法：解压后在装有 bash、coreutils、openssl 3 的电脑上运行 bash verify.sh，"
        "不需要联网，也不需要本系统。verify.sh 由发送方提供，"
        "可以先由第三方审阅，也可以按证据包中的说明.txt 自行核对。",
        "签名用下列公钥核对。请把公钥的指纹（由公钥算出的校验值）与另行取得的指纹"
        "（合同附件、审计方留存）对照：一致，才能确认是发送方所签；"
        "没有另行取得的指纹，不能确认是谁所签。",
    ]


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"
