"""``outreach policy explain``: one notice, and what every rule says of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import typer
from rich.console import Console
from rich.panel import Panel

from outreach.cli.campaign_options import instant
from outreach.cli.notice import request_to
from outreach.cli.session import office, run
from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision
from outreach.compliance.window import zone_named
from outreach.db import facts, notices
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.states import State
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.proof import english, names
from outreach.proof.explain import Explanation, Objection, explain_row, recorded, stops
from outreach.proof.values import Language, spelled

console = Console(highlight=False, soft_wrap=True)
ZH, EN = Language.CHINESE, Language.ENGLISH


def explain(
    account: Annotated[
        str | None, typer.Option(help="An account's number or id, with --purpose and --channel.")
    ] = None,
    notice: Annotated[
        str | None, typer.Option(help="Or a notice there is: its number or id.")
    ] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="Why we would write (事由).")] = None,
    channel: Annotated[Channel | None, typer.Option(help="sms, email or letter.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Judge as of then, on today's facts: 2026-11-24T09:30:00+08:00."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="zh or en.")] = ZH,
    every: Annotated[
        bool, typer.Option("--all", help="Also the rules that do not concern it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether a notice may go now, why not, and what would change it; sends nothing.

    Of a notice there is, also what was said of it before.
    """
    moment = instant(at) if at else None
    if notice is not None:
        if account or purpose or channel:
            raise InvalidInput("a notice has its account, purpose and channel", "--notice alone")
        found = run(_of_notice(notice, moment))
    else:
        if account is None or purpose is None or channel is None:
            raise InvalidInput(
                "say what to explain", "--account, --purpose, --channel; or --notice"
            )
        found = run(_of_account(account, purpose, channel, moment))
    if as_json:
        typer.echo(orjson.dumps(as_data(found, lang)).decode())
    else:
        _Page(found, lang).print(every)


async def _of_account(
    account: str, purpose: Purpose, channel: Channel, at: datetime | None
) -> Explanation:
    async with office() as parts, parts.pool.acquire() as conn:
        now = at or parts.clock.now()
        request = await request_to(conn, parts, account, purpose, channel, "explain", now)
        return explain_row(parts, await facts.preview(conn, request, new_id(), now), now)


async def _of_notice(name: str, at: datetime | None) -> Explanation:
    async with office() as parts, parts.pool.acquire() as conn:
        return await explain_notice(parts, conn, name, at or parts.clock.now())


async def explain_notice(parts: Parts, conn: Connection, name: str, now: datetime) -> Explanation:
    """As if it were to go at ``now``; raises ``NotFound``."""
    known = await notices.by_number_or_id(conn, name)
    row = await facts.look(conn, known["id"], now) if known else None
    if known is None or row is None:
        raise NotFound(f"no notice {name}", "give its number or id")
    return replace(
        explain_row(parts, row, now),
        recorded=await recorded(conn, known),
        number=known["number"],
        state=known["state"],
    )


# -------------------------------------------------------------------------------- for a script


def as_data(found: Explanation, language: Language) -> dict[str, Any]:
    """All of it as one object."""
    verdict = found.verdict
    return {
        "notice": found.number,
        "state": found.state or None,
        "at": found.at.isoformat(),
        "purpose": found.kind.purpose,
        "channel": found.kind.channel,
        "place": found.kind.jurisdiction,
        "policy": verdict.policy_version,
        "decision": "block" if found.unworded else verdict.decision,
        "until": verdict.until.isoformat() if verdict.until else None,
        "unworded": dict(zip(("code", "error"), found.unworded, strict=True))
        if found.unworded
        else None,
        "objections": [_objection_data(each, language) for each in found.objections],
        "passed": [
            {
                "rule": each.rule.key,
                "title": each.rule.title_en if language is EN else each.rule.title,
                "looked_at": dict(each.inputs),
                "source": each.rule.source,
                "confidence": each.rule.confidence,
            }
            for each in found.passed
        ],
        "not_concerned": [rule.key for rule in found.unconcerned],
        "text": found.text,
        "recorded": [
            {
                "at": each.at.isoformat(),
                "kind": each.kind,
                "actor": each.actor,
                "policy": each.policy_version,
                "says": each.findings(language),
            }
            for each in found.recorded
        ],
    }


