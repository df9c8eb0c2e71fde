"""What the walk along a chain says of links that do not fit."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.ledger.chain import GENESIS, next_head
from outreach.proof.report import Kind, Problem
from outreach.proof.walk import COMPARED, Link, Walk


def chain(length: int) -> list[Link]:
    head, links = GENESIS, []
    for seq in range(1, length + 1):
        envelope = b"event %d" % seq
        head = next_head(head, seq, envelope)
        links.append(Link(seq, UUID(int=seq), head, envelope))
    return links


def problems(links: list[Link], end: Link) -> list[Problem]:
    walk = Walk("debtor:x")
    for link in sorted(links, key=lambda link: link.seq):
        walk.take(link)
    return walk.end(end.seq, end.head)


lengths = st.integers(2, 12)


@given(length=lengths)
def test_an_untouched_chain_has_no_problems(length: int) -> None:
    links = chain(length)
    assert problems(links, links[-1]) == []


@given(length=lengths, data=st.data())
def test_one_altered_event_is_one_problem(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 1))
    changed = [*links]
    changed[at] = replace(links[at], envelope=b"other")
    [found] = problems(changed, links[-1])
    assert (found.kind, found.event_id, found.seq) == (Kind.ALTERED, UUID(int=at + 1), at + 1)


@given(length=lengths, data=st.data())
def test_one_altered_head_is_one_problem(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 1))
    changed = [*links]
    changed[at] = replace(links[at], head=bytes(32))
    [found] = problems(changed, links[-1])
    assert (found.kind, found.seq) == (Kind.ALTERED, at + 1)
    assert "head" in found.sentence


@given(length=lengths, data=st.data())
def test_one_removed_link_is_one_problem(length: int, data: st.DataObject) -> None:
    links = chain(length)
    at = data.draw(st.integers(0, length - 1))
    [found] = problems(links[:at] + links[at + 1 :], links[-1])
    assert (found.kind, found.seq) == (Kind.REMOVED, at + 1)


@pytest.mark.parametrize("whole", [False, True])
@given(order=st.permutations(range(8)))
def test_every_moved_event_is_said_to_be_moved_and_no_other(whole: bool, order: list[int]) -> None:
    """``whole``: rows of the chain change places with their heads; else only their events do."""
    links = chain(8)
    changed = [
        replace(links[of], seq=seq + 1)
        if whole
        else replace(links[seq], event_id=links[of].event_id, envelope=links[of].envelope)
        for seq, of in enumerate(order)
    ]
    found = problems(changed, links[-1])
    assert {problem.kind for problem in found} <= {Kind.REORDERED}
    assert {problem.event_id for problem in found} == {
        UUID(int=of + 1) for seq, of in enumerate(order) if of != seq
    }


def test_a_link_moved_far_away_is_named() -> None:
    links = chain(6)
    changed = [*links[:2], *links[3:], replace(links[2], seq=90)]
    found = problems(changed, links[-1])
    assert (Kind.REORDERED, UUID(int=3)) in [(p.kind, p.event_id) for p in found]
    assert Kind.REMOVED not in [problem.kind for problem in found]


def test_what_is_known_already_is_told_once() -> None:
    links = chain(4)
    gone = Problem(Kind.REMOVED, UUID(int=2), "debtor:x", 2, "gone")
    links[1] = replace(links[1], envelope=None, trouble=gone)
    assert problems(links, links[-1]) == [gone]


def test_a_stream_altered_throughout_is_counted_whole() -> None:
    links = [replace(link, envelope=b"other") for link in chain(COMPARED + 50)]
    found = problems(links, links[-1])
    assert len(found) == COMPARED + 50
    assert {problem.kind for problem in found} == {Kind.ALTERED}


@pytest.mark.parametrize(
    ("seq", "head", "kind"),
    [
        (None, None, Kind.REMOVED),
        (7, bytes(32), Kind.REMOVED),
        (3, bytes(32), Kind.INSERTED),
        (5, bytes(32), Kind.ALTERED),
        (6, "own", Kind.ALTERED),
        (4, "own", Kind.ALTERED),
    ],
)
def test_the_stream_s_head_must_be_that_of_its_last_link(
    seq: int | None, head: bytes | str | None, kind: Kind
) -> None:
    links, walk = chain(5), Walk("debtor:x")
    for link in links:
        walk.take(link)
    [found] = walk.end(seq, links[-1].head if isinstance(head, str) else head)
    assert (found.kind, found.event_id) == (kind, None)
