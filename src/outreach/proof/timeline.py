"""A debtor's history as lines: payloads opened, and the words that were written taken out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson

from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.ledger import places
from outreach.ledger.keys import MasterKeys, WrappedKey
from outreach.proof import names

Payload = Literal["none", "opened", "sealed", "erased", "unreadable"]


@dataclass(frozen=True, slots=True)
class Words:
    """What was written: by us to ``to``, or by the debtor."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One contact event, its payload opened where it still can be."""

    id: UUID
    at: datetime
    kind: EventKind
    channel: Channel | None
    actor: str
    notice_id: UUID | None
    account_id: UUID | None
    policy_version: str | None
    data: dict[str, Any]
    payload_digest: bytes | None
    state: Payload
    payload: dict[str, Any] | None

    @property
    def name(self) -> str:
        return names.EVENTS[self.kind]

    @property
    def way(self) -> str:
        """The channel's name, or nothing."""
        return names.CHANNELS[self.channel] if self.channel else ""


def read_line(masters: MasterKeys | None, row: asyncpg.Record) -> Line:
    """A row of ``events.timeline``; its payload stays sealed without ``masters``."""
    state, payload = _open(masters, row)
    return Line(
        id=row["id"],
        at=row["at"],
        kind=EventKind(row["kind"]),
        channel=Channel(row["channel"]) if row["channel"] else None,
        actor=row["actor"],
        notice_id=row["notice_id"],
        account_id=row["account_id"],
        policy_version=row["policy_version"],
        data=orjson.loads(row["data"]),
        payload_digest=row["payload_digest"],
        state=state,
        payload=payload,
    )


def _open(masters: MasterKeys | None, row: asyncpg.Record) -> tuple[Payload, dict[str, Any] | None]:
    if row["payload_digest"] is None:
        return "none", None
    if row["sealed"] is None or row["wrapped"] is None:
        return "erased", None
    if masters is None:
        return "sealed", None
    key = masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
    try:
        return "opened", orjson.loads(key.open(row["sealed"], places.payload(row["id"])))
    except ValueError:
        return "unreadable", None


def words_of(line: Line) -> Words | None:
    """The message a line holds, if it holds one; of a letter its paragraphs and tables as text."""
    payload = line.payload or {}
    if "letter" in payload:
        letter = payload["letter"]
        text = "\n".join(_block(letter, block) for block in letter["blocks"])
        return Words(_address(payload["address"]), f"{letter['title']}　{letter['number']}", text)
    if "text" in payload:
        return Words(str(payload.get("to") or ""), payload.get("subject") or "", payload["text"])
    return None


def _block(letter: Mapping[str, Any], block: Mapping[str, str]) -> str:
    if block["kind"] not in ("accounts", "settled"):
        return block["text"]
    table = letter[block["kind"]]
    rows = [table["head"], *table["rows"], *([table["total"]] if "total" in table else [])]
    lines = ["　".join(cell for cell in row if cell) for row in rows]
    return "\n".join([*filter(None, [table.get("caption")]), *lines, table.get("capitals", "")])


def _address(address: Mapping[str, Any]) -> str:
    code = f"，邮编 {address['postcode']}" if address["postcode"] else ""
    return f"{address['recipient']}（{' '.join(address['lines'])}{code}）"
