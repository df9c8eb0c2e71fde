"""The same names in English, as far as a verdict speaks of them; ``names`` has the Chinese."""

from collections.abc import Mapping

from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Register
from outreach.domain.states import State


def _plain(*words: str, **other: str) -> dict[str, str]:
    """Codes that are English already, but for their underscores, and those said otherwise."""
    return {word: other.get(word, word.replace("_", " ")) for word in words}


CHANNELS: Mapping[str, str] = _plain(*Channel, sms="SMS")
PURPOSES: Mapping[str, str] = _plain(*Purpose)
STATES: Mapping[str, str] = _plain(*State)
ROLES: Mapping[str, str] = _plain(
    *Role, primary="borrower", joint="joint borrower", supplementary="supplementary cardholder"
)
ORIGINS: Mapping[str, str] = _plain(
    *Origin,
    contract="given in the contract",
    debtor="given by the debtor",
    court="confirmed by a court",
    unknown="of unknown origin",
)
USAGES: Mapping[str, str] = _plain(*Usage, service="agreed for service")
PLACES: Mapping[str, str] = {
    Jurisdiction.MAINLAND: "mainland China",
    Jurisdiction.HONG_KONG: "Hong Kong",
    Jurisdiction.TAIWAN: "Taiwan",
}
REGISTERS: Mapping[str, str] = _plain(
    *Register,
    signature="SMS signature",
    template="filed template",
    payee="payee account",
    mandate="law firm's mandate",
    link="filed link or phone",
)
AGENCIES: Mapping[str, str] = _plain(
    *AgencyKind, agency="collection agency", claims_manager="manager of receivables"
)
STANDINGS: Mapping[str, str] = _plain(
    *Standing,
    dispute="in dispute",
    complaint="a complaint is open",
    plan="an instalment plan is kept",
    promise="payment is promised",
    payment_pending="a payment is said to be on its way",
    hardship="in hardship",
    unread="a reply waits to be read",
    incapacity="without legal capacity",
    minor="a minor",
    arrangement="individual voluntary arrangement",
    preservation="under a preservation order",
    negotiation="in pre-court negotiation",
    lawsuit="in court",
    represented="represented by a lawyer",
    assigned="the claim was assigned away",
    acquired="the claim was acquired and its notice is due",
    agency_refused="refuses to deal with an agency",
    agreed_hours="hours of contact are agreed",
    vip="VIP",
    staff="own staff",
    human_only="for people only",
)