def _objection_data(each: Objection, language: Language) -> dict[str, Any]:
    finding = each.finding
    return {
        "rule": _key(each),
        "title": each.title(language),
        "effect": finding.effect,
        "says": each.says(language),
        "looked_at": dict(finding.values),
        "until": finding.wait_until.isoformat() if finding.wait_until else None,
        "source": finding.source,
        "confidence": finding.confidence,
        "strength": finding.confidence.label,
        "release": finding.release,
        "releasable": finding.releasable,
    }


# -------------------------------------------------------------------------------- for a person

_SAID: Mapping[str, tuple[str, str]] = {
    "over": (
        "此通知{state}；以下是它若现在发送的判定",
        "This notice is {state}; what follows is of sending it now",
    ),
    "allow": ("[green]允许发送[/],至 {until} 有效", "[green]May go[/], until {until}"),
    "hold": (
        "[yellow]现在不能发送[/],暂缓至 {until}。原因 {count} 项:{why}",
        "[yellow]Held[/] until {until}. Reasons ({count}): {why}",
    ),
    "block": (
        "[red]现在不能发送[/],已拦截。原因 {count} 项,须全部解除:{why}",
        "[red]Blocked[/]. Reasons ({count}), all of which must go: {why}",
    ),
    "flags": ("可以发送,但有 {count} 项提示", "it may go; {count} to look at afterwards"),
    "unworded": ("[red]不能发送[/]:{why}", "[red]Cannot go[/]: {why}"),
    "release": ("解除办法:{how}", "What would change it: {how}"),
    "two": (
        "第 ({count}) 项也可由两人放行:一人运行 outreach notice release {notice} --rule {rule} "
        "--reason 理由,另一人以 --approve 复核",
        "({count}) may also be released by two people: one runs outreach notice release {notice} "
        "--rule {rule} --reason WHY, another says --approve",
    ),
    "objections": ("未通过的规则", "Rules that object"),
    "passed": (
        "已通过的规则(仅就此刻;发送前重新判定)",
        "Rules that are met (now; they are asked again before sending)",
    ),
    "others": ("与此通知无关的规则", "Rules that do not concern it"),
    "recorded": ("历史判定", "What was said before"),
    "again": (
        "系统自动再次判定,最早 {until}",
        "judged again by itself, at {until} at the earliest",
    ),
    "looked": ("依据的记录", "looked at"),
    "source": ("规则依据", "source"),
    "free": ("本项可由两人(申请、复核)放行", "two people may release it"),
    "bound": ("本项任何人不得放行", "nobody may release it"),
    "policy": ("规则版本", "policy"),
    "words": ("文字(已脱敏)", "words, masked"),
}

_EFFECTS = {
    Effect.BLOCK: ("[red]拦截[/]", "[red]block[/]"),
    Effect.HOLD: ("[yellow]暂缓[/]", "[yellow]hold[/]"),
    Effect.FLAG: ("[cyan]提示[/]", "[cyan]flag[/]"),
}

_UNWORDED: Mapping[str, tuple[str, str]] = {
    "expired": ("通知已过期", "the notice has expired"),
    "erased": ("资料已依法删除", "what it needs was lawfully erased"),
    "campaign": ("所属批次已撤销", "its campaign was cancelled"),
    "paused": ("所属批次已暂停", "its campaign is paused"),
    "allow_list": ("收件人不在测试名单内", "the recipient is not on the list for rehearsals"),
    "contact_kind": ("联系方式与渠道不符", "the contact point does not fit the channel"),
    "template": ("没有可用的文案", "its words cannot be made"),
}


def _key(each: Objection) -> str:
    return each.rule.key if each.rule else each.finding.rule


