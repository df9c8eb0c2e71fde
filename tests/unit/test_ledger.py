"""Sealing, the envelope's one spelling, and the chain."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import ConfigurationError
from outreach.domain.events import Event, EventKind
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.chain import GENESIS, next_head
from outreach.ledger.envelope import canonical, envelope, instant, payload_digest, prepare
from outreach.ledger.keys import MasterKeys, SealingKey, parse_key
from outreach.ledger.lookup import LookupKey

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
AT = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def a_key() -> SealingKey:
    return MasterKeys({1: OLD}).new_key(new_id())[0]


def an_event(**changes: object) -> Event:
    fields = {
        "kind": EventKind.SENT,
        "at": AT,
        "stream": "debtor:1",
        "creditor_id": "meridian",
        "actor": "job:test",
        "data": {"attempt": 1},
    }
    return Event(**(fields | changes))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------- sealing


@given(plain=st.binary(max_size=200), row=st.uuids())
def test_what_is_sealed_opens_in_its_place(plain: bytes, row: UUID) -> None:
    key = a_key()
    sealed = key.seal(plain, places.debtor(row))
    assert key.open(sealed, places.debtor(row)) == plain
    assert plain == b"" or len(plain) < 4 or plain not in sealed


@given(data=st.data())
def test_any_altered_byte_is_refused(data: st.DataObject) -> None:
    key, place = a_key(), places.payload(new_id())
    sealed = bytearray(key.seal("下周五还".encode(), place))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="sealed"):
        key.open(bytes(sealed), place)


def test_sealed_bytes_moved_to_another_row_or_column_are_refused() -> None:
    key, row = a_key(), new_id()
    sealed = key.seal(b"{}", places.debtor(row))
    for elsewhere in (places.debtor(new_id()), places.point(row), places.account(row)):
        with pytest.raises(ValueError, match="moved"):
            key.open(sealed, elsewhere)


def test_another_key_does_not_open_it() -> None:
    key, place = a_key(), places.debtor(new_id())
    with pytest.raises(ValueError, match="another key"):
        a_key().open(key.seal(b"{}", place), place)


def test_the_same_words_sealed_twice_look_different() -> None:
    key, place = a_key(), places.debtor(new_id())
    assert key.seal(b"same", place) != key.seal(b"same", place)


# --------------------------------------------------------------------------------- master keys


def test_a_rewrapped_key_opens_what_was_sealed_before() -> None:
    key, stored = MasterKeys({1: OLD}).new_key(new_id())
    place = places.debtor(key.id)
    sealed = key.seal(b"before", place)

    rewrapped = MasterKeys({1: OLD, 2: NEW}).rewrap(stored)

    assert rewrapped.master_version == 2
    assert MasterKeys({2: NEW}).unwrap(rewrapped).open(sealed, place) == b"before"


def test_a_wrong_or_missing_master_key_is_a_configuration_error() -> None:
    _, stored = MasterKeys({1: OLD}).new_key(new_id())
    with pytest.raises(ConfigurationError, match="version 1 does not open"):
        MasterKeys({1: NEW}).unwrap(stored)
    with pytest.raises(ConfigurationError, match="version 1 is missing"):
        MasterKeys({2: NEW}).unwrap(stored)


def test_a_wrapped_key_is_bound_to_its_id() -> None:
    masters = MasterKeys({1: OLD})
    _, stored = masters.new_key(new_id())
    moved = type(stored)(new_id(), stored.wrapped, 1)
    with pytest.raises(ConfigurationError):
        masters.unwrap(moved)


def test_master_keys_are_read_from_their_variable() -> None:
    old, new = base64.b64encode(OLD).decode(), base64.b64encode(NEW).decode()
    assert MasterKeys.parse(f"2:{new}, 1:{old}").current == 2


@pytest.mark.parametrize(
    "text", ["", "1", "1:", "x:AAAA", "1:AAAA", "0:" + "A" * 43 + "=", "1:***"]
)
def test_a_malformed_master_key_says_its_shape_and_not_its_value(text: str) -> None:
    with pytest.raises(ConfigurationError, match="OUTREACH_MASTER_KEYS") as caught:
        MasterKeys.parse(text)
    assert "openssl rand -base64 32" in caught.value.remedy


def test_a_malformed_single_key_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="OUTREACH_LOOKUP_KEY"):
        parse_key("OUTREACH_LOOKUP_KEY", "c2hvcnQ=")


# ------------------------------------------------------------------------------- look-up hashes


@given(value=texts, other=texts)
def test_equal_values_meet_and_others_do_not(value: str, other: str) -> None:
    lookup = LookupKey(OLD)
    assert (lookup.hash("phone", value) == lookup.hash("phone", other)) == (value == other)
    assert lookup.hash("phone", value) != lookup.hash("id_number", value)
    assert lookup.hash("phone", value) != LookupKey(NEW).hash("phone", value)


# ------------------------------------------------------------------------------- the one spelling


@given(value=values)
def test_canonical_has_one_spelling_and_loses_nothing(value: object) -> None:
    assert orjson.loads(canonical(value)) == value
    assert canonical(orjson.loads(canonical(value))) == canonical(value)


@given(value=st.dictionaries(texts, scalars, max_size=6))
def test_canonical_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("value", [1.5, {"a": 1.0}, [[1.0]], {"a": [{"b": (2.0,)}]}])
def test_canonical_refuses_floats(value: object) -> None:
    with pytest.raises(TypeError, match="floats"):
        canonical(value)


@given(zone_minutes=st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_spelled_alike_in_every_zone(zone_minutes: int) -> None:
    there = AT.astimezone(timezone(timedelta(minutes=zone_minutes)))
    assert instant(there) == "2026-11-23T08:00:00.123456Z"


CHANGES = {
    "kind": EventKind.FAILED,
    "at": AT + timedelta(microseconds=1),
    "stream": "debtor:2",
    "creditor_id": "other",
    "actor": "user:zhang",
    "debtor_id": UUID(int=1),
    "notice_id": UUID(int=1),
    "account_id": UUID(int=1),
    "channel": "sms",
    "policy_version": "2026-11-01",
    "data": {"attempt": 2},
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_is_in_the_envelope(field: str) -> None:
    row = new_id()
    assert envelope(row, an_event(**{field: CHANGES[field]}), None) != envelope(
        row, an_event(), None
    )


def test_the_id_and_the_payload_digest_are_in_the_envelope() -> None:
    row = new_id()
    assert envelope(row, an_event(), None) != envelope(new_id(), an_event(), None)
    assert envelope(row, an_event(), None) != envelope(row, an_event(), bytes(32))


def test_a_prepared_event_keeps_its_payload_out_of_the_envelope() -> None:
    key = a_key()
    entry = prepare(an_event(payload={"text": "王先生，您好"}), key)
    assert entry.sealed is not None
    assert entry.salt is not None
    assert entry.key_id == key.id
    plain = key.open(entry.sealed, places.payload(entry.id))
    assert orjson.loads(plain) == {"text": "王先生，您好"}
    assert payload_digest(entry.salt, plain) == entry.payload_digest
    assert "王先生".encode() not in envelope(entry.id, entry.event, entry.payload_digest)


def test_a_payload_needs_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        prepare(an_event(payload={"text": "x"}))
    assert prepare(an_event()).sealed is None


# ------------------------------------------------------------------------------------- the chain


def head_of(envelopes: list[bytes]) -> bytes:
    head = GENESIS
    for seq, each in enumerate(envelopes, 1):
        head = next_head(head, seq, each)
    return head


@given(envelopes=st.lists(st.binary(max_size=8), min_size=2, max_size=6), data=st.data())
def test_a_head_depends_on_every_envelope_and_their_order(
    envelopes: list[bytes], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(envelopes))
    assert (head_of(other) == head_of(envelopes)) == (other == envelopes)
    assert head_of(envelopes[:-1]) != head_of(envelopes)
    assert head_of([*envelopes[:-1], envelopes[-1] + b"x"]) != head_of(envelopes)


def test_the_place_is_in_the_head() -> None:
    assert next_head(GENESIS, 1, b"same") != next_head(GENESIS, 2, b"same")
