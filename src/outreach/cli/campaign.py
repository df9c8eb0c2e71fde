"""``outreach campaign``: many notices at once, from draft to the end."""

from datetime import timedelta
from typing import Annotated

import typer

from outreach.campaigns import approval, running, timetable
from outreach.cli.campaign_options import (
    Accounts,
    Channels,
    Number,
    Reason,
    Whom,
    WhomText,
    Why,
    asked_of,
    console,
    instant,
    listed_in,
    say,
)
from outreach.cli.campaign_preview import preview
from outreach.cli.campaign_show import list_all, show, watch
from outreach.cli.session import actor_of, in_office, office, run
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState, Late
from outreach.domain.filter_text import spell
from outreach.ids import new_id
from outreach.life import intake
from outreach.life.parts import Parts

QUIET_SECONDS = 60.0

app = typer.Typer(help="Campaigns (批次).", no_args_is_help=True)
app.command("preview")(preview)

PaceMinute = Annotated[
    int | None, typer.Option(min=1, help="Notices a minute; else as many as the carriers bear.")
]
PaceDay = Annotated[
    int | None, typer.Option(min=1, help="Notices a day, spread over the hours that are open.")
]
Days = Annotated[
    int, typer.Option(min=1, max=60, help="After so many days what has not gone expires.")
]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    creditor: Annotated[str, typer.Option(help="On whose behalf we write.")],
    purpose: Why,
    channel: Channels,
    segment: Whom = None,
    text: WhomText = None,
    accounts: Accounts = None,
    pace_minute: PaceMinute = None,
    pace_day: PaceDay = None,
    days: Days = intake.LIFETIME.days,
    repeats: Annotated[
        str | None,
        typer.Option(
            help='"workdays 09:30", "weekly mon,thu 09:30", "monthly 5,20 09:30" (每周一 09:30).'
        ),
    ] = None,
    late: Annotated[
        Late, typer.Option(help="If nothing runs at its hour: send late, skip it, or ask.")
    ] = Late.SEND,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="A variant of the template, again for each; plain: the one without."),
    ] = None,
    control: Annotated[
        int, typer.Option(min=0, max=50, help="Of 100 people so many get nothing, to compare.")
    ] = 0,
) -> None:
    """Draft a campaign; nothing is sent before it is submitted, approved and started."""
    actor = actor_of(context)

    async def work(parts: Parts, conn: Connection) -> Campaign:
        asked = await asked_of(conn, segment, text, accounts)
        listed = await listed_in(parts, conn, creditor, accounts) if accounts else None
        given = Campaign(
            id=new_id(),
            number=0,
            name=name,
            creditor_id=creditor,
            purpose=purpose,
            channels=tuple(channel),
            audience=spell(asked),
            state=CampaignState.DRAFT,
            created_by=actor,
            created_at=parts.clock.now(),
            pace_minute=pace_minute,
            pace_day=pace_day,
            lifetime=timedelta(days=days),
            late=late,
            variants=tuple("" if each == "plain" else each for each in variant or ["plain"]),
            control_percent=control,
            repeats=timetable.spell(timetable.parse(repeats)) if repeats else None,
        )
        return await approval.draft(parts, conn, given, listed)

    say(run(in_office(work)))


@app.command()
def correct(
    context: typer.Context,
    number: Number,
    name: Annotated[str, typer.Option(help="What people call the correction.")],
) -> None:
    """Draft a correction (更正致歉) to exactly those whom a campaign has reached."""
    actor = actor_of(context)

    say(run(in_office(lambda p, conn: approval.draft_correction(p, conn, number, name, actor))))


@app.command()
def submit(context: typer.Context, number: Number) -> None:
    """Put a draft before a second person; a small one needs none and is approved at once."""
    actor = actor_of(context)
    say(run(in_office(lambda parts, conn: approval.submit(parts, conn, number, actor))))


@app.command()
def approve(context: typer.Context, number: Number) -> None:
    """Approve what somebody else submitted, in the words its templates have now."""
    actor = actor_of(context)
    say(run(in_office(lambda parts, conn: approval.approve(parts, conn, number, actor))))


@app.command("send-back")
def send_back(context: typer.Context, number: Number, reason: Reason) -> None:
    """Give a submitted campaign back to its author, as a draft."""
    actor = actor_of(context)
    say(run(in_office(lambda p, conn: approval.send_back(p, conn, number, actor, reason))))


@app.command()
def start(
    context: typer.Context,
    number: Number,
    at: Annotated[
        str | None, typer.Option(help="When, 2026-11-24T09:30:00+08:00; else now.")
    ] = None,
) -> None:
    """Start an approved campaign, now or at an instant; one with a timetable by that."""
    actor, begins = actor_of(context), instant(at) if at else None
    say(run(in_office(lambda p, conn: running.start(p, conn, number, actor, begins))))


@app.command()
def pause(context: typer.Context, number: Number, reason: Reason) -> None:
    """Let nothing more of a campaign leave, within seconds; what waits keeps waiting."""
    actor = actor_of(context)
    say(run(in_office(lambda p, conn: running.pause(p, conn, number, actor, reason))))
    _until_quiet(number)


@app.command()
def resume(context: typer.Context, number: Number, reason: Reason) -> None:
    """Let the rest of a paused campaign go: nobody is written to twice, nobody is left out."""
    actor = actor_of(context)
    say(run(in_office(lambda p, conn: running.resume(p, conn, number, actor, reason))))


@app.command()
def cancel(context: typer.Context, number: Number, reason: Reason) -> None:
    """End a campaign for good: once this returns, nothing more of it leaves."""
    actor = actor_of(context)
    say(run(in_office(lambda p, conn: running.cancel(p, conn, number, actor, reason))))
    _until_quiet(number)


def _until_quiet(number: int) -> None:
    async def work() -> bool:
        async with office() as parts:
            return await running.quiet(parts, number, QUIET_SECONDS)

    if not run(work()):
        console.print(
            "a worker had some in hand before, and they have not come back: "
            f"they are settled within minutes, see outreach campaign show {number}"
        )


@app.command()
def retry(context: typer.Context, number: Number, reason: Reason) -> None:
    """Write anew to those whose notice failed, expired or did not arrive, and to nobody else."""
    actor = actor_of(context)
    campaign, again = run(in_office(lambda p, conn: running.retry(p, conn, number, actor, reason)))
    say(campaign)
    console.print(f"{again:,} are tried again")


app.command("show")(show)
app.command("watch")(watch)
app.command("list")(list_all)
