"""Daily quotas: exact, however many take at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from outreach.db import quotas
from outreach.db.pool import Pool, open_pool

DAY = date(2026, 11, 2)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, 8)
    yield opened
    await opened.close()


async def test_many_takers_get_the_quota_and_not_one_more(pool: Pool) -> None:
    async def take(want: int) -> int:
        async with pool.acquire() as conn:
            return await quotas.take(conn, "twilio", DAY, want, 500)

    wants = list(range(1, 41))
    got = await asyncio.gather(*map(take, wants))
    assert sum(wants) > 500
    assert sum(got) == 500
    assert all(0 <= each <= want for each, want in zip(got, wants, strict=True))
    assert await take(1) == 0


async def test_what_is_given_back_can_be_taken_again(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await quotas.take(conn, "twilio", DAY, 32, 40) == 32
        await quotas.give_back(conn, "twilio", DAY, 12)
        assert await quotas.take(conn, "twilio", DAY, 32, 40) == 20
        assert await quotas.take(conn, "twilio", DAY, 32, 10) == 0, "a quota lowered in the day"
        await quotas.give_back(conn, "twilio", DAY, 999)
        await quotas.give_back(conn, "nobody", DAY, 1)
        assert await quotas.taken(conn, {"twilio": DAY, "nobody": DAY}) == {
            "twilio": 0,
            "nobody": 0,
        }


async def test_each_carrier_and_day_has_its_own(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await quotas.take(conn, "twilio", DAY, 9, 5) == 5
        assert await quotas.take(conn, "smtp", DAY, 3, 5) == 3
        assert await quotas.take(conn, "twilio", DAY + timedelta(days=1), 4, 5) == 4
        assert await quotas.taken(conn, {"twilio": DAY, "smtp": DAY}) == {"twilio": 5, "smtp": 3}
