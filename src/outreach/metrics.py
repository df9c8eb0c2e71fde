"""What a process counts for Prometheus, in a registry of its own; docs/operations.md lists all.

Counted once a chunk or batch, never once a notice: the loop's time is measured in microseconds.
Labels are configured names and our own few words; nothing a carrier or a debtor wrote.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)

GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "database_up": ("Whether PostgreSQL answered; while it does not, its gauges are away.", ()),
    "due": ("Notices that are due; of great numbers an estimate.", ("lane", "route")),
    "due_age_seconds": ("How long the oldest due notice has waited.", ("lane",)),
    "letters_waiting": ("Letters in batches not handed over yet.", ("carrier",)),
    "uncertain": ("Notices nobody can yet say were sent or not.", ()),
    "uncertain_age_seconds": ("How long the oldest uncertain notice has been so.", ()),
    "tasks": ("What waits for a person.", ("kind",)),
    "claims": ("Chunks in flight.", ()),
    "claims_expired": ("Chunks in flight whose lease ran out.", ()),
    "receipts_lag_seconds": ("Age of the oldest callback not applied yet.", ()),
    "seal_lag_seconds": ("Age of the oldest event not sealed yet.", ()),
    "checkpoint_lag_seconds": ("Age of the last checkpoint, if the log grew since.", ()),
    "checkpoint_copies_lag_seconds": ("Age of the oldest checkpoint not brought yet.", ()),
    "loop_silent_seconds": ("Since a loop's last round; for feed, the feed's lag.", ("loop",)),
    "loop_rounds": ("Rounds of a loop since the start.", ("loop",)),
    "loop_falls": ("Falls of a loop since the start.", ("loop",)),
    "breaker_state": ("A carrier's breaker: 0 closed, 1 half open, 2 open.", ("carrier",)),
    "carrier_pause_seconds": ("How long a carrier asked us to wait.", ("carrier",)),
}
"""What is measured at a scrape: what it says, and its labels."""

Measured = Mapping[str, Iterable[tuple[Sequence[str], float]]]
"""By gauge, each series' label values and its measure."""


class Metrics:
    """The counters of one process; what is measured at each scrape is handed to ``page``."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._moves = Counter(
            "outreach_moves",
            "Notices that moved to a state.",
            ("channel", "to"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "outreach_send_seconds",
            "From the first write of a message to its carrier's answer.",
            ("carrier",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._outcomes = Counter(
            "outreach_outcomes",
            "What carriers made of messages: accepted, temporary, permanent, unknown; and why.",
            ("carrier", "outcome", "why"),
            registry=self._registry,
        )
        self._retries = Counter(
            "outreach_retries",
            "Messages that wait to be tried again.",
            ("carrier",),
            registry=self._registry,
        )

    def chunk_done(
        self,
        carrier: str,
        seconds: Iterable[float],
        outcomes: Iterable[tuple[str, str]],
        retried: int = 0,
    ) -> None:
        """A chunk's answers: how long each took, ``(outcome, why)`` of each, how many go again."""
        observe = self._seconds.labels(carrier).observe
        for each in seconds:
            observe(each)
        for (outcome, why), count in Tally(outcomes).items():
            self._outcomes.labels(carrier, outcome, why).inc(count)
        if retried:
            self._retries.labels(carrier).inc(retried)

    def moved(self, moves: Iterable[tuple[str, str]] | Mapping[tuple[str, str], int]) -> None:
        """Notices that moved: ``(channel, to state)`` of each, or how many of each."""
        for labels, count in Tally(moves).items():
            self._moves.labels(*labels).inc(count)

    def page(self, measured: Measured) -> bytes:
        """The text Prometheus reads: what was counted, and what was measured just now."""
        gauges = []
        for name, values in measured.items():
            says, labels = GAUGES[name]
            family = GaugeMetricFamily(f"outreach_{name}", says, labels=labels)
            for label_values, value in values:
                family.add_metric(label_values, value)
            gauges.append(family)
        return generate_latest(_Page([*self._registry.collect(), *gauges]))


class _Page(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
