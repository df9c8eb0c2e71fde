"""Where words are said: what the gate on words must know besides the words."""

from dataclasses import dataclass

from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose


@dataclass(frozen=True, slots=True)
class Setting:
    """Who writes to whom, why and by which channel; the same for all notices of a kind.

    ``phones`` begins with the hotline a person answers; ``payees`` are the creditor's registered
    accounts as they are printed, ``links`` its registered hosts; ``mandate`` is the number of the
    law firm's mandate, ``""`` where no firm was mandated.
    """

    channel: Channel
    purpose: Purpose
    place: Jurisdiction
    signature: str = ""  # 短信签名, without 【】
    creditor: str = ""  # full name
    agency: str = ""  # full name, where one writes for the creditor
    phones: tuple[str, ...] = ()
    payees: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    mandate: str = ""
