"""Every rule of every pack by its cases, and the cases by packs that are wrong."""

import pytest
from gate_cases import facts
from mutants import FEW, survivors
from rule_cases import cases, complaints, objecting

from outreach.compliance.finding import Effect
from outreach.domain.debtor import Jurisdiction

TABLE = cases()
STRENGTH = (Effect.FLAG, Effect.HOLD, Effect.BLOCK)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.place}-{case.key}")
def test_a_rule_objects_to_what_it_should_and_to_nothing_else(packs, case):
    assert list(complaints(case, packs[case.place])) == []


@pytest.mark.parametrize("place", Jurisdiction)
def test_every_rule_has_a_case(packs, place):
    """By effect, too: the pack's is not what the case was read from."""
    pack = packs[place]
    table = {case.key: case.effect for case in TABLE if case.place is place}
    assert table == {rule.key: rule.effect for rule in pack.rules}
    assert len(table) == sum(case.place is place for case in TABLE)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.place}-{case.key}")
def test_every_rule_decides_something_that_no_other_does(packs, case):
    """Somewhere it objects alone, or beside weaker ones only."""
    found = [objecting(each, packs[case.place]) for each in case.stopped]
    others = [
        {finding.effect for key, finding in each.items() if key != case.key} for each in found
    ]
    own = STRENGTH.index(case.effect)
    assert any(all(STRENGTH.index(effect) < own for effect in each) for each in others)


@pytest.mark.parametrize("place", Jurisdiction)
def test_nothing_objects_to_the_ordinary_facts(packs, place):
    assert objecting(facts(place), packs[place]) == {}


def test_no_mutant_survives(packs):
    """``make mutants`` asks the same of more of them."""
    found, made = survivors(packs, FEW)
    assert found == []
    assert set(made) == FEW
