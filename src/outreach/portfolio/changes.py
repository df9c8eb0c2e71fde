"""What a batch of account rows changes: collected row by row, written together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from outreach.db import events
from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.ledger import places
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import MasterKeys, SealingKey, WrappedKey
from outreach.portfolio.known import KnownAccount, KnownDebtor

STEP = timedelta(microseconds=1)
"""Between the events of one batch: what happened first is told first."""


@dataclass(slots=True)
class Changes:
    """Rows as ``db.portfolio`` takes them; ``renamed`` has debtors' names before and after."""

    now: datetime
    actor: str
    import_id: UUID
    keys: list[db.Row] = field(default_factory=list)
    debtors: list[db.Row] = field(default_factory=list)
    accounts: list[db.Row] = field(default_factory=list)
    parties: list[db.Row] = field(default_factory=list)
    values: set[bytes] = field(default_factory=set)
    points: list[db.Row] = field(default_factory=list)
    debtor_updates: list[db.Row] = field(default_factory=list)
    account_updates: list[db.Row] = field(default_factory=list)
    party_updates: list[db.Row] = field(default_factory=list)
    point_updates: list[db.Row] = field(default_factory=list)
    renamed: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def draw_key(self, masters: MasterKeys, key_id: UUID) -> SealingKey:
        """A fresh sealing key, to be stored with everything else."""
        key, wrapped = masters.new_key(key_id)
        self.keys.append((key_id, wrapped.wrapped, wrapped.master_version, self.now))
        return key

    def tell(
        self,
        kind: EventKind,
        debtor: KnownDebtor,
        *,
        data: dict[str, object],
        payload: dict[str, object] | None = None,
        account: KnownAccount | None = None,
    ) -> None:
        """An event of the debtor's history; ``payload`` is sealed under the debtor's key."""
        event = Event(
            kind=kind,
            at=self.now + len(self.entries) * STEP,
            stream=debtor_stream(debtor.id),
            creditor_id=debtor.creditor_id,
            actor=self.actor,
            debtor_id=debtor.id,
            account_id=account.id if account else None,
            data={"import": str(self.import_id), **data},
            payload=payload,
        )
        self.entries.append(prepare(event, debtor.key))


def seal(key: SealingKey, place: str, fields: Mapping[str, object]) -> bytes:
    return key.seal(orjson.dumps(fields), place)


async def write(conn: Connection, changes: Changes, masters: MasterKeys) -> None:
    """All or nothing, in the caller's transaction."""
    await _readdress(conn, changes, masters)
    await db.insert(conn, "sealing_keys", changes.keys)
    await db.insert(conn, "debtors", changes.debtors)
    await db.insert(conn, "accounts", changes.accounts)
    await db.insert(conn, "parties", changes.parties)
    if changes.values:
        await db.insert_values(conn, changes.values)
    await db.insert(conn, "contact_points", changes.points)
    await db.update_debtors(conn, changes.debtor_updates)
    await db.update_accounts(conn, changes.account_updates, changes.now)
    await db.update_parties(conn, changes.party_updates)
    await db.update_points(conn, changes.point_updates)
    await events.append(conn, changes.entries)


async def _readdress(conn: Connection, changes: Changes, masters: MasterKeys) -> None:
    """A renamed person's letters carry the new name: their addresses are sealed with it."""
    resealed = []
    for debtor_id, (before, after) in changes.renamed.items():
        for row in await db.addresses(conn, debtor_id):
            key = masters.unwrap(WrappedKey(row["id"], row["wrapped"], row["master_version"]))
            place = places.point(row["id"])
            fields = orjson.loads(key.open(row["sealed"], place))
            if fields["recipient"] == before:
                resealed.append((row["id"], seal(key, place, fields | {"recipient": after})))
    await db.reseal_points(conn, resealed)
