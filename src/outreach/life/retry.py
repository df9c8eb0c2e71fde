"""When to try again after a temporary failure: a pure decision, the doing is the caller's."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.channels.base import TemporaryFailure

FIRST = timedelta(seconds=30)
LONGEST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """``at`` is when to try again; None: give up, for ``why``."""

    at: datetime | None
    why: str


def decide_retry(
    failure: TemporaryFailure,
    attempt: int,
    max_attempts: int,
    now: datetime,
    expires_at: datetime,
    jitter: float,
) -> RetryDecision:
    """``attempt`` counts from 1; ``jitter`` is in [0, 1).

    Throttling and a closed window say nothing about the notice, so they do not use up attempts.
    """
    if attempt >= max_attempts and not failure.throttled:
        return RetryDecision(None, "attempts")
    wait = failure.retry_after
    if wait is None:
        wait = min(LONGEST, FIRST * 4 ** min(attempt - 1, 6)) if not failure.throttled else FIRST
    at = now + wait * (1 + jitter / 4)
    if at >= expires_at:
        return RetryDecision(None, "expires")
    return RetryDecision(at, "throttled" if failure.throttled else "temporary")
