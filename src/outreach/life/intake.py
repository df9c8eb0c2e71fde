"""Intake: check a request for a notice, find where it can go, insert it once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID

import asyncpg

from outreach.db import debtors, notices
from outreach.db.pool import Connection
from outreach.domain.account import clean_number
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.debtor import Locale, Role
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.ids import new_id
from outreach.ledger.lookup import LookupKey
from outreach.life.parts import Parts

LIFETIME = timedelta(days=5)
"""A notice that could not go for this long expires: its sums and dates are no longer true."""


async def accounts_by_number(conn: Connection, lookup: LookupKey, number: str) -> list[UUID]:
    """The accounts with this number or this id, one per creditor; raises ``NotFound``."""
    found = await debtors.find_account(conn, lookup.hash("account", clean_number(number)))
    if not found and _is_uuid(number):
        row = await debtors.account(conn, UUID(number))
        found = [row] if row else []
    if not found:
        raise NotFound("no account has this number or id", "check it, or import the portfolio")
    return [row["id"] for row in found]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def request_for(
    conn: Connection,
    account_id: UUID,
    purpose: Purpose,
    channel: Channel,
    *,
    key: str,
    lane: Lane,
    now: datetime,
) -> NoticeRequest:
    """A request to the account's debtor for all their open accounts of that currency and writer."""
    account = await debtors.account(conn, account_id)
    if account is None:
        raise NotFound(f"no account {account_id}")
    point = await debtors.best_point(conn, account["debtor_id"], KIND_FOR[channel])
    if point is None:
        kind = KIND_FOR[channel]
        raise InvalidInput(
            f"the debtor of this account has no {kind} to send {channel} to",
            f"import a {kind} for them, or choose another --channel",
        )
    covered = [
        row["id"]
        for row in await debtors.accounts_of(conn, account["debtor_id"])
        if _covers(row, account, purpose)
    ]
    return NoticeRequest(
        creditor_id=account["creditor_id"],
        debtor_id=account["debtor_id"],
        account_ids=tuple(covered) if account_id in covered else (account_id,),
        purpose=purpose,
        channel=channel,
        currency=Currency(account["currency"]),
        contact_point_id=point["id"],
        idempotency_key=key,
        lane=Lane.LETTERS if channel is Channel.LETTER else lane,
        due_at=now,
        expires_at=now + LIFETIME,
    )


_ALIKE = itemgetter("creditor_id", "currency", "agency_id")


def _covers(row: asyncpg.Record, account: asyncpg.Record, purpose: Purpose) -> bool:
    """Own debts only: what a person guarantees for others has wording of its own."""
    settled = row["balance"] <= 0
    return (
        _ALIKE(row) == _ALIKE(account)
        and row["role"] in (Role.PRIMARY, Role.JOINT)
        and settled is (purpose is Purpose.SETTLEMENT_RECEIPT)
    )


async def submit(
    conn: Connection, parts: Parts, requests: Sequence[NoticeRequest], actor: str
) -> list[tuple[UUID, bool]]:
    """Insert the requests; for each its notice id and whether it is new.

    All or none: run it inside a transaction. A request whose idempotency key was used before
    gives the notice of that time.
    """
    points = await debtors.points_for_intake(conn, [r.contact_point_id for r in requests])
    rows = []
    for request in requests:
        row = points.get(request.contact_point_id)
        if row is None or row["debtor_id"] != request.debtor_id:
            raise InvalidInput("the contact point is not this debtor's")
        if row["kind"] != KIND_FOR[request.channel]:
            raise InvalidInput(f"{request.channel} cannot go to a contact point of another kind")
        parts.catalog.get(request.channel, request.purpose, Locale(row["locale"]))
        route = parts.route_for(request.channel, request.creditor_id, row["region"])
        rows.append((new_id(), request, route.name))
    new = await notices.insert(conn, rows, actor, parts.clock.now())
    result = []
    for notice_id, request, _ in rows:
        if notice_id in new:
            result.append((notice_id, True))
            continue
        known = await notices.by_key(conn, request.creditor_id, request.idempotency_key)
        assert known is not None
        result.append((known, False))
    return result
