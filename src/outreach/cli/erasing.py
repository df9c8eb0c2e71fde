"""Erasing by command: ``outreach debtor erase``, ``contact-point erase``, ``notice erase``."""

from typing import Annotated
from uuid import UUID

import typer

from outreach.cli.session import actor_of, office, run
from outreach.compliance.retention import load_retention
from outreach.db import proof as stored
from outreach.domain.codes import code
from outreach.domain.errors import InvalidInput, NotFound
from outreach.life import erasing
from outreach.life.erasing import Erasure
from outreach.life.parts import Parts
from outreach.proof.reading import find_debtor

Reason = Annotated[str, typer.Option(help="A case number or code; kept on record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")]


def erase_debtor(
    context: typer.Context,
    debtor: Annotated[str, typer.Argument(help="The debtor's id, or an account's number or id.")],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Erase a debtor for good: names, numbers, addresses, all words. There is no way back.

    Refused before retention allows it. That it was done, by whom and why, stays in the history.
    """
    said, actor = _reason(reason, dry_run), actor_of(context)

    async def work() -> Erasure:
        async with office() as parts:
            retentions = load_retention(parts.settings.config_dir / "policies")
            async with parts.pool.acquire() as conn:
                debtor_id = await find_debtor(conn, parts.lookup, debtor)
                if dry_run:
                    now = parts.clock.now()
                    return await erasing.of_debtor(conn, retentions, debtor_id, now)
            return await erasing.erase_debtor(parts, retentions, debtor_id, said, actor)

    _print(run(work()), dry_run)


def erase_point(
    context: typer.Context,
    point: Annotated[str, typer.Argument(help="The contact point's id.")],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Erase a number or address that is not the debtor's, and all that was written to it."""
    said, actor, point_id = _reason(reason, dry_run), actor_of(context), _id(point)

    async def work() -> Erasure:
        async with office() as parts:
            if dry_run:
                async with parts.pool.acquire() as conn:
                    return (await erasing.of_point(conn, point_id))[0]
            return await erasing.erase_point(parts, point_id, said, actor)

    _print(run(work()), dry_run)


def erase_notice(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The notice's number.")],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Erase the words of one notice and what was answered; refused before retention allows."""
    said, actor = _reason(reason, dry_run), actor_of(context)

    async def work() -> Erasure:
        async with office() as parts:
            return await _notice(parts, number, said, actor, dry_run)

    _print(run(work()), dry_run)


async def _notice(parts: Parts, number: int, reason: str, actor: str, dry_run: bool) -> Erasure:
    retentions = load_retention(parts.settings.config_dir / "policies")
    async with parts.pool.acquire() as conn:
        row = await stored.notice(conn, number)
        if row is None:
            raise NotFound(f"there is no notice {number}", "its number stands in the history")
        notice_id, debtor_id = row["id"], row["debtor_id"]
        if dry_run:
            now = parts.clock.now()
            return await erasing.of_notice(conn, retentions, notice_id, debtor_id, now)
    return await erasing.erase_notice(parts, retentions, notice_id, debtor_id, reason, actor)


def _reason(text: str, dry_run: bool) -> str:
    if dry_run and not text:
        return ""
    try:
        return code(text)
    except ValueError as error:
        raise InvalidInput(f"--reason: {error}", "give a case number or a code") from None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            "a contact point is named by its id", "outreach debtor show --json names them"
        ) from None


def _print(gone: Erasure, dry_run: bool) -> None:
    verb = "would go" if dry_run else "erased"
    typer.echo(
        f"{verb}: {len(gone.keys)} keys, {len(gone.payloads)} contents, {gone.points} contact "
        f"points, {gone.letters} letters (rule {gone.rule})"
    )
    for obstacle in gone.obstacles:
        typer.echo(f"  in the way: {obstacle}")
