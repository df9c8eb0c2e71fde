"""``outreach policy diff``: two packs, what differs, which way, and whom it would concern."""

from itertools import groupby
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from outreach.campaigns.comparing import Compared, compare
from outreach.campaigns.forecast import SAMPLE, Plan
from outreach.cli.campaign_options import AsJson, Whom, WhomText, asked_of, instant
from outreach.cli.policy_forecast import At, Sample
from outreach.cli.policy_packs import pack_named
from outreach.cli.progress import bar
from outreach.cli.session import office, run
from outreach.compliance.differing import Difference, Way, differences
from outreach.compliance.pack import Pack
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts

console = Console(highlight=False, soft_wrap=True)

Named = Annotated[str, typer.Argument(help="A .toml file, a place, or a kept policy's digest.")]
_WAYS = {Way.STRICTER: "[red]stricter[/]", Way.LAXER: "[green]laxer[/]", Way.OTHER: ""}


def diff(
    old: Named,
    new: Named,
    segment: Whom = None,
    text: WhomText = None,
    purpose: Annotated[
        Purpose | None, typer.Option(help="With an audience: why we would write (事由).")
    ] = None,
    channel: Annotated[
        list[Channel] | None, typer.Option("--channel", help="And by which channel, in order.")
    ] = None,
    at: At = None,
    sample: Sample = SAMPLE,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two packs of one place: rules, parameters, texts, and which way.

    With --segment or --filter also which decisions change, on a random sample of that audience.
    """
    whom = segment is not None or text is not None
    if whom and (purpose is None or not channel):
        raise InvalidInput("say what would be sent to them", "--purpose and --channel")

    async def work() -> tuple[Pack, Pack, Compared | None]:
        async with office() as parts:
            async with parts.pool.acquire() as conn:
                one, other = await pack_named(parts, conn, old), await pack_named(parts, conn, new)
                _require_one_place(one, other)
                if not whom or purpose is None or not channel:
                    return one, other, None
                plan = Plan(await asked_of(conn, segment, text, None), purpose, tuple(channel))
            return one, other, await _compared(parts, plan, one, other, at, sample)

    one, other, compared = run(work())
    found = list(differences(one, other))
    if as_json:
        typer.echo(orjson.dumps(_json(one, other, found, compared)).decode())
        return
    _print(one, other, found)
    if compared is not None:
        _print_compared(compared)


def _require_one_place(one: Pack, other: Pack) -> None:
    if one.jurisdiction is not other.jurisdiction:
        raise InvalidInput(
            f"one pack is of {one.jurisdiction}, the other of {other.jurisdiction}",
            "compare two of one place",
        )


async def _compared(
    parts: Parts, plan: Plan, old: Pack, new: Pack, at: str | None, sample: int
) -> Compared:
    moment = instant(at) if at else parts.clock.now()
    with bar("asking both") as watch:
        return await compare(parts, plan, old, new, moment, sample=sample, watch=watch)


def _json(
    old: Pack, new: Pack, found: list[Difference], compared: Compared | None
) -> dict[str, Any]:
    return {
        "old": old.version,
        "new": new.version,
        "differences": [
            {
                "rule": each.key or None,
                "title": each.title or None,
                "what": each.name,
                "old": each.old,
                "new": each.new,
                "way": each.way,
            }
            for each in found
        ],
        "audience": {
            "reachable": compared.of,
            "sampled": compared.asked,
            "elsewhere": compared.elsewhere,
            "changed": compared.changed,
            "decisions": {
                f"{was} -> {now}": count for (was, now), count in compared.moves.most_common()
            },
            "newly_stopped_by": dict(compared.begin.most_common()),
            "no_longer_stopped_by": dict(compared.end.most_common()),
        }
        if compared
        else None,
    }


def _print(old: Pack, new: Pack, found: list[Difference]) -> None:
    console.print(
        f"{old.jurisdiction}: {old.version[:12]} → {new.version[:12]}", style="bold", markup=False
    )
    if not found:
        console.print("no difference")
    for key, alike in groupby(found, lambda each: each.key):
        changes = list(alike)
        console.print(f"{key} {changes[0].title}".strip() or "the pack", markup=False)
        for each in changes:
            _print_change(each)
    ways = {way: sum(each.way is way for each in found) for way in Way}
    console.print(
        f"{ways[Way.STRICTER]} stricter, {ways[Way.LAXER]} laxer, {ways[Way.OTHER]} neither"
    )


def _print_change(each: Difference) -> None:
    if each.name == "rule":
        said = f"added ({each.new})" if each.new else f"removed ({each.old})"
    else:
        said = f"{each.name}: {each.old or '–'} → {each.new or '–'}"
    console.print(f"  {said}", markup=False, end=" ")
    console.print(_WAYS[each.way])


def _print_compared(found: Compared) -> None:
    console.print(
        f"\n{found.asked:,} asked of {found.of:,} who can be reached: "
        f"{found.changed:,} decisions change",
        style="bold",
    )
    if found.elsewhere:
        console.print(f"  {found.elsewhere:,} live in another place, and were not asked about")
    for (was, now), count in found.moves.most_common():
        if was is not now:
            console.print(f"  {was} → {now}: {count:,}")
    for what, rules in (("newly stopped by", found.begin), ("no longer stopped by", found.end)):
        for rule, count in rules.most_common():
            console.print(f"  {what} {rule}: {count:,}")
