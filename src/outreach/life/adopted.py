"""Adopted: what the configuration brings in for the first time is kept, and its history says so."""

from datetime import datetime

from outreach.compliance.policies import Policies
from outreach.db import events, registers
from outreach.db.policies import keep
from outreach.db.pool import Connection, Pool
from outreach.domain.events import Event, EventKind, policy_stream
from outreach.domain.register import Status, plain_subject
from outreach.ids import new_id
from outreach.ledger.envelope import prepare
from outreach.settings import CreditorSettings

ACTOR = "job:configuration"


async def adopt(pool: Pool, policies: Policies, now: datetime) -> None:
    """Keep the policies this process will judge by, so that each verdict can be judged again."""
    packs = {pack.version: pack for pack in policies.all()}
    async with pool.acquire() as conn, conn.transaction():
        entries = []
        for version in await keep(conn, packs.values(), now):
            place = str(packs[version].jurisdiction)
            event = Event(
                kind=EventKind.ADOPTED,
                at=now,
                stream=policy_stream(place),
                creditor_id="",
                actor=ACTOR,
                policy_version=version,
                data={"jurisdiction": place, "rules": len(packs[version].rules)},
            )
            entries.append(prepare(event))
        await events.append(conn, entries)


async def declare(conn: Connection, creditor: CreditorSettings, now: datetime) -> None:
    """Register what a creditor's file declares, unless the register has it already."""
    entries = []
    for each in creditor.registrations:
        subject = plain_subject(each.kind, each.subject)
        new = await registers.declare(
            conn,
            new_id(),
            creditor.id,
            each.kind,
            subject,
            each.holder,
            each.number,
            each.since,
            each.until,
            each.evidence,
            ACTOR,
            now,
        )
        if new:
            event = Event(
                kind=EventKind.REGISTERED,
                at=now,
                stream=policy_stream(creditor.id),
                creditor_id=creditor.id,
                actor=ACTOR,
                data={
                    "register": each.kind,
                    "subject": subject,
                    "holder": each.holder,
                    "number": each.number,
                    "status": Status.APPROVED,
                    "since": each.since.isoformat(),
                    "until": each.until.isoformat() if each.until else None,
                },
            )
            entries.append(prepare(event))
    await events.append(conn, entries)
