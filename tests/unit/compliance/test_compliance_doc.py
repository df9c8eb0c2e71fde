"""``docs/compliance.md`` says what the packs say."""

import pytest
from compliance_doc import PAGE, page

from outreach.domain.debtor import Jurisdiction


def test_the_page_is_what_the_packs_make_it():
    """If it is not: ``make docs``."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("place", Jurisdiction)
def test_every_rule_has_its_row_with_its_source_and_how_far_to_trust_it(packs, place):
    text = page()
    section = text[text.index(f"`config/policies/{place}.toml`") :].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert len(rows) == len(packs[place].rules)
    for row, rule in zip(rows, packs[place].rules, strict=True):
        assert row.startswith(f"| `{rule.key}` | {rule.title}<br>{rule.title_en} | {rule.effect}")
        assert f"{rule.source}<br>**{rule.confidence}** {rule.confidence.label}" in row
        assert all(name in row for name in rule.stricter)
    for rule_id, why in packs[place].not_enforced.items():
        assert f"| {rule_id} | {why} |" in section
