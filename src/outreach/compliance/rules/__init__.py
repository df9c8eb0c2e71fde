"""The rules: small pure functions from facts and a pack's parameters to a finding, or nothing.

Each function is a *check*; a pack's rule names the check it uses, gives it parameters and says in
which words, from which source and how strongly it objects. Several rules may use one check.
"""

from collections.abc import Mapping

from outreach.compliance.rule import Check
from outreach.compliance.rules import agency, debt, frequency, standings, time, whom

CHECKS: Mapping[str, Check] = {
    "hours": time.HOURS,
    "zone": time.ZONE,
    "cap": frequency.CAP,
    "role": whom.ROLE,
    "reachable": whom.REACHABLE,
    "opted_out": whom.OPTED_OUT,
    "origin": whom.ORIGIN,
    "verified": whom.VERIFIED,
    "workplace": whom.WORKPLACE,
    "settled": debt.SETTLED,
    "not_settled": debt.NOT_SETTLED,
    "balance_age": debt.BALANCE_AGE,
    "paid_since": debt.PAID_SINCE,
    "grace": debt.GRACE,
    "limitation": debt.LIMITATION,
    "standing": standings.STANDING,
    "one_writer": agency.ONE_WRITER,
    "contract": agency.CONTRACT,
    "licensed": agency.LICENSED,
    "listed": agency.LISTED,
    "told": agency.TOLD,
    "told_before": agency.TOLD_BEFORE,
    "filed": agency.FILED,
    "in_writing": agency.IN_WRITING,
}
"""Every check a pack may name."""

FAMILIES: Mapping[str, frozenset[str]] = {
    "time": frozenset({"hours", "zone"}),
    "frequency": frozenset({"cap"}),
    "whom": frozenset({"role", "reachable", "opted_out", "origin", "verified", "workplace"}),
    "debt": frozenset(
        {"settled", "not_settled", "balance_age", "paid_since", "grace", "limitation"}
    ),
    "standings": frozenset({"standing"}),
    "agency": frozenset(
        {
            "one_writer",
            "contract",
            "licensed",
            "listed",
            "told",
            "told_before",
            "in_writing",
            "filed",
        }
    ),
}
"""The checks by what they are about: each in the file of its family."""
