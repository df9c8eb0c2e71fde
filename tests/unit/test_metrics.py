"""What is counted, and that every metric is explained to the operator."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from outreach.metrics import GAUGES, Metrics

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def samples(page: bytes) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_chunks_and_moves_add_up() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.chunk_done(
            "twilio",
            [0.05, 0.3, 2.5],
            [("accepted", ""), ("accepted", ""), ("temporary", "throttled")],
            retried=1,
        )
    metrics.moved([("sms", "sent"), ("sms", "sent"), ("email", "failed")])
    found = samples(metrics.page({"uncertain": [((), 3)], "claims": [((), 0)]}))
    assert found["outreach_outcomes_total", "twilio", "accepted", ""] == 4
    assert found["outreach_outcomes_total", "twilio", "temporary", "throttled"] == 2
    assert found["outreach_retries_total", "twilio"] == 2
    assert found["outreach_moves_total", "sms", "sent"] == 2
    assert found["outreach_moves_total", "email", "failed"] == 1
    assert found["outreach_send_seconds_count", "twilio"] == 6
    assert found["outreach_send_seconds_bucket", "twilio", "0.05"] == 2
    assert found["outreach_send_seconds_bucket", "twilio", "5.0"] == 6
    assert (found["outreach_uncertain",], found["outreach_claims",]) == (3, 0)


def test_a_process_counts_for_itself() -> None:
    Metrics().moved([("sms", "sent")])
    assert ("outreach_moves_total", "sms", "sent") not in samples(Metrics().page({}))


def test_every_metric_is_explained() -> None:
    rows = re.findall(r"^\| `(outreach_\w+)` \|([\w, ]*)\|", PAGE.read_text("utf-8"), re.M)
    told = {name: labels.replace(" ", "") for name, labels in rows}
    counted = {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in text_string_to_metric_families(Metrics().page({}).decode())
    }
    assert told.keys() == counted.keys() | {f"outreach_{name}" for name in GAUGES}
    for name, (_, labels) in GAUGES.items():
        assert told[f"outreach_{name}"] == ",".join(labels)
