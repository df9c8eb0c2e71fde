"""``outreach facts place``, ``told``, ``interrupted``, ``point``: of one account or one address."""

from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from outreach.cli.facts_options import WORDS, OneAccount, needed, took, typed
from outreach.cli.importing import AsJson, DryRun, run_import
from outreach.cli.session import actor_of, in_office, run
from outreach.db import agencies, debtors
from outreach.db.pool import Connection
from outreach.domain.codes import code
from outreach.domain.contact import ContactKind, Origin, Usage
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.notice import Purpose
from outreach.domain.register import Interruption
from outreach.life.account_facts import (
    Disclosures,
    Interrupted,
    Interruptions,
    Placed,
    Placements,
    Told,
)
from outreach.life.facts import Book, Took
from outreach.life.parts import Parts
from outreach.life.points import Points, Said
from outreach.portfolio import values
from outreach.portfolio.fact_files import FactsOf
from outreach.portfolio.load import import_facts
from outreach.proof.reading import find_account, find_whom

On = Annotated[str, typer.Option(help="On which day.")]
Shown = Annotated[str, typer.Option("--evidence", help="What shows it: a document's number.")]
Agency = Annotated[str | None, typer.Option(help="Which agency; outreach facts agencies.")]


# -------------------------------------------------------------------------------- told, interrupted


def told(
    context: typer.Context,
    account: OneAccount,
    purpose: Annotated[
        Purpose,
        typer.Argument(help="outsourcing_notice, assignment_notice or credit_report_notice."),
    ],
    on: On,
    evidence: Shown,
    agency: Agency = None,
    to: Annotated[str | None, typer.Option(help="Who, if not the borrower: a debtor's id.")] = None,
) -> None:
    """Note that somebody was told something otherwise than by a notice of ours: one by one."""
    said = Told(
        purpose,
        needed("on", on, values.day),
        needed("evidence", evidence, code),
        agency,
        typed("to", to, _debtor_id),
    )
    actor = actor_of(context)

    async def take(parts: Parts, conn: Connection) -> Took:
        account_id, book = await _open(parts, conn, account, actor)
        disclosures = await Disclosures.open(conn, book)
        done = took(disclosures.take(account_id, said))
        await disclosures.write(conn)
        return done

    typer.echo(f"{WORDS[run(in_office(take))]}: {purpose} on {said.on}")


def _debtor_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("not an id: outreach debtor show tells it") from None


def interrupted(
    context: typer.Context,
    account: OneAccount,
    kind: Annotated[Interruption, typer.Argument(help="What happened.")],
    on: On,
    evidence: Shown,
) -> None:
    """Note what may have made a limitation period begin anew; each place's law says whether."""
    said = Interrupted(kind, needed("on", on, values.day), needed("evidence", evidence, code))
    actor = actor_of(context)

    async def take(parts: Parts, conn: Connection) -> Took:
        account_id, book = await _open(parts, conn, account, actor)
        interruptions = await Interruptions.open(conn, book)
        done = took(interruptions.take(account_id, said))
        await interruptions.write(conn)
        return done

    typer.echo(f"{WORDS[run(in_office(take))]}: {kind} on {said.on}")


async def _open(parts: Parts, conn: Connection, name: str, actor: str) -> tuple[UUID, Book]:
    account_id = await find_account(conn, parts.lookup, name)
    return account_id, await Book.open(conn, [], [account_id], actor, parts.clock.now())


# ------------------------------------------------------------------------------------------ placed


def place(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Its number or id; or give --file.")
    ] = None,
    agency: Agency = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take it back: the creditor writes itself again.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="Many at once: .csv or .xlsx with 账号 (and 委外机构).")
    ] = None,
    creditor: Annotated[
        str | None, typer.Option(help="With --file: whose accounts; else the agency's creditor's.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Place accounts with an agency, or take them back; one agency works an account at a time."""
    if (account is None) is (file is None):
        raise InvalidInput("say which account, or which file", "place ACCOUNT, or --file FILE")
    said, actor = Placed(typed("agency", agency, code), withdraw), actor_of(context)
    if file is not None:
        _place_file(context, file, said, creditor, dry_run=dry_run, as_json=as_json)
        return

    async def take(parts: Parts, conn: Connection) -> tuple[Took, str | None]:
        account_id, book = await _open(parts, conn, str(account), actor)
        placements = await Placements.open(conn, book)
        done = took(placements.take(account_id, said))
        await placements.write(conn)
        return done, book.accounts[account_id].agency_id

    done, before = run(in_office(take))
    agency_id = said.agency_id or before or "nobody"
    typer.echo(f"{WORDS[done]}: {'withdrawn from' if withdraw else 'placed with'} {agency_id}")


def _place_file(
    context: typer.Context,
    file: Path,
    said: Placed,
    creditor: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    constants = {"ends": "是"} if said.withdraw else {}
    if said.agency_id is not None:
        constants["agency"] = said.agency_id
        creditor = creditor or run(in_office(partial(_creditor_of, said.agency_id)))
    work = partial(import_facts, of=FactsOf.PLACEMENTS, creditor=creditor, constants=constants)
    run_import(
        context,
        work,
        file,
        mapping=None,
        shift_days=0,
        expected=None,
        dry_run=dry_run,
        as_json=as_json,
    )


async def _creditor_of(agency_id: str, _: Parts, conn: Connection) -> str:
    row = await agencies.agency(conn, agency_id)
    if row is None:
        raise NotFound("no such agency is known", "outreach facts agencies lists them")
    creditor: str = row["creditor_id"]
    return creditor


# ---------------------------------------------------------------------------------- contact points


def point(
    context: typer.Context,
    whose: Annotated[
        str,
        typer.Argument(metavar="POINT", help="The point's id; or its owner as elsewhere."),
    ],
    contact: Annotated[
        ContactKind | None, typer.Option(help="Of an owner named: which, if only one is there.")
    ] = None,
    usage: Annotated[Usage | None, typer.Option(help="Whose place it is.")] = None,
    origin: Annotated[Origin | None, typer.Option(help="Where we have it from.")] = None,
    document: Annotated[
        str | None, typer.Option(help="What shows that: the form's or contract's number.")
    ] = None,
    verified: Annotated[bool | None, typer.Option("--verified/--not-verified")] = None,
) -> None:
    """Say whose place a contact point is, where it came from, and what shows it."""
    said = Said(usage, origin, typed("document", document, code), verified)
    if said == Said():
        raise InvalidInput("nothing is said of it", "--usage, --origin, --document or --verified")
    actor = actor_of(context)

    async def take(parts: Parts, conn: Connection) -> Took:
        point_id, debtor_id = await _point(parts, conn, whose)
        points = await Points.open(
            conn, await Book.open(conn, [debtor_id], [], actor, parts.clock.now())
        )
        if point_id is None:
            if contact is None:
                raise InvalidInput("which of their contact points?", "--contact phone, or its id")
            point_id = took(points.find(debtor_id, contact, None))
        done = took(points.take(point_id, said))
        await points.write(conn)
        return done

    typer.echo(f"{WORDS[run(in_office(take))]}: {contact or 'contact point'}")


async def _point(parts: Parts, conn: Connection, name: str) -> tuple[UUID | None, UUID]:
    """The point of this id and its owner, or the owner alone."""
    try:
        row = await debtors.point(conn, UUID(name.strip()))
    except ValueError:
        row = None
    if row is not None:
        return row["id"], row["debtor_id"]
    return None, (await find_whom(conn, parts.lookup, name))[0]
