"""Ids: UUIDv7, as the database driver's own kind: ten times as quick to make and to write."""

from datetime import UTC, datetime
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as _Id

from outreach.clock import id_bytes


def new_id() -> UUID:
    """See ``clock.id_bytes``."""
    return _Id(id_bytes())


def made_at(id_: UUID) -> datetime:
    """When an id of ours was made, by the machine's clock, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
