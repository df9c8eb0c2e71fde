"""Storms: everything breaks again and again, and nothing is lost or sent twice.

    make chaos ARGS="-k storm"                                  all of them, a line each
    CHAOS_SEED=7 CHAOS_NOTICES=5000 make chaos ARGS="-k storm"  one alone
    CHAOS_SMS=cmpp make chaos ARGS="-k storm"                   all by it, else every second one

A storm's files stay in pytest's temporary folder when it fails.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from auditor import audit
from storm import Place, stage, storm

NOTICES = int(os.environ.get("CHAOS_NOTICES", "5000"))
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEED", "").split()] or list(range(1, 21))
STORMS = [(seed, NOTICES) for seed in SEEDS]
if "CHAOS_SEED" not in os.environ:
    STORMS.append((21, 20_000))

pytestmark = [pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    async with stage(max(count for _, count in STORMS)) as opened:
        yield opened


@pytest.mark.parametrize(("seed", "count"), STORMS)
async def test_a_storm(place: Place, seed: int, count: int, tmp_path: Path) -> None:
    sms = os.environ.get("CHAOS_SMS") or ("cmpp" if seed % 2 else "twilio")
    seconds = await storm(place, seed, count, tmp_path, sms)
    finding = audit(tmp_path)
    print(f"\nseed {seed}, {sms}, {count} notices, {seconds:.0f} s; {finding}")  # noqa: T201
    assert finding.good, finding.complaints
    assert finding.states["sent"] > count / 2, "too little came through to mean anything"
