"""Walk one stream's chain and tell, of links that do not fit, what was done to them; pure.

Each link is checked against the *stored* head before it, so that one altered row spoils its own
link and not all that follow. Links that do not fit are kept and compared at the end: an event that
fits another's place was moved; one that fits nowhere was altered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from outreach.ledger.chain import GENESIS, next_head
from outreach.proof.report import Kind, Problem

COMPARED = 200
"""How many links that do not fit are compared with each other, per stream."""

UNFIT = "the event's envelope does not fit the chain"


@dataclass(frozen=True, slots=True)
class Link:
    """A row of the chain with its event's envelope; None if that is gone or unreadable.

    ``trouble`` is what is already known to be wrong with it.
    """

    seq: int
    event_id: UUID
    head: bytes
    envelope: bytes | None
    trouble: Problem | None = None


@dataclass(frozen=True, slots=True)
class _Odd:
    """A link that does not fit; ``before`` is the stored head before it, ``due`` its seq."""

    link: Link
    before: bytes
    due: int


class Walk:
    """Takes the links of one stream in order of seq; ``end`` tells what does not fit."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._seq = 0
        self._head = GENESIS
        self._odd: list[_Odd] = []
        self._more: list[Problem] = []

    def take(self, link: Link) -> None:
        due = self._seq + 1
        if (
            link.trouble
            or link.seq != due
            or link.envelope is None
            or next_head(self._head, due, link.envelope) != link.head
        ):
            self._keep(_Odd(link, self._head, due))
        self._seq, self._head = link.seq, link.head

    def _keep(self, odd: _Odd) -> None:
        if len(self._odd) < COMPARED:
            self._odd.append(odd)
        else:
            link = odd.link
            unfit = self.problem(Kind.ALTERED, link.event_id, link.seq, UNFIT)
            self._more.append(link.trouble or unfit)

    def end(self, seq: int | None, head: bytes | None) -> list[Problem]:
        """The problems in order; ``seq`` and ``head`` as ``streams`` has them, or None."""
        puzzle = _Puzzle(self, self._odd, head)
        found = [*puzzle.problems(), *self._more]
        if seq is not None and puzzle.holds(seq, head):
            return found
        return found + list(self._end(seq, head))

    def _end(self, seq: int | None, head: bytes | None) -> Iterator[Problem]:
        if seq is None:
            yield self.problem(Kind.REMOVED, None, None, "the stream's head is gone")
        elif seq > self._seq and head != self._head:
            gone = f"{_links(self._seq + 1, seq)} gone from the end"
            yield self.problem(Kind.REMOVED, None, self._seq + 1, gone)
        elif seq < self._seq and head != self._head:
            past = f"{_links(seq + 1, self._seq)} past the stream's head"
            yield self.problem(Kind.INSERTED, None, seq + 1, past)
        elif (seq, head) != (self._seq, self._head):
            yield self.problem(
                Kind.ALTERED, None, seq, "the stream's head is not that of its last link"
            )

    def problem(self, kind: Kind, event_id: UUID | None, seq: int | None, sentence: str) -> Problem:
        return Problem(kind, event_id, self.stream, seq, sentence)


def _links(first: int, last: int) -> str:
    return f"link {first} is" if first == last else f"links {first} to {last} are"


class _Puzzle:
    """Finds for each odd event the place it was chained at, if it was chained at all."""

    def __init__(self, walk: Walk, odd: list[_Odd], end: bytes | None) -> None:
        self._walk = walk
        self._odd = {each.link.seq: each for each in odd}
        self._heads = {each.link.head: each.link.seq for each in odd}
        self._end = end
        self._true: dict[int, bytes] = {}  # heads that belong at a place
        self._home: dict[UUID, int] = {}  # places events belong at
        for place in self._places():
            self._fill(place)

    def _places(self) -> list[int]:
        """The seqs of odd links, and of missing ones as far as odd links could fill them."""
        missing = {
            place
            for odd in self._odd.values()
            for place in range(odd.due, min(odd.link.seq, odd.due + len(self._odd)))
        }
        return sorted(missing | self._odd.keys())

    def _before(self, place: int) -> bytes | None:
        """The head before a place, if it is known."""
        if place - 1 in self._true:
            return self._true[place - 1]
        return next((odd.before for odd in self._odd.values() if odd.due == place), None)

    def _fill(self, place: int) -> None:
        before = self._before(place)
        if before is None:
            return
        own = self._odd.get(place)
        for odd in ([own] if own else []) + list(self._odd.values()):
            if odd.link.envelope is None:
                continue
            head = next_head(before, place, odd.link.envelope)
            if head in self._heads or (odd is own and self._leads_on(place, head)):
                self._true[place], self._home[odd.link.event_id] = head, place
                return

    def _leads_on(self, place: int, head: bytes) -> bool:
        """Whether what follows was chained to this head: then only the stored head is wrong."""
        after = self._odd.get(place + 1)
        if after is None or after.link.envelope is None:
            return head == self._end
        return next_head(head, place + 1, after.link.envelope) == after.link.head

    def holds(self, place: int, head: bytes | None) -> bool:
        """Whether this head was found to belong at this place, whatever is stored there."""
        return place in self._true and self._true[place] == head

    def problems(self) -> Iterator[Problem]:
        for odd in self._odd.values():
            yield from self._gap(odd)
            yield from self._link(odd)

    def _gap(self, odd: _Odd) -> Iterator[Problem]:
        link = odd.link
        moved = self._home.get(link.event_id, link.seq) != link.seq
        missing = [at for at in (odd.due, link.seq - 1) if at not in self._true]
        if odd.due < link.seq and missing and not moved:
            what = f"{_links(missing[0], missing[-1])} missing"
            yield self._walk.problem(Kind.REMOVED, None, missing[0], what)

    def _link(self, odd: _Odd) -> Iterator[Problem]:
        link, home = odd.link, self._home.get(odd.link.event_id)
        if home is not None and home != link.seq:
            yield self._says(link, Kind.REORDERED, f"the event was chained at {home}, not here")
        elif link.trouble:
            yield link.trouble
        elif home is not None and self._true[home] != link.head:
            yield self._says(link, Kind.ALTERED, "the head stored at the event's link is wrong")
        elif home is None and self._before(link.seq) is not None:
            yield self._says(link, Kind.ALTERED, UNFIT)

    def _says(self, link: Link, kind: Kind, sentence: str) -> Problem:
        return self._walk.problem(kind, link.event_id, link.seq, sentence)
