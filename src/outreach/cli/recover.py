"""``outreach recover``: let a rewound database be sent from again, by a named person."""

from datetime import datetime
from typing import Annotated

import orjson
import typer

from outreach.cli.progress import Watch, bar
from outreach.cli.session import actor_of, office, run
from outreach.domain.errors import Conflict, InvalidInput
from outreach.life import recover as recovering
from outreach.life.recover import Plan

app = typer.Typer()


@app.command()
def recover(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="The instant the database was rewound to, or an earlier one; ISO 8601, in this "
            "machine's zone where it names none.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="What happened; kept on record.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, change nothing.")] = False,
    nothing_lost: Annotated[
        bool,
        typer.Option(
            "--nothing-lost", help="A planned switch-over: every commit is here. Changes no notice."
        ),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Though nothing seen from here says it was rewound.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """After a restore, a point-in-time recovery or a failover that lost commits.

    What may have been sent after T and now looks unsent becomes uncertain, never to be sent again
    without evidence. Then a new era begins and workers send again. Broken off, run it again.

    Imports, campaigns, replies, opt-outs and payments of after T are gone too, and so is the memory
    that they were done: read docs/recovery.md before repeating any of them.
    """
    if nothing_lost:
        era = run(_nothing_lost(actor_of(context), reason, since, dry_run))
        typer.echo(orjson.dumps({"era": era}).decode() if as_json else "workers may send again")
        return
    given = _instant(since) if since else None
    found = run(_plan(given))
    if dry_run:
        _tell(found, as_json)
        return
    if given is None:
        raise InvalidInput("say since when", f"at the latest: --since {found.since:%FT%TZ}")
    if found.objection is None and not anyway:
        raise Conflict(
            "nothing seen from here says that the database was rewound",
            "run this on the machine whose worker refuses, or add --anyway",
        )
    with bar("recovering") as watch:
        done, era = run(_recover(found, actor_of(context), reason, watch))
    if as_json:
        typer.echo(orjson.dumps(_as_dict(found) | {"uncertain": done, "era": era}).decode())
        return
    typer.echo(f"since {_local(found)}: {done} notices are uncertain now; workers may send again")
    typer.echo(
        "→ outreach uncertain list; imports, campaigns, replies and payments since then are gone: "
        "see docs/recovery.md before repeating any"
    )


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()  # without a zone: this machine's
    except ValueError:
        raise InvalidInput(
            "--since is not an instant", "write it as 2026-11-24T09:30:00+08:00"
        ) from None


async def _plan(since: datetime | None) -> Plan:
    async with office() as parts:
        return await recovering.plan(parts, since)


async def _recover(plan: Plan, actor: str, reason: str, watch: Watch) -> tuple[int, str]:
    async with office() as parts:
        done, era = await recovering.recover(parts, plan, actor, reason, watch)
        return done, str(era)


async def _nothing_lost(actor: str, reason: str, since: str | None, dry_run: bool) -> str:
    if since or dry_run:
        raise InvalidInput("--nothing-lost goes with --reason alone", "leave out the others")
    async with office() as parts:
        return str(await recovering.nothing_lost(parts, actor, reason))


def _as_dict(plan: Plan) -> dict[str, object]:
    return {
        "since": plan.since,
        "newest_event": plan.newest_event,
        "refused_because": plan.objection,
        "doubtful": [
            dict(zip(("creditor", "channel", "count"), d, strict=True)) for d in plan.doubtful
        ],
    }


def _tell(plan: Plan, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(_as_dict(plan)).decode())
        return
    typer.echo(plan.objection or "nothing seen from here says that this database was rewound")
    typer.echo(f"since {_local(plan)}: what may have been sent and looks unsent")
    for creditor, channel, count in plan.doubtful:
        typer.echo(f"{count:>9} {creditor} {channel}")
    typer.echo(f"{plan.total:>9} become uncertain")


def _local(plan: Plan) -> str:
    """With the zone it was read in, or is told in: this machine's."""
    local = plan.since.astimezone()
    return f"{local:%F %T} {local.tzname()}"
