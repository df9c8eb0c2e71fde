"""The contacts a sending of the past knew of, from the history of notices."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.compliance.facts import Contact
from outreach.compliance.rules.frequency import LONGEST
from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.states import COUNTS_AS_CONTACT, State

_COUNTED = frozenset({EventKind.SENDING, EventKind.SENT, EventKind.UNCERTAIN})


@dataclass(slots=True)
class _Notice:
    """One notice's moves in order: when, by which event, and whether it then counted."""

    debtor_id: UUID
    point_id: UUID
    channel: Channel
    purpose: Purpose
    moves: list[tuple[datetime, UUID, bool, bool]] = field(default_factory=list)

    def contact(self, at: datetime, event_id: UUID) -> datetime | None:
        """When it was last intended before that event, if it counted as a contact then."""
        sent: datetime | None = None
        counted = False
        for moved_at, moved_by, is_sending, counts in self.moves:
            if (moved_at, moved_by) >= (at, event_id):
                break
            counted = counts
            if is_sending:
                sent = moved_at
        return sent if counted and sent is not None and sent > at - LONGEST else None


class Contacts:
    """Of the rows of ``audit.moves``."""

    def __init__(self, rows: Iterable[asyncpg.Record]) -> None:
        notices: dict[UUID, _Notice] = {}
        self._of_debtor: dict[UUID, dict[UUID, _Notice]] = defaultdict(dict)
        self._of_value: dict[bytes, dict[UUID, _Notice]] = defaultdict(dict)
        for row in rows:
            notice = notices.get(row["notice_id"])
            if notice is None:
                notice = notices[row["notice_id"]] = _Notice(
                    row["debtor_id"],
                    row["contact_point_id"],
                    Channel(row["channel"]),
                    Purpose(row["purpose"]),
                )
                self._of_debtor[row["debtor_id"]][row["notice_id"]] = notice
                self._of_value[row["value_hash"]][row["notice_id"]] = notice
            kind = row["kind"]
            if kind == EventKind.FAILED and row["state"] != State.FAILED:
                continue  # an observation that came late: it had gone
            counts = kind in _COUNTED or row["settled_as"] in COUNTS_AS_CONTACT
            notice.moves.append((row["at"], row["id"], kind == EventKind.SENDING, counts))

    def known_to(self, sending: asyncpg.Record) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
        """The debtor's contacts before a sending, and those to the value it went to."""
        own = self._of_debtor[sending["debtor_id"]]
        contacts, here = [], []
        for notice, at in _before(own, sending):
            contacts.append(Contact(at, notice.channel, notice.purpose))
            if notice.point_id == sending["contact_point_id"]:
                here.append(Contact(at, notice.channel))
        for notice, at in _before(self._of_value[sending["value_hash"]], sending):
            if notice.debtor_id != sending["debtor_id"]:
                here.append(Contact(at, notice.channel))
        return tuple(contacts), tuple(here)


def _before(
    notices: dict[UUID, _Notice], sending: asyncpg.Record
) -> Iterator[tuple[_Notice, datetime]]:
    for notice_id, notice in notices.items():
        if notice_id == sending["notice_id"]:
            continue
        at = notice.contact(sending["at"], sending["id"])
        if at is not None:
            yield notice, at
