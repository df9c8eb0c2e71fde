"""A kept policy is read back as it judged, whatever a creditor had made stricter of it."""

from datetime import time

import pytest

from outreach.compliance.pack import digest
from outreach.compliance.stricter import kept, tighten
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError

MAINLAND = Jurisdiction.MAINLAND
ASKED = {
    "T-02": {"opens": "09:15", "closes": time(19)},
    "F-03.sms-week": {"limit": 2},
    "P-08": {"allowed": ["contract"]},
}


@pytest.mark.parametrize("place", Jurisdiction)
def test_a_pack_is_what_it_was(packs, place):
    assert kept(packs[place].source, packs[place].version) == packs[place]


def test_so_is_one_that_a_creditor_made_stricter(packs):
    tightened = tighten(packs[MAINLAND], ASKED, "here")
    found = kept(tightened.source, tightened.version)
    assert found == tightened
    assert found != packs[MAINLAND]
    opens = next(rule.params.opens for rule in found.rules if rule.key == "T-02")
    assert opens == time(9, 15)


def test_a_source_that_no_longer_says_the_same_is_refused(packs):
    """As if a version of ours had spelled the creditor's values otherwise."""
    source = tighten(packs[MAINLAND], ASKED, "here").source.replace('"limit":2', '"limit": 2')
    with pytest.raises(ConfigurationError, match=f"{digest(source)[:12]} cannot be judged by"):
        kept(source, digest(source))


def test_one_that_was_changed_where_it_is_kept_is_refused(packs):
    pack = packs[MAINLAND]
    with pytest.raises(ConfigurationError, match="its source was changed"):
        kept(pack.source + "# more", pack.version)


def test_a_source_that_is_no_policy_says_which(packs):
    source = packs[MAINLAND].source.replace('check = "zone"', 'check = "zones"')
    with pytest.raises(ConfigurationError, match=rf"policy {digest(source)[:12]}, line \d+, key"):
        kept(source, digest(source))
