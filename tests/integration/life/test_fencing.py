"""Fencing and merging, held against plain accounts of their rules on the real tables."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from life_rig import House, Person

from outreach.channels.base import DeliveryFact
from outreach.db import notices
from outreach.domain.states import MOVES, RANK, Delivery, State
from outreach.life import receipts

pytestmark = pytest.mark.timeout(120)

on_real_tables = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# -------------------------------------------------------------------------------------- fencing


@dataclass(frozen=True)
class Step:
    """A claim of what is pending, or somebody's result for an attempt so many claims ago."""

    late: int  # 0: of the newest attempt
    state: State | None  # None: claim it
    unused: bool = False


steps = st.lists(
    st.one_of(
        st.just(Step(0, None)),
        st.builds(
            Step,
            st.integers(0, 3),
            st.sampled_from([State.SENT, State.FAILED, State.UNCERTAIN]),
        ),
        st.builds(Step, st.integers(0, 3), st.just(State.PENDING), st.booleans()),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class Account:
    """What the rules say: only the newest attempt's result moves a notice, and only as allowed."""

    state: State = State.PENDING
    attempt: int = 0
    changes: list[bool] = field(default_factory=list)

    def take(self, step: Step) -> None:
        if step.state is None:
            claimed = self.state is State.PENDING
            self.state = State.SENDING if claimed else self.state
            self.attempt += claimed
            return
        changed = step.late == 0 and self.attempt > 0 and step.state in MOVES[self.state]
        self.changes.append(changed)
        if changed:
            self.state = step.state
            self.attempt -= step.unused


async def take(house: House, notice: UUID, account: Account, step: Step) -> None:
    async with house.parts.pool.acquire() as conn, conn.transaction():
        if step.state is None:
            if account.state is State.PENDING:
                row = notices.IntentRow(notice, account.attempt + 1, TEMPLATE, 1)
                await notices.start_sending(conn, [row])
            account.take(step)
            return
        attempt = account.attempt - step.late
        row = notices.ResultRow(notice, attempt, step.state, unused=step.unused)
        if attempt > 0:
            changed = await notices.record_results(conn, [row])
            account.take(step)
            assert changed == ({notice} if account.changes[-1] else set())


TEMPLATE = "0" * 64


@on_real_tables
@given(steps=steps)
async def test_a_late_result_changes_nothing(house: House, steps: list[Step]) -> None:
    notice = await fresh(house)
    account = Account()
    for step in steps:
        await take(house, notice, account, step)
        row = await house.look(notice)
        assert (row["state"], row["attempt"]) == (account.state, account.attempt)
        assert (row["uncertain_since"] is not None) == (account.state is State.UNCERTAIN)
        assert row["queued"] is None or account.state is State.PENDING
    if account.state is State.SENT:
        assert (await house.look(notice))["delivery"] == "accepted"


async def fresh(house: House) -> UUID:
    """A new notice for the one person of this house."""
    if not people:
        await house.execute(
            "insert into template_versions values ($1, '', '', '', '', $2)", TEMPLATE, house.now
        )
        people.append(Person())
        await house.people(people[0])
    return await house.notice(people[0])


people: list[Person] = []


@pytest.fixture(autouse=True)
def _nobody_yet() -> None:
    people.clear()


# ---------------------------------------------------------------------------------------- merge

words = st.sampled_from(
    [Delivery.ACCEPTED, Delivery.DEFERRED, Delivery.SENT, Delivery.UNDELIVERED, Delivery.DELIVERED]
)
batches = st.lists(
    st.lists(st.tuples(st.integers(0, 2), words), min_size=1, max_size=4), min_size=1, max_size=5
)


def expected(told: list[tuple[int, Delivery]], parts: int) -> Delivery:
    """Each part's best word; delivered when all are, partial when some are, else the best."""
    best = [max([w for n, w in told if n == part], key=RANK.__getitem__) for part in range(parts)]
    arrived = [word for word in best if word is Delivery.DELIVERED]
    if arrived:
        return Delivery.DELIVERED if len(arrived) == parts else Delivery.PARTIAL
    return max(best, key=RANK.__getitem__)


@on_real_tables
@given(parts=st.integers(1, 3), batches=batches, data=st.data())
async def test_receipts_in_any_order_and_number_come_to_the_same(
    house: House, parts: int, batches: list[list[tuple[int, Delivery]]], data: st.DataObject
) -> None:
    """Told once in one order and again, in part, in another: the notice says the same."""
    batches = [[(part % parts, word) for part, word in batch] for batch in batches]
    told = [each for batch in batches for each in batch]
    again = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told)))))
    accepted = [(part, Delivery.ACCEPTED) for part in range(parts)]
    wanted = expected(told + accepted, parts)
    for order in (batches, [[each] for each in again]):
        notice = await fresh(house)
        await house.execute("update notices set state = 'sent', attempt = 1 where id = $1", notice)
        for batch in ([(part, Delivery.ACCEPTED) for part in range(parts)], *order):
            await tell(house, notice, batch)
        assert (await house.look(notice))["delivery"] == wanted
        rows = await house.fetch("select part, delivery from carriage where notice_id = $1", notice)
        assert {row["part"]: row["delivery"] for row in rows} == {
            part: max([word for n, word in told + accepted if n == part], key=RANK.__getitem__)
            for part in range(parts)
        }


async def tell(house: House, notice: UUID, batch: list[tuple[int, Delivery]]) -> None:
    facts = [
        receipts.Matched(
            "twilio",
            DeliveryFact(f"{notice}:{part}", None, word, None, part=part),
            notice,
            1,
            b"",
        )
        for part, word in batch
    ]
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await receipts.apply_facts(conn, house.parts, facts)
