"""A debtor's profile and timeline on a terminal, readable from 100 columns on."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from outreach.domain.account import Bucket
from outreach.domain.contact import Address, Channel, Usage
from outreach.domain.debtor import Locale, Standing
from outreach.domain.events import EventKind
from outreach.domain.response import ResponseKind
from outreach.domain.standing import About, Body
from outreach.proof import names
from outreach.proof.detail import detail
from outreach.proof.profile import PointLine, Profile, StandingLine
from outreach.proof.timeline import Line, Words
from outreach.templating.words import tail

ERASED = "（已依法删除）"

_COLOURS: Mapping[EventKind, str] = {
    **dict.fromkeys(
        (EventKind.DELIVERED, EventKind.READ, EventKind.SIGNED_FOR, EventKind.PAID), "green"
    ),
    **dict.fromkeys(
        (EventKind.HELD, EventKind.DEFERRED, EventKind.UNCERTAIN, EventKind.HARDSHIP), "yellow"
    ),
    **dict.fromkeys(
        (
            EventKind.BLOCKED,
            EventKind.FAILED,
            EventKind.UNDELIVERED,
            EventKind.RETURNED,
            EventKind.OPTED_OUT,
            EventKind.COMPLAINED,
            EventKind.DISPUTED,
            EventKind.WRONG_PERSON,
        ),
        "red",
    ),
    **dict.fromkeys((EventKind.REPLIED, EventKind.PROMISED, EventKind.CLAIMED_PAID), "cyan"),
}


def print_dossier(
    console: Console,
    profile: Profile,
    timeline: Sequence[tuple[Line, Words | None]],
    now: datetime,
    *,
    ours: bool,
) -> None:
    """``ours`` shows the words we sent, too; the debtor's are always shown."""
    zone = ZoneInfo(profile.zone)
    console.print(_head(profile, now, zone))
    console.print(_accounts(profile, zone))
    console.print(_points(profile, zone))
    if profile.standings:
        console.print(_standings(profile, now, zone))
    if profile.responses:
        console.print(_responses(profile, zone))
    console.print(timeline_table(timeline, zone, ours=ours))


def _head(profile: Profile, now: datetime, zone: ZoneInfo) -> Panel:
    name = Text(profile.name or ERASED, style="bold")
    name.append(
        f"  {names.SEXES[profile.sex]}  证件 {profile.id_number or ERASED}", style="default"
    )
    place = (
        f"{names.PLACES[profile.jurisdiction]}  {profile.locale}  {profile.zone}"
        f"  当地 {_time(now, zone)}"
    )
    lines = [name, Text(place), Text(f"债权人 {profile.creditor_id}  编号 {profile.id}", "dim")]
    lines += [Text(f"! {warning}", "bold red") for warning in _warnings(profile, now, zone)]
    title = "债务人" if profile.masked else "债务人（未脱敏）"
    return Panel(Group(*lines), title=title, title_align="left", expand=True)


def _warnings(profile: Profile, now: datetime, zone: ZoneInfo) -> Iterator[str]:
    """What a person about to write must not overlook."""
    for standing in profile.standings:
        if standing.stands(now):
            until = f"，至 {_time(standing.expires_at, zone)}" if standing.expires_at else ""
            yield f"{_standing(standing)}{until}{_answer(standing, now, zone)}"
    barred = [point for point in profile.points if _bars(point)]
    for point in barred:
        yield f"{names.POINTS[point.kind]} {_value(point)}：{_bars(point)}"


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _accounts(profile: Profile, zone: ZoneInfo) -> Table:
    table = _table("账户", "产品", "角色", "到期日", "逾期", "阶段", "逾期金额", "余额", "截至")
    for column in (3, 5, 6):
        table.columns[column].justify = "right"
    for each in profile.accounts:
        table.add_row(
            f"{each.product} {tail(each.tail, Locale.ZH_CN)}"
            + (f"\n委外 {each.agency}" if each.agency else ""),
            names.ROLES[each.role],
            each.due.isoformat(),
            f"{each.dpd} 天",
            Text(each.bucket, _stage_style(each.bucket)),
            str(each.overdue),
            "已结清" if each.balance.minor <= 0 else str(each.balance),
            f"{each.as_of.astimezone(zone):%m-%d %H:%M}",
        )
    return table


