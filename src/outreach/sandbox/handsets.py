"""The telephones behind the sandbox gateway: what arrives, what is reported, what is answered.

A gateway is told no token. What it knows a message by is the number it comes from, which ends with
the notice's own last digits, and whom it goes to: its fate hangs on both, and its book says them.
"""

from collections import Counter

from outreach.channels.cmpp_pdu import Submit
from outreach.sandbox.book import Book
from outreach.sandbox.cmpp import OK, THROTTLED, CmppSandbox, Manner, Session
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.script import ARRIVES, Fate, Plan, plan

ENDS = {Fate.UNREACHABLE: "UNDELIV", Fate.DEAD: "MK:0001"}
"""Last status words of what does not arrive."""


class Handsets:
    """``manner`` is theirs, for the gateway they are behind."""

    def __init__(self, config: SandboxConfig, book: Book, courier: Courier) -> None:
        self.manner = Manner(result=self._result, stat=self._stat, carry=self._carry)
        self._config = config
        self._book = book
        self._courier = courier
        self._throttled: set[str] = set()
        self._arrived: Counter[str] = Counter()

    def _plan(self, submit: Submit) -> Plan:
        config = self._config
        return plan(config.seed, _known_by(submit), config.sms, config.replies, config.repeats)

    def _result(self, submit: Submit) -> int:
        """Each message that is to be throttled is, the first time its first part comes."""
        known = _known_by(submit)
        again = known in self._throttled or self._plan(submit).fate is not Fate.THROTTLED
        if not again and submit.part == submit.parts:
            self._throttled.add(known)
        return OK if again else THROTTLED

    def _stat(self, submit: Submit) -> str:
        return ENDS.get(self._plan(submit).fate, "DELIVRD")

    def _carry(
        self, gateway: CmppSandbox, message_id: int, submit: Submit, session: Session
    ) -> None:
        """Report on one part; the telephone answers once the last has come."""
        fate = self._plan(submit)
        self._book.write(
            token=f"{submit.source}/{submit.part}",
            message_id=f"{message_id:016x}",
            to=submit.recipients[0],
            body=submit.content,
            outcome=fate.fate,
            accepted=True,
        )
        self._courier.later(self._later(gateway, message_id, submit, session, fate))

    async def _later(
        self, gateway: CmppSandbox, message_id: int, submit: Submit, session: Session, fate: Plan
    ) -> None:
        await self._courier.pause(fate.paces[0])
        for _ in range(2 if fate.repeats else 1):
            gateway.report(message_id, submit, session)
        known = _known_by(submit)
        self._arrived[known] += 1
        if fate.fate in ARRIVES and fate.reply and self._arrived[known] == submit.parts:
            await self._courier.pause(fate.paces[2])
            gateway.say(submit.recipients[0], submit.source, fate.reply)


def _known_by(submit: Submit) -> str:
    return f"{submit.source}>{submit.recipients[0]}"
