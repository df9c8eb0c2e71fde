"""Release (人工放行): one person asks that a rule be set aside for a notice, another agrees.

Only what the pack lets people release, for one notice, with a reason. Nothing is sent by it: the
notice is due again, and the gate judges all of it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import orjson

from outreach.compliance.finding import Effect
from outreach.db import events, notices, releases
from outreach.db.pool import Connection
from outreach.domain.codes import code
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.states import State
from outreach.ledger.envelope import prepare
from outreach.life.parts import Parts
from outreach.life.telling import notice_event


@dataclass(frozen=True, slots=True)
class Release:
    """What was done, about which rules of the notice of this number."""

    number: int
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A locked notice that the gate has stopped, under the policy of this version."""

    row: asyncpg.Record
    policy_version: str | None
    releasable: dict[str, bool]  # by rule: may people release it?


async def ask(parts: Parts, name: str, rules: Sequence[str], reason: str, actor: str) -> Release:
    """Ask that these rules be set aside for a notice they stopped.

    Raises ``InvalidInput`` for a rule that did not stop it, ``Conflict`` where the pack allows no
    release or somebody has asked already.
    """
    reason, wanted = _said(reason), tuple(dict.fromkeys(rules))
    if not wanted:
        raise InvalidInput(
            "say which rule is to be set aside", "--rule, as policy explain names it"
        )
    async with parts.pool.acquire() as conn, conn.transaction():
        stopped = await _stopped(conn, parts, name)
        number = stopped.row["number"]
        for rule in wanted:
            _require_releasable(stopped, rule)
        known = {row["rule"]: row for row in await releases.of_notice(conn, stopped.row["id"])}
        for rule in wanted:
            if rule in known:
                _refuse_again(number, known[rule])
        now = parts.clock.now()
        await releases.ask(conn, stopped.row["id"], wanted, reason, actor, now)
        data: dict[str, object] = {"release": list(wanted), "reason": reason}
        await _tell(conn, parts, stopped, EventKind.RELEASE_ASKED, actor, data)
        return Release(number, wanted)


async def approve(parts: Parts, name: str, actor: str) -> Release:
    """Agree to what somebody else asked for: the notice is due now, and judged again.

    Raises ``NotFound`` where nothing is asked for, ``Conflict`` for the person who asked.
    """
    async with parts.pool.acquire() as conn, conn.transaction():
        stopped, asked = await _asked(conn, parts, name, actor)
        rules, now = [row["rule"] for row in asked], parts.clock.now()
        row = stopped.row
        await releases.approve(conn, row["id"], rules, actor, now)
        if row["state"] == State.BLOCKED:
            await releases.back_to_pending(conn, row["id"])
            parts.metrics.moved([(row["channel"], State.PENDING)])
        await notices.requeue(conn, [(row["id"], now)])
        await _tell(conn, parts, stopped, EventKind.RELEASED, actor, _about(asked))
        return Release(row["number"], tuple(rules))


async def refuse(parts: Parts, name: str, actor: str, reason: str) -> Release:
    """Say no to what somebody else asked for; the notice stays where it is."""
    reason = _said(reason)
    async with parts.pool.acquire() as conn, conn.transaction():
        stopped, asked = await _asked(conn, parts, name, actor)
        rules = [row["rule"] for row in asked]
        await releases.withdraw(conn, stopped.row["id"], rules)
        data = _about(asked) | {"reason": reason}
        await _tell(conn, parts, stopped, EventKind.RELEASE_REFUSED, actor, data)
        return Release(stopped.row["number"], tuple(rules))


def _said(reason: str) -> str:
    """The reason as the history keeps it, in the clear."""
    if not reason.strip():
        raise InvalidInput("a reason is needed", "add --reason")
    try:
        return code(reason)
    except ValueError as error:
        raise InvalidInput(f"the reason: {error}", "--reason CASE-7") from None


async def _stopped(conn: Connection, parts: Parts, name: str) -> _Stopped:
    """The notice, locked, with what stopped it; raises ``Conflict`` where nothing did."""
    found = await notices.by_number_or_id(conn, name)
    if found is None:
        raise NotFound(f"no notice {name}", "give its number or id")
    row = await releases.lock(conn, found["id"])
    if row["state"] not in (State.BLOCKED, State.PENDING):
        raise Conflict(f"notice {name} is {row['state']}: no rule stops it")
    if parts.clock.now() >= row["expires_at"]:
        raise Conflict(
            f"notice {name} has expired: what it says is no longer true", "send a new one"
        )
    said = await releases.last_verdict(conn, row["id"])
    kind = EventKind.BLOCKED if row["state"] == State.BLOCKED else EventKind.HELD
    data = orjson.loads(said["data"]) if said else {}
    if said is None or said["kind"] != kind or "findings" not in data or row["batch_id"]:
        raise Conflict(
            f"notice {name} is {row['state']}, and not by a rule", f"outreach notice show {name}"
        )
    releasable: dict[str, bool] = {}
    for finding in data["findings"]:
        if finding["effect"] != Effect.FLAG:
            free = finding.get("releasable", False)
            releasable[finding["rule"]] = releasable.get(finding["rule"], True) and free
    return _Stopped(row, said["policy_version"], releasable)


def _require_releasable(stopped: _Stopped, rule: str) -> None:
    number = stopped.row["number"]
    if rule not in stopped.releasable:
        raise InvalidInput(
            f"rule {rule} did not stop notice {number}",
            f"these did: {', '.join(sorted(stopped.releasable))}",
        )
    if not stopped.releasable[rule]:
        raise Conflict(
            f"rule {rule} is one that nobody may release",
            f"what would change it: outreach policy explain --notice {number}",
        )


def _refuse_again(number: int, row: asyncpg.Record) -> None:
    if row["approved_at"] is not None:
        raise Conflict(f"notice {number}: {row['rule']} is released already", "policy explain")
    raise Conflict(
        f"notice {number}: {row['asked_by']} has asked to release {row['rule']} already",
        "a second person approves or refuses it",
    )


async def _asked(
    conn: Connection, parts: Parts, name: str, actor: str
) -> tuple[_Stopped, list[asyncpg.Record]]:
    """What waits for a second person, who is ``actor``."""
    stopped = await _stopped(conn, parts, name)
    rows = await releases.of_notice(conn, stopped.row["id"])
    asked = [row for row in rows if row["approved_at"] is None]
    if not asked:
        raise NotFound(
            f"nobody asks to release notice {name}", "what is asked for: outreach policy releases"
        )
    if any(row["asked_by"] == actor for row in asked):
        raise Conflict(
            f"{actor} asked to release notice {name}: a second person decides",
            f"outreach --as SOMEBODY notice release {name} --approve",
        )
    return stopped, asked


def _about(asked: Sequence[asyncpg.Record]) -> dict[str, object]:
    return {
        "release": [row["rule"] for row in asked],
        "asked_by": sorted({row["asked_by"] for row in asked}),
    }


async def _tell(
    conn: Connection,
    parts: Parts,
    stopped: _Stopped,
    kind: EventKind,
    actor: str,
    data: dict[str, object],
) -> None:
    event = notice_event(
        stopped.row,
        kind,
        parts.clock.now(),
        data,
        actor=actor,
        policy_version=stopped.policy_version,
    )
    await events.append(conn, [prepare(event)])