def _stage_style(bucket: Bucket) -> str:
    if bucket is Bucket.M0:
        return "green"
    return "yellow" if bucket in (Bucket.M1, Bucket.M2) else "red"


def _points(profile: Profile, zone: ZoneInfo) -> Table:
    table = _table("联系方式", "类型", "号码或地址", "地区", "来源", "标记")
    for point in profile.points:
        marks = Text(
            "已核实" if point.verified else "未核实", "green" if point.verified else "yellow"
        )
        for at, name in _marks(point):
            marks.append(f"  {name} {at.astimezone(zone):%Y-%m-%d}", "red")
        table.add_row(
            names.POINTS[point.kind],
            Text(_value(point)),
            point.region,
            _origin(point),
            marks,
        )
    return table


def _origin(point: PointLine) -> Text:
    """Where it came from and by what that shows; whose place it is unless it is their own."""
    said = [names.ORIGINS[point.origin], point.document or ""]
    if point.usage is not Usage.PERSONAL:
        said.append(names.USAGES[point.usage])
    return Text(" ".join(filter(None, said)))


def _marks(point: PointLine) -> Iterator[tuple[datetime, str]]:
    for field, name in names.MARKS.items():
        at = getattr(point, field)
        if at:
            yield at, name


def _bars(point: PointLine) -> str:
    return "、".join(name for _, name in _marks(point))


def _value(point: PointLine) -> str:
    if point.value is None:
        return ERASED
    if isinstance(point.value, Address):
        address = point.value
        return " ".join(filter(None, [address.recipient, *address.lines, address.postcode]))
    return point.value


def _standings(profile: Profile, now: datetime, zone: ZoneInfo) -> Table:
    table = _table("状态与名单", "状态", "起", "止", "答复期限", "依据", "负责人")
    for each in profile.standings:
        end = each.ended_at or each.expires_at
        table.add_row(
            _standing(each),
            _time(each.since, zone),
            _time(end, zone) if end else "人工解除为止",
            _time(each.answer_by, zone) if each.answer_by else "",
            Text(" · ".join(filter(None, [each.reason, each.reference, each.evidence]))),
            Text(each.owner),
            style=None if each.stands(now) else "dim",
        )
    return table


def _standing(standing: StandingLine) -> str:
    """Its name, what it is of, and what its kind has."""
    said = [names.STANDINGS[Standing(standing.kind)]]
    if standing.account:
        said.append(f"仅 {tail(standing.account, Locale.ZH_CN)}")
    detail = standing.detail
    if "opens" in detail:
        channels = "、".join(names.CHANNELS[Channel(each)] for each in detail["channels"])
        said.append(f"{channels} {detail['opens']}-{detail['closes']}")
    if "body" in detail:
        said.append(names.BODIES[Body(detail["body"])])
    if "about" in detail:
        said.append(names.DISPUTED[About(detail["about"])])
    return " ".join(said)


def _answer(standing: StandingLine, now: datetime, zone: ZoneInfo) -> str:
    if standing.answer_by is None:
        return ""
    late = "，已逾期" if standing.answer_by <= now else ""
    return f"，须于 {_time(standing.answer_by, zone)} 前答复{late}"


def _responses(profile: Profile, zone: ZoneInfo) -> Table:
    table = _table("回应", "时间", "渠道", "回应", "承诺日", "")
    for each in profile.responses:
        table.add_row(
            _time(each.at, zone),
            names.CHANNELS[Channel(each.channel)],
            names.RESPONSES[ResponseKind(each.kind)],
            each.promised_on.isoformat() if each.promised_on else "",
            "" if each.sure else Text("待人工确认", "yellow"),
        )
    return table


def timeline_table(
    timeline: Sequence[tuple[Line, Words | None]], zone: ZoneInfo, *, ours: bool
) -> Table:
    table = _table("触达记录", "时间", "渠道", "事件")
    for column in table.columns:
        column.no_wrap = True
    table.add_column("内容", ratio=1, overflow="fold")
    for line, words in timeline:
        content = Text(detail(line, zone))
        if words and (ours or line.kind is not EventKind.SENDING):
            said = "\n".join(filter(None, [words.to, words.subject, words.text]))
            content.append(f"\n{said.strip()}" if content else said.strip(), "italic dim")
        colour = _COLOURS.get(line.kind, "")
        table.add_row(_time(line.at, zone), line.way, Text(line.name, colour), content)
    return table


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
