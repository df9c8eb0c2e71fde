"""The history on a real PostgreSQL: it verifies as it stands, and no byte of it can be changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from outreach.db import events, keys
from outreach.db.pool import Pool, open_pool
from outreach.domain.events import Event, EventKind, debtor_stream, user_stream
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import MasterKeys, SealingKey
from outreach.life.seal import seal_all
from outreach.proof.report import LISTED, Kind, Report
from outreach.proof.verify import verify

AT = datetime(2026, 11, 2, 2, tzinfo=UTC)
TABLES = ("contact_events", "event_payloads", "unsealed", "streams", "chain", "sealing_keys")
EACH = 12


@dataclass(frozen=True)
class History:
    """Two debtors' sealed events, some without payload, two other streams, two events waiting."""

    pool: Pool
    masters: MasterKeys
    debtors: tuple[SealingKey, SealingKey]
    sealed: tuple[Entry, ...]  # the first debtor's, by seq
    others: tuple[Entry, ...]
    waiting: tuple[Entry, Entry]

    async def verify(self, stream: str | None = None) -> Report:
        return await verify(self.pool, self.masters, stream=stream)

    async def sql(self, *statements: str, **values: object) -> None:
        """Run statements; ``{name}`` stands for a quoted value, ``e0`` ... for the events' ids."""
        quoted = {name: f"'{value}'" for name, value in values.items()}
        for at, entry in enumerate(self.sealed):
            quoted[f"e{at + 1}"] = f"'{entry.id}'"
        quoted["other"] = f"'{self.others[0].id}'"
        quoted["waiting"] = f"'{self.waiting[0].id}'"
        quoted["stream"] = f"'{self.sealed[0].event.stream}'"
        quoted["other_stream"] = f"'{self.others[0].event.stream}'"
        quoted["other_key"] = f"'{self.debtors[1].id}'"
        async with self.pool.acquire() as conn, conn.transaction():
            for statement in statements:
                await conn.execute(statement.format(**quoted))


def an_event(stream: str, number: int, debtor_id: UUID | None = None) -> Event:
    with_payload = debtor_id is not None and number % 3 != 2
    return Event(
        kind=EventKind.SENDING if with_payload else EventKind.DELIVERED,
        at=AT + timedelta(minutes=number),
        stream=stream,
        creditor_id="meridian",
        actor="job:dispatch",
        debtor_id=debtor_id,
        notice_id=UUID(int=number + 1),
        account_id=UUID(int=number + 7),
        channel="sms",
        policy_version="2026-11-01",
        data={"attempt": number, "carrier": "sandbox"},
        payload={"to": "+8619900000000", "text": f"尊敬的客户 {number}"} if with_payload else None,
    )


@pytest.fixture
async def history(database_url: str) -> AsyncIterator[History]:
    pool = await open_pool(database_url, 3)
    masters = MasterKeys({1: bytes(range(32))})
    (one, wrapped_one), (two, wrapped_two) = masters.new_key(new_id()), masters.new_key(new_id())
    first = [prepare(an_event(debtor_stream(one.id), n, one.id), one) for n in range(EACH)]
    second = [prepare(an_event(debtor_stream(two.id), n, two.id), two) for n in range(EACH)]
    others = [prepare(an_event(user_stream("li"), n)) for n in range(3)]
    others += [prepare(an_event("policy:meridian", n)) for n in range(3)]
    waiting = [prepare(an_event(debtor_stream(one.id), n, one.id), one) for n in (60, 61)]
    async with pool.acquire() as conn:
        await keys.insert(conn, [wrapped_one, wrapped_two], AT)
    for entries in [*zip(first, second, strict=True), others]:
        async with pool.acquire() as conn:
            await events.append(conn, entries)
        await seal_all(pool)
    async with pool.acquire() as conn, conn.transaction():
        await events.append(conn, waiting)
        for table in TABLES:
            await conn.execute(f"create table kept_{table} as table {table}")
    yield History(
        pool, masters, (one, two), tuple(first), (*second, *others), (waiting[0], waiting[1])
    )
    await pool.close()


async def restore(history: History) -> None:
    await history.sql(
        *(f"delete from {table}" for table in TABLES),
        *(f"insert into {table} select * from kept_{table}" for table in TABLES),
    )