class _Page:
    """An explanation on the terminal."""

    def __init__(self, found: Explanation, language: Language) -> None:
        self._found = found
        self._language = language
        self._zone = zone_named(found.zone) or ZoneInfo("UTC")

    def print(self, every: bool) -> None:
        found = self._found
        self._head()
        if found.state and found.state not in (State.PENDING, State.BLOCKED):
            self._print("over", state=self._words.STATES[State(found.state)])
        self._sentence()
        if found.objections:
            self._title("objections")
        for objection in found.objections:
            self._objection(objection)
        if found.text:
            console.print(Panel(found.text, title=self._say("words"), expand=False))
        if found.recorded:
            self._title("recorded")
            self._past()
        self._title("passed")
        for answer in found.passed:
            looked = spelled(answer.inputs, self._language)
            self._line("  ✓ ", f"{answer.rule.key} {self._rule(answer.rule)}  {looked}")
        if every:
            self._title("others")
            for rule in found.unconcerned:
                self._line("  – ", f"{rule.key} {self._rule(rule)}")

    def _head(self) -> None:
        kind, found, words = self._found.kind, self._found, self._words
        number = f"{found.number} " if found.number else ""
        state = f" {words.STATES[found.state]}" if found.state else ""
        self._line(
            "",
            f"{number}{words.PURPOSES[kind.purpose]} {words.CHANNELS[kind.channel]}{state}  "
            f"{kind.creditor.name}  {words.PLACES[kind.jurisdiction]}  "
            f"{self._local(found.at)} {found.zone}  "
            f"{self._say('policy')} {found.verdict.policy_version[:12]}",
        )

    @property
    def _words(self) -> ModuleType:
        return english if self._language is EN else names

    def _sentence(self) -> None:
        found, verdict = self._found, self._found.verdict
        stopping = [] if verdict.decision is Decision.ALLOW else stops(found.objections)
        why = " ".join(
            f"({count}) {_key(each)} {each.title(self._language)}"
            for count, each in enumerate(stopping, 1)
        )
        until = self._local(verdict.until) if verdict.until else ""
        if found.unworded and verdict.decision is Decision.ALLOW:
            self._print("unworded", why=self._unworded(*found.unworded))
        else:
            self._print(str(verdict.decision), until=until, why=why, count=len(stopping))
            if found.unworded:
                self._print("unworded", why=self._unworded(*found.unworded))
        if found.objections and verdict.decision is Decision.ALLOW:
            self._print("flags", count=len(found.objections))
        ways = [
            f"({count}) {each.finding.release}"
            for count, each in enumerate(stopping, 1)
            if each.finding.release
        ]
        if ways:
            self._print("release", how=" ".join(ways))
        for count, each in enumerate(stopping, 1):
            if each.finding.releasable and found.number is not None:
                rule = each.finding.rule
                self._print("two", count=count, notice=found.number, rule=rule)

    def _unworded(self, code: str, error: str) -> str:
        known = _UNWORDED.get(code, (code, code))[self._language is EN]
        return f"{known} ({error})" if error else known

    def _objection(self, each: Objection) -> None:
        finding = each.finding
        console.print(f"  {_EFFECTS[finding.effect][self._language is EN]} ", end="")
        again = ""
        if finding.wait_until:
            again = "  " + self._say("again").format(until=self._local(finding.wait_until))
        console.print(f"{_key(each)} {each.title(self._language)}{again}", markup=False)
        self._line("      ", each.says(self._language))
        looked = spelled(finding.values, self._language)
        if looked:
            self._line("      ", f"{self._say('looked')}: {looked}")
        self._line("      ", f"{self._say('source')}: {finding.source}  {finding.confidence.label}")
        if finding.effect is not Effect.FLAG:
            free = self._say("free" if finding.releasable else "bound")
            self._line("      ", "; ".join(filter(None, [finding.release, free])))

    def _past(self) -> None:
        for each in self._found.recorded:
            kind = names.EVENTS[each.kind] if self._language is ZH else each.kind
            version = (each.policy_version or "")[:12]
            by = f" {each.actor}" if each.kind not in _BY_ITSELF else ""
            self._line("  ", f"{self._local(each.at)}  {kind}{by}  {version}")
            if "release" in each.data:
                about = [*each.data["release"], each.data.get("reason", "")]
                self._line("      ", "  ".join(filter(None, about)))
            for said in each.findings(self._language):
                self._line("      ", said)

    def _rule(self, rule: Any) -> str:
        title: str = rule.title_en if self._language is EN else rule.title
        return title

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def _say(self, what: str) -> str:
        return _SAID[what][self._language is EN]

    def _title(self, what: str) -> None:
        console.print(self._say(what), style="bold")

    def _print(self, what: str, **values: object) -> None:
        plain = {name: str(value).replace("[", "\\[") for name, value in values.items()}
        console.print(self._say(what).format_map(plain))

    def _line(self, mark: str, text: str) -> None:
        console.print(f"{mark}{text}", markup=False)


_BY_ITSELF = frozenset({EventKind.SENDING, EventKind.HELD, EventKind.BLOCKED})
