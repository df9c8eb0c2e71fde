"""What a chunk's outcomes tell of its carrier: a pure reading, for the next turn in ``pace``."""

from collections.abc import Sequence

from outreach.channels.base import Outcome, OutcomeUnknown, PermanentFailure, TemporaryFailure
from outreach.domain.states import FailureClass
from outreach.pace import Told

NOT_WRITTEN = "not_written"
"""The code of a notice of ours that was never put on the wire."""


def told_of(outcomes: Sequence[Outcome], not_written: int = 0) -> Told:
    """``not_written``: how much of the grant never became an outcome.

    Outcomes of code ``NOT_WRITTEN`` say nothing of the carrier either. Any answer about a message,
    a refusal of it too, shows that the carrier lives.
    """
    kinds = [_kind(outcome) for outcome in outcomes]
    asked = [
        outcome.retry_after.total_seconds()
        for outcome, kind in zip(outcomes, kinds, strict=True)
        if isinstance(outcome, TemporaryFailure) and kind == "throttled" and outcome.retry_after
    ]
    return Told(
        ok=kinds.count("ok"),
        failed=kinds.count("failed"),
        throttled=kinds.count("throttled"),
        unused=kinds.count("unused") + not_written,
        retry_after=max(asked, default=None),
        refused_account="refused" in kinds,
    )


def _kind(outcome: Outcome) -> str:
    match outcome:
        case TemporaryFailure(code=code) if code == NOT_WRITTEN:
            return "unused"
        case TemporaryFailure(throttled=True):
            return "throttled"
        case TemporaryFailure() | OutcomeUnknown():
            return "failed"
        case PermanentFailure(kind=FailureClass.ACCOUNT):
            return "refused"
    return "ok"
