"""Our contact events beside the evidence events of ETSI EN 319 522-2 (V1.2.1), by name.

The names make our records readable for those who know that standard. We are no qualified electronic
registered delivery service and claim nothing of one.
"""

from collections.abc import Mapping

from outreach.domain.events import EventKind
from outreach.proof.timeline import Line

URI = "http://uri.etsi.org/19522/Event/"

_EVENTS: Mapping[EventKind, str] = {
    EventKind.SENDING: "SubmissionAcceptance",
    EventKind.BLOCKED: "SubmissionRejection",
    EventKind.CANCELLED: "SubmissionRejection",
    EventKind.EXPIRED: "SubmissionRejection",
    EventKind.SENT: "RelayAcceptance",
    EventKind.FAILED: "RelayRejection",
    EventKind.DEFERRED: "RelayFailure",
    EventKind.UNCERTAIN: "RelayFailure",
    EventKind.POSTED: "RelayToNonERDS",
    EventKind.DELIVERED: "ContentConsignment",
    EventKind.UNDELIVERED: "ContentConsignmentFailure",
    EventKind.READ: "ContentAccessTracking",
    EventKind.SIGNED_FOR: "ContentHandover",
}

_RETURNS: Mapping[str, str] = {
    "refused": "ConsignmentRejection",
    "unclaimed": "AcceptanceRejectionExpiry",
}


def erds_event(line: Line) -> str | None:
    """The standard's name of an event of this kind, or None where it has none."""
    if line.kind is EventKind.RETURNED:
        return _RETURNS.get(str(line.data.get("reason")), "ContentHandoverFailure")
    if line.kind is EventKind.SIGNED_FOR and line.data.get("signer") == "locker":
        return "ConsignmentNotification"
    return _EVENTS.get(line.kind)
