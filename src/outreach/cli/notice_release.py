"""``outreach notice release``: two people let go what a rule stopped, where the pack allows it."""

from typing import Annotated

import typer

from outreach.cli.session import actor_of, office, run
from outreach.domain.errors import InvalidInput
from outreach.life import release
from outreach.life.release import Release


def release_notice(
    context: typer.Context,
    notice: Annotated[str, typer.Argument(help="The notice's number or id.")],
    rule: Annotated[
        list[str] | None, typer.Option(help="A rule that stopped it, as S-09; again for each.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why: a case or a document, nobody's name; kept on record.")
    ] = "",
    yes: Annotated[bool, typer.Option("--approve", help="Agree to what another asked.")] = False,
    no: Annotated[bool, typer.Option("--refuse", help="Say no to it, with --reason.")] = False,
) -> None:
    """Ask to set rules aside for one notice; a second person says --approve or --refuse.

    Nothing leaves by it: the notice is due again, and every rule is asked again.
    """
    actor = actor_of(context)
    if yes and no:
        raise InvalidInput("--approve and --refuse are two answers", "give one")
    if (yes or no) and rule:
        raise InvalidInput("an answer is to all that was asked for", "leave out --rule")
    done = run(_done(notice, rule or [], reason, actor, yes=yes, no=no))
    rules = ", ".join(done.rules)
    if yes:
        typer.echo(f"notice {done.number}: {rules} set aside; it is due and judged again")
    elif no:
        typer.echo(f"notice {done.number}: {rules} not set aside")
    else:
        typer.echo(
            f"notice {done.number}: asked to set {rules} aside; a second person: "
            f"outreach --as SOMEBODY notice release {done.number} --approve"
        )


async def _done(
    notice: str, rules: list[str], reason: str, actor: str, *, yes: bool, no: bool
) -> Release:
    async with office() as parts:
        if yes:
            return await release.approve(parts, notice, actor)
        if no:
            return await release.refuse(parts, notice, actor, reason)
        return await release.ask(parts, notice, rules, reason, actor)