async def test_an_untouched_history_verifies(history: History) -> None:
    report = await history.verify()
    assert report.problems == []
    assert report.good
    assert (report.streams, report.events, report.unsealed) == (4, 2 * EACH + 8, 2)
    assert (report.payloads, report.erased) == (2 * (EACH - EACH // 3) + 2, 0)


async def test_one_stream_verifies_alone(history: History) -> None:
    report = await history.verify(history.sealed[0].event.stream)
    assert report.good
    assert (report.streams, report.events, report.unsealed) == (1, EACH + 2, 2)


# ------------------------------------------------------------------------------------ tampering


@dataclass(frozen=True)
class Case:
    """What was done, and the problem that must name it: a kind, and an event or a stream."""

    kind: Kind
    event: str | None  # "e4": the fourth of the first debtor's stream
    statements: tuple[str, ...]


def altered(table: str, row: str, change: str, event: str = "e4") -> Case:
    return Case(Kind.ALTERED, event, (f"update {table} set {change} where {row}",))


def event(change: str) -> Case:
    return altered("contact_events", "id = {e4}", change)


def payload(change: str) -> Case:
    return altered("event_payloads", "event_id = {e4}", change)


def link(change: str) -> Case:
    return altered("chain", "event_id = {e4}", change)


CASES = {
    "envelopes": {
        "event id": Case(
            Kind.REMOVED, "e4", ("update contact_events set id = {fresh} where id = {e4}",)
        ),
        "event id, told as inserted": Case(
            Kind.INSERTED, "fresh", ("update contact_events set id = {fresh} where id = {e4}",)
        ),
        "event at": event("at = at + interval '1 microsecond'"),
        "event at, another month": event("at = at - interval '40 years'"),
        "event kind": event("kind = 'failed'"),
        "event kind unknown": event("kind = 'sendinG'"),
        "event stream": event("stream = {other_stream}"),
        "event creditor_id": event("creditor_id = 'meridiaN'"),
        "event actor": event("actor = 'job:dispatcj'"),
        "event debtor_id": event("debtor_id = {other_key}"),
        "event debtor_id null": event("debtor_id = null"),
        "event notice_id": event("notice_id = {fresh}"),
        "event account_id": event("account_id = {fresh}"),
        "event channel": event("channel = 'email'"),
        "event channel emptied": event("channel = ''"),
        "event channel null": event("channel = null"),
        "event policy_version": event("policy_version = '2026-11-02'"),
        "event data value": event("data = data || '{{\"attempt\": 9}}'"),
        "event data float": event("data = data || '{{\"attempt\": 3.0}}'"),
        "event data added": event("data = data || '{{\"x\": null}}'"),
        "event data removed": event("data = data - 'carrier'"),
        "event data no object": event("data = '[]'"),
        "event payload_digest": event("payload_digest = set_byte(payload_digest, 0, 7)"),
        "event payload_digest null": event("payload_digest = null"),
        "event payload_digest put": altered(
            "contact_events", "id = {e3}", "payload_digest = sha256('x')", "e3"
        ),
        "event payload_digest emptied": altered(
            "contact_events", "id = {e3}", "payload_digest = ''", "e3"
        ),
        "the first event": altered("contact_events", "id = {e1}", "actor = 'x'", "e1"),
        "the last event": altered("contact_events", "id = {e12}", "actor = 'x'", "e12"),
    },
    "payloads": {
        "payload event_id": Case(
            Kind.REMOVED,
            "e4",
            ("update event_payloads set event_id = {fresh} where event_id = {e4}",),
        ),
        "payload event_id, told as inserted": Case(
            Kind.INSERTED,
            "fresh",
            ("update event_payloads set event_id = {fresh} where event_id = {e4}",),
        ),
        "payload key_id": payload("key_id = {other_key}"),
        "payload key_id unknown": payload("key_id = {fresh}"),
        "payload salt": payload("salt = set_byte(salt, 3, get_byte(salt, 3) # 1)"),
        "payload salt longer": payload("salt = salt || '\\x00'"),
        "payload sealed, format": payload("sealed = set_byte(sealed, 0, 2)"),
        "payload sealed, key id": payload("sealed = set_byte(sealed, 5, get_byte(sealed, 5) # 1)"),
        "payload sealed, nonce": payload("sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"),
        "payload sealed, words": payload("sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)"),
        "payload sealed, cut": payload("sealed = substring(sealed for 40)"),
        "payload of another event": Case(
            Kind.ALTERED,
            "e4",
            (
                """update event_payloads p set salt = o.salt, sealed = o.sealed
               from event_payloads o where o.event_id = {e5} and p.event_id = {e4}""",
            ),
        ),
        "payload removed": Case(
            Kind.REMOVED, "e4", ("delete from event_payloads where event_id = {e4}",)
        ),
        "payload inserted": Case(
            Kind.INSERTED,
            "e3",
            (
                """insert into event_payloads select {e3}, key_id, salt, sealed
               from event_payloads where event_id = {e4}""",
            ),
        ),
        "payload of a waiting event": altered(
            "event_payloads", "event_id = {waiting}", "salt = set_byte(salt, 0, 1)", "waiting"
        ),
        "payload of a waiting event removed": Case(
            Kind.REMOVED, "waiting", ("delete from event_payloads where event_id = {waiting}",)
        ),
    },
    "keys": {
        "key wrapped": altered("sealing_keys", "id = {key}", "wrapped = set_byte(wrapped, 15, 1)"),
        "key master_version": altered("sealing_keys", "id = {key}", "master_version = 9"),
        "key destroyed and nobody said so": Case(
            Kind.REMOVED, "e4", ("update sealing_keys set wrapped = null where id = {key}",)
        ),
        "key row removed": Case(Kind.REMOVED, "e4", ("delete from sealing_keys where id = {key}",)),
    },
    "links": {
        "link stream": link("stream = {other_stream}, seq = 99"),
        "link seq": Case(
            Kind.REORDERED, "e4", ("update chain set seq = 99 where event_id = {e4}",)
        ),
        "link event_id": Case(
            Kind.REMOVED, "fresh", ("update chain set event_id = {fresh} where event_id = {e4}",)
        ),
        "link event_id, told as inserted": Case(
            Kind.INSERTED, "e4", ("update chain set event_id = {fresh} where event_id = {e4}",)
        ),
        "link at": link("at = at + interval '1 microsecond'"),
        "link head": link("head = set_byte(head, 31, get_byte(head, 31) # 1)"),
        "link head of the last": altered(
            "chain", "event_id = {e12}", "head = set_byte(head, 31, get_byte(head, 31) # 1)", "e12"
        ),
    },
    "heads": {
        "head stream": Case(
            Kind.REMOVED, None, ("update streams set stream = 'user:x' where stream = {stream}",)
        ),
        "head seq": Case(
            Kind.ALTERED, None, ("update streams set seq = seq + 1 where stream = {stream}",)
        ),
        "head head": Case(
            Kind.ALTERED,
            None,
            (
                "update streams set head = set_byte(head, 0, get_byte(head, 0) # 1)"
                " where stream = {stream}",
            ),
        ),
        "head removed": Case(Kind.REMOVED, None, ("delete from streams where stream = {stream}",)),
        "head without links": Case(
            Kind.REMOVED, None, ("delete from chain where stream = {stream}",)
        ),
    },
    "waiting": {
        "waiting at": altered(
            "unsealed", "event_id = {waiting}", "at = at + interval '1 second'", "waiting"
        ),
        "waiting stream": altered(
            "unsealed",
            "event_id = {waiting}",
            "stream = {other_stream}",
            "waiting",
        ),
        "waiting row removed": Case(
            Kind.INSERTED, "waiting", ("delete from unsealed where event_id = {waiting}",)
        ),
        "waiting event removed": Case(
            Kind.REMOVED, "waiting", ("delete from contact_events where id = {waiting}",)
        ),
        "waiting though chained": Case(
            Kind.INSERTED,
            "e4",
            ("insert into unsealed select event_id, at, stream from chain where event_id = {e4}",),
        ),
    },
    "deletions": {
        "event removed": Case(Kind.REMOVED, "e4", ("delete from contact_events where id = {e4}",)),
        "link removed": Case(Kind.REMOVED, None, ("delete from chain where event_id = {e4}",)),
        "link and event removed": Case(
            Kind.REMOVED,
            None,
            (
                "delete from chain where event_id = {e4}",
                "delete from contact_events where id = {e4}",
            ),
        ),
        "end cut off": Case(
            Kind.REMOVED,
            None,
            (
                "delete from chain where event_id in ({e11}, {e12})",
                "delete from contact_events where id in ({e11}, {e12})",
                "delete from event_payloads where event_id in ({e11}, {e12})",
            ),
        ),
    },
    "insertions": {
        "event inserted": Case(
            Kind.INSERTED,
            "fresh",
            (
                """insert into contact_events select {fresh}, at, kind, stream, creditor_id, actor,
                   debtor_id, notice_id, account_id, channel, policy_version, data
               from contact_events where id = {e3}""",
            ),
        ),
        "event inserted under a known id": Case(
            Kind.INSERTED,
            "e3",
            (
                """insert into contact_events select id, at + interval '1 hour', kind, stream,
                   creditor_id, actor, debtor_id, notice_id, account_id, channel, policy_version,
                   data from contact_events where id = {e3}""",
            ),
        ),
        "link inserted past the head": Case(
            Kind.INSERTED,
            None,
            (
                "delete from unsealed where event_id = {waiting}",
                """insert into chain select stream, 13, id, at, sha256('x') from contact_events
               where id = {waiting}""",
            ),
        ),
    },
    "swaps": {
        "two events exchanged": Case(
            Kind.REORDERED,
            "e4",
            (
                "update chain set event_id = {fresh} where event_id = {e4}",
                "update chain set event_id = {e4} where event_id = {e7}",
                "update chain set event_id = {e7} where event_id = {fresh}",
            ),
        ),
        "two neighbouring links exchanged": Case(
            Kind.REORDERED,
            "e5",
            (
                "update chain set seq = 99 where event_id = {e4}",
                "update chain set seq = 4 where event_id = {e5}",
                "update chain set seq = 5 where event_id = {e4}",
            ),
        ),
        "two heads exchanged": Case(
            Kind.ALTERED,
            "e4",
            (
                """update chain c set head = o.head from chain o
               where c.event_id in ({e4}, {e7}) and o.event_id in ({e4}, {e7})
                 and o.event_id <> c.event_id""",
            ),
        ),
        "two envelopes exchanged": Case(
            Kind.ALTERED,
            "e4",
            (
                """update contact_events c set data = o.data from contact_events o
               where c.id in ({e4}, {e7}) and o.id in ({e4}, {e7}) and o.id <> c.id""",
            ),
        ),
    },
}


@pytest.mark.parametrize("what", CASES)
async def test_whatever_is_changed_is_named(history: History, what: str) -> None:
    missed = {}
    for name, case in CASES[what].items():
        fresh = new_id()
        await history.sql(*case.statements, fresh=fresh, key=history.debtors[0].id)
        report = await history.verify()
        if report.good or not names(history, report, case, fresh):
            missed[name] = report.problems
        assert sum(report.counts.values()) == len(report.problems)
        await restore(history)
    assert missed == {}
    assert (await history.verify()).good


def names(history: History, report: Report, case: Case, fresh: UUID) -> bool:
    """Whether a problem of the expected kind names the event, or the stream."""
    ids = {"fresh": fresh, "waiting": history.waiting[0].id, None: None}
    ids |= {f"e{at + 1}": entry.id for at, entry in enumerate(history.sealed)}
    stream = history.sealed[0].event.stream
    return any(
        (problem.kind, problem.event_id) == (case.kind, ids[case.event])
        and (case.event is not None or problem.stream == stream)
        for problem in report.problems
    )


# -------------------------------------------------------------------------------- lawful erasure


async def erase(history: History, data: dict[str, object], *statements: str) -> None:
    event = an_event(history.sealed[0].event.stream, 90)
    told = replace(event, kind=EventKind.ERASED, actor="user:li", data=data)
    async with history.pool.acquire() as conn:
        await events.append(conn, [prepare(told)])
    await history.sql(*statements, key=history.debtors[0].id)


async def test_a_destroyed_key_leaves_a_history_that_verifies(history: History) -> None:
    key = history.debtors[0].id
    await erase(
        history,
        {"keys": [str(key)]},
        "update sealing_keys set wrapped = null, destroyed_at = created_at where id = {key}",
    )
    for waiting in (True, False):
        report = await history.verify()
        assert report.problems == []
        assert report.erased == EACH - EACH // 3 + 2
        assert bool(report.unsealed) == waiting
        await seal_all(history.pool)
    assert (await history.verify(debtor_stream(key))).good


async def test_a_removed_payload_is_erased_only_if_an_event_names_it(history: History) -> None:
    gone, other = history.sealed[3].id, history.sealed[4].id
    await erase(
        history, {"payloads": [str(gone)]}, "delete from event_payloads where event_id = {e4}"
    )
    report = await history.verify()
    assert (report.problems, report.erased) == ([], 1)

    await history.sql("delete from event_payloads where event_id = {e5}")
    report = await history.verify()
    assert [(p.kind, p.event_id) for p in report.problems] == [(Kind.REMOVED, other)]


async def test_an_erased_event_that_names_nothing_excuses_nothing(history: History) -> None:
    await erase(
        history,
        {"payloads": ["all", 7, None], "keys": 7},
        "delete from event_payloads where event_id = {e4}",
    )
    assert [p.event_id for p in (await history.verify()).problems] == [history.sealed[3].id]


async def test_only_the_first_problems_are_listed_but_all_are_counted(history: History) -> None:
    await history.sql(
        """insert into event_payloads select gen_random_uuid(), key_id, salt, sealed
           from event_payloads, generate_series(1, 10)"""
    )
    report = await history.verify()
    assert report.counts[Kind.INSERTED] == 10 * (2 * (EACH - EACH // 3) + 2)
    assert len(report.problems) == LISTED
