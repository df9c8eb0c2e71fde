"""``outreach policy audit`` (合规自查): what was sent, judged again."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.policy_packs import pack_named
from outreach.cli.progress import Watch, bar
from outreach.cli.session import office, run
from outreach.compliance.window import DAY, instant, zone_named
from outreach.domain.debtor import HOME_ZONE, Jurisdiction
from outreach.domain.errors import InvalidInput
from outreach.proof.audit import Audit, Judges, Period, Refused, beyond
from outreach.proof.audit import audit as judge_again
from outreach.proof.names import CHANNELS, PURPOSES
from outreach.proof.sheet import Write, open_sheet

LISTED = 1000
"""So many are named; with ``--out`` all."""
SHOWN = 20
ZONE = zone_named(HOME_ZONE[Jurisdiction.MAINLAND])

console = Console(highlight=False, soft_wrap=True)
HEAD = ("通知", "发送时间", "债权人", "事由", "渠道", "判定", "规则", "原因", "规则版本")
DECISIONS = {"hold": "应暂缓", "block": "应拦截"}


def audit(
    since: Annotated[str, typer.Option("--from", help="The first day, 2026-11-01.")],
    until: Annotated[str | None, typer.Option("--to", help="The last day; else today.")] = None,
    pack: Annotated[
        str | None,
        typer.Option(
            help="now, a .toml file, a place or a kept policy's digest; else each by its own."
        ),
    ] = None,
    creditor: Annotated[str | None, typer.Option(help="Only this creditor's.")] = None,
    out: Annotated[Path | None, typer.Option(help="A .csv or .xlsx file for all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge again what was sent, and list what would not have gone; changes nothing.

    Days are those of Asia/Shanghai. What the history does not hold enough for is said.
    """
    listing = _Listing()
    with bar("judging again") as watch:
        found = run(_audit((since, until), pack, creditor, out, listing, watch))
    if as_json:
        typer.echo(orjson.dumps(_json(found, listing)).decode())
    else:
        _print(found, listing, out)


@dataclass(slots=True)
class _Listing:
    """The first of those that would not have gone; all of them go to ``write``."""

    first: list[Refused] = field(default_factory=list)
    write: Write | None = None

    def tell(self, refused: Refused) -> None:
        if len(self.first) < LISTED:
            self.first.append(refused)
        if self.write is not None:
            self.write(_row(refused))


async def _audit(
    days: tuple[str, str | None],
    pack: str | None,
    creditor: str | None,
    out: Path | None,
    listing: _Listing,
    watch: Watch,
) -> Audit:
    async with office() as parts, parts.pool.acquire() as conn:
        if creditor is not None:
            parts.creditor(creditor)
        period = _period(*days, parts.clock.now(), creditor)
        given = await pack_named(parts, conn, pack) if pack not in (None, "now") else None
        judges = Judges(parts.policies, pack=given, today=pack == "now")
        with _sheet(out, listing):
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                return await judge_again(conn, period, judges, listing.tell, watch)


def _period(since: str, until: str | None, now: datetime, creditor: str | None) -> Period:
    first = _day("--from", since)
    last = _day("--to", until) if until else now.astimezone(ZONE).date()
    if last < first:
        raise InvalidInput("--to is before --from", "give the first day, then the last")
    assert ZONE is not None
    return Period(instant(first, 0, ZONE), instant(last, DAY, ZONE), creditor)


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option} is not a day", "write it as 2026-11-24") from None


@contextmanager
def _sheet(out: Path | None, listing: _Listing) -> Iterator[None]:
    with open_sheet(out, HEAD) if out else nullcontext() as write:
        listing.write = write
        yield


def _row(refused: Refused) -> tuple[object, ...]:
    return (
        refused.number,
        f"{refused.at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
        refused.creditor,
        PURPOSES[refused.purpose],
        CHANNELS[refused.channel],
        DECISIONS[refused.decision],
        " ".join(refused.rules),
        "；".join(f"{rule} {why}" for rule, why in refused.why),
        refused.policy_version[:12],
    )


def _json(found: Audit, listing: _Listing) -> dict[str, Any]:
    return {
        "judged": found.judged,
        "refused": found.refused,
        "by_rule": dict(found.by_rule.most_common()),
        "not_judged": dict(found.not_judged),
        "policies": {version: pack.title for version, pack in found.packs.items()},
        "beyond": [{"rule": rule, "why": why} for rule, why in beyond(found.packs)],
        "listed": [
            {
                "notice": each.number,
                "at": each.at.isoformat(),
                "creditor": each.creditor,
                "purpose": each.purpose,
                "channel": each.channel,
                "decision": each.decision,
                "rules": list(each.rules),
                "why": [why for _, why in each.why],
                "policy": each.policy_version,
            }
            for each in listing.first
        ],
    }


def _print(found: Audit, listing: _Listing, out: Path | None) -> None:
    packs = ", ".join(f"{pack.title} {version[:12]}" for version, pack in found.packs.items())
    console.print(f"重新判定 {found.judged:,} 次发送，依据规则：{packs or '无'}", markup=False)
    colour = "red" if found.refused else "green"
    console.print(f"[{colour}]其中 {found.refused:,} 次不应在当时发出[/]")
    if found.refused:
        by_rule = Table("规则", "次数")
        for rule, count in found.by_rule.most_common():
            by_rule.add_row(rule, f"{count:,}")
        console.print(by_rule)
        for refused in listing.first[:SHOWN]:
            console.print("  ".join(map(str, _row(refused)[:6])), _row(refused)[7], markup=False)
        if found.refused > SHOWN and out is None:
            console.print(f"另有 {found.refused - SHOWN:,} 次：--out 文件.csv 或 .xlsx 列出全部")
    if out is not None:
        console.print(f"全部列于 {out}", markup=False)
    for why, count in found.not_judged.items():
        console.print(f"[yellow]未能判定 {count:,} 次[/]：", end="")
        console.print(_NOT_JUDGED.get(why, why), markup=False)
    console.print("以下规则史料不足，未判或只判其一部分：")
    for rule, why in beyond(found.packs):
        console.print(f"  {rule}：{why}", markup=False)


_NOT_JUDGED = {
    "no facts kept": "发送时未记下事实",
    "its policy is not kept": "当时的规则未保存，或本版本读不出",
    "of another place than the pack's": "不属于该规则包的地区",
}
