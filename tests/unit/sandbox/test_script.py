from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from outreach.sandbox.script import ARRIVES, REPLIES, Fate, draw, plan

FATES = {Fate.DEAD: 0.1, Fate.UNREACHABLE: 0.2}
ANSWERS = dict.fromkeys(REPLIES, 0.05)


@given(st.text(), st.text())
def test_the_same_seed_and_token_have_the_same_fate(seed: str, token: str) -> None:
    assert plan(seed, token, FATES, ANSWERS, 0.5) == plan(seed, token, FATES, ANSWERS, 0.5)


@given(st.text(), st.text(), st.text())
def test_draws_and_paces_lie_between_nothing_and_one(seed: str, token: str, label: str) -> None:
    assert 0 <= draw(seed, token, label) < 1
    assert all(0 <= pace < 1 for pace in plan(seed, token, FATES, ANSWERS).paces)


@given(st.text(), st.text())
def test_only_who_is_reached_replies(seed: str, token: str) -> None:
    one = plan(seed, token, {Fate.DEAD: 0.5}, {"已还款": 1.0})
    assert (one.reply is not None) == (one.fate in ARRIVES)


def test_shares_are_kept() -> None:
    plans = [plan("seed", str(number), FATES, ANSWERS, 0.1) for number in range(4000)]
    fates = Counter(one.fate for one in plans)
    assert 300 < fates[Fate.DEAD] < 500
    assert 700 < fates[Fate.UNREACHABLE] < 900
    assert fates[Fate.DELIVERED] == 4000 - fates[Fate.DEAD] - fates[Fate.UNREACHABLE]
    assert {one.reply for one in plans} == {None, *REPLIES}
    assert 300 < sum(one.repeats for one in plans) < 500


def test_nothing_but_shares_of_one_leaves_no_rest() -> None:
    assert all(plan("s", str(n), {Fate.DEAD: 1.0}, {}).fate is Fate.DEAD for n in range(50))
