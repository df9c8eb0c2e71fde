"""Audiences on a real PostgreSQL: a filter chooses in SQL whom it means by its own words."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from drawn import FILTERS
from meaning import holds
from outreach.db import audience
from outreach.db.filters import where
from outreach.domain.account import DEFAULT_STAGES, days_past_due
from outreach.domain.audience import Filter, fields_of
from outreach.domain.contact import KIND_FOR, Channel, ContactKind
from outreach.domain.debtor import Jurisdiction, Locale, Role
from outreach.domain.filter_text import parse
from outreach.domain.money import Currency
from outreach.domain.response import ResponseKind
from outreach.ids import new_id

NOW = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)  # the next day already in Shanghai
ZONES = ("Asia/Shanghai", "UTC", "America/New_York")
PEOPLE = 60


@dataclass
class Somebody:
    """One invented person with an account, and what the grammar may ask of them."""

    random: Random
    number: int
    id: UUID = field(default_factory=new_id)
    account: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        chance = self.random
        self.zone = chance.choice(ZONES)
        self.today = NOW.astimezone(ZoneInfo(self.zone)).date()
        self.currency = chance.choice(list(Currency))
        self.product = chance.choice(["信用卡", "消费贷", "0"])
        self.role = chance.choice(list(Role))
        self.jurisdiction, self.locale = (
            chance.choice(list(Jurisdiction)),
            chance.choice(list(Locale)),
        )
        self.oldest = chance.choice([None, self._day(-200, 3)])
        self.due, self.statement = self._day(-40, 10), chance.choice([None, self._day(-60, 0)])
        self.sums = [chance.randrange(0, 99_999) for _ in range(3)]
        self.points = [
            (channel, chance.choice(["CN", "HK"]), chance.random() < 0.7)
            for channel in Channel
            if chance.random() < 0.6
        ]
        self.tags = {tag for tag in ("慎重", "vip", "0") if chance.random() < 0.3}
        self.contacts = [self._moment() for _ in range(chance.randrange(3))]
        self.responses = [
            (self._moment(), chance.choice(list(ResponseKind))) for _ in range(chance.randrange(3))
        ]

    def _day(self, low: int, high: int) -> date:
        return self.today + timedelta(days=self.random.randint(low, high))

    def _moment(self) -> datetime:
        return NOW - timedelta(minutes=self.random.randrange(1, 60 * 24 * 20))

    def _local(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()

    @property
    def open(self) -> bool:
        return self.sums[2] > 0

    @property
    def facts(self) -> dict[str, object]:
        unit = 10**self.currency.decimals
        overdue, minimum, balance = (Decimal(each) / unit for each in self.sums)
        usable = [(channel, region) for channel, region, alive in self.points if alive]
        dpd = days_past_due(self.oldest, self.today)
        last = max(self.responses, default=None)
        return {
            "creditor": "yunshan",
            "agency": None,
            "product": self.product,
            "currency": self.currency,
            "jurisdiction": self.jurisdiction,
            "locale": self.locale,
            "role": self.role,
            "region": frozenset(region for _, region in usable),
            "reachable": frozenset(channel for channel, _ in usable),
            "tag": frozenset(self.tags),
            "bucket": DEFAULT_STAGES.bucket(dpd),
            "dpd": dpd,
            "overdue": overdue,
            "minimum_payment": minimum,
            "balance": balance,
            "due_date": self.due,
            "statement_date": self.statement,
            "last_contact": self._local(max(self.contacts)) if self.contacts else None,
            "last_response": self._local(last[0]) if last else None,
            "response": last[1] if last else None,
        }

    async def insert(self, conn: asyncpg.Connection) -> None:
        key = self.number.to_bytes(2)
        await conn.execute(
            "insert into debtors values ($1, 'yunshan', $2, '', '', '', $3, $4, $5, $6)",
            *(self.id, key, self.locale, self.zone, self.jurisdiction, NOW),
        )
        await conn.execute(
            """insert into accounts (id, creditor_id, debtor_id, number_hash, number_tail, sealed,
                product, currency, statement_date, due_date, oldest_unpaid_due_date, overdue,
                minimum_payment, balance, principal, interest, penalty, fees, balance_as_of,
                updated_at)
            values ($1, 'yunshan', $2, $3, '0000', '', $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0,
                $12, $12)""",
            *(self.account, self.id, key, self.product, self.currency, self.statement, self.due),
            *(self.oldest, *self.sums, NOW),
        )
        await conn.execute(
            "insert into parties values ($1, $2, $3)", self.account, self.id, self.role
        )
        for channel, region, alive in self.points:
            value = key + channel.encode()
            await conn.execute("insert into contact_values values ($1)", value)
            await conn.execute(
                """insert into contact_points (id, debtor_id, creditor_id, kind, value_hash, region,
                    sealed, origin, verified, dead_at, created_at)
                values ($1, $2, 'yunshan', $3, $4, $5, '', 'contract', true, $6, $7)""",
                *(new_id(), self.id, KIND_FOR[channel], value, region, None if alive else NOW, NOW),
            )
        for tag in self.tags:
            await conn.execute(
                "insert into tags values ($1, $2, 'user:test', $3)", self.id, tag, NOW
            )
        for at in self.contacts:
            await conn.execute(
                """insert into contact_events (id, at, kind, stream, creditor_id, actor, debtor_id,
                    data) values ($1, $2, 'sending', 'x', 'yunshan', 'job', $3, '{}')""",
                *(new_id(), at, self.id),
            )
        for at, kind in self.responses:
            await conn.execute(
                """insert into responses (id, creditor_id, debtor_id, channel, kind, sure, at)
                    values ($1, 'yunshan', $2, 'sms', $3, true, $4)""",
                *(new_id(), self.id, kind, at),
            )


Ask = Callable[[Filter], set[UUID]]
Outreach = Callable[..., str]


@pytest.fixture
def people() -> list[Somebody]:
    chance = Random(20261124)
    return [Somebody(chance, number) for number in range(PEOPLE)]


@pytest.fixture
def chosen(database_url: str, people: list[Somebody]) -> Iterator[Ask]:
    """Whom a filter chooses in the database."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(database_url))

        async def fill() -> None:
            await conn.execute(
                "insert into creditors values ('yunshan', '云杉银行', 'cn-mainland')"
            )
            for person in people:
                await person.insert(conn)

        async def ask(asked: Filter) -> set[UUID]:
            found = where(asked, NOW, DEFAULT_STAGES)
            rows = await conn.fetch(
                f"""select d.id, {found.stage} from parties y
                    join accounts a on a.id = y.account_id
                    join debtors d on d.id = y.debtor_id where {found.sql}""",
                *found.args,
            )
            return {row["id"] for row in rows}

        runner.run(fill())
        yield lambda asked: runner.run(ask(asked))
        runner.run(conn.close())


def meant(asked: Filter, people: list[Somebody]) -> set[UUID]:
    roles = {Role.PRIMARY, Role.JOINT} | ({Role.GUARANTOR} if "role" in fields_of(asked) else set())
    return {
        person.id
        for person in people
        if person.open and person.role in roles and holds(asked, person.facts, person.today)
    }


@pytest.mark.parametrize(
    "asked",
    [
        "dpd > 30",
        "bucket in (M1, M2) and overdue >= 500",
        "last_contact < today - 7d or last_contact is unknown",
        "not response = promised",
        "tag = 慎重 and reachable in (sms, email)",
        "role = guarantor",
        "due_date between today - 20d and today",
        "region != CN",
    ],
)
def test_sql_chooses_whom_the_words_mean(chosen: Ask, people: list[Somebody], asked: str) -> None:
    found = chosen(parse(asked))
    assert found == meant(parse(asked), people)
    assert 0 < len(found) < PEOPLE


def test_what_somebody_guarantees_is_apart_from_what_they_owe(database_url: str) -> None:
    """It has words of its own: one notice cannot say both."""
    chance = Random(1)
    one, other = Somebody(chance, 1), Somebody(chance, 2)
    for person in (one, other):
        person.role, person.currency, person.sums = Role.PRIMARY, Currency.CNY, [1, 1, 100]
        person.points = [(Channel.SMS, "CN", True)]

    async def ask() -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
        conn = await asyncpg.connect(database_url)
        await conn.execute("insert into creditors values ('yunshan', '云杉', 'cn-mainland')")
        for person in (one, other):
            await person.insert(conn)
        await conn.execute(
            "insert into parties values ($1, $2, 'guarantor')", other.account, one.id
        )
        asked = where(parse("role in (primary, guarantor)"), NOW, DEFAULT_STAGES)
        counts = await audience.count(conn, asked)
        drawn = await audience.sample(conn, asked, [ContactKind.PHONE], 10, 10)
        await conn.close()
        return counts, drawn

    counts, drawn = asyncio.run(ask())
    assert sum(row["notices"] for row in counts) == 3
    assert sorted(row["account_ids"] for row in drawn if row["debtor_id"] == one.id) == sorted(
        [[one.account], [other.account]]
    )


def test_whatever_is_asked(chosen: Ask, people: list[Somebody]) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(FILTERS)
    def same(asked: Filter) -> None:
        assert chosen(asked) == meant(asked, people)

    same()


# ------------------------------------------------------------------------------------- the command


@pytest.mark.usefixtures("portfolio")
def test_a_segment_is_kept_in_one_spelling_and_counted(outreach: Outreach) -> None:
    said = outreach("segment", "save", "late", "阶段属于（M2，M3）且逾期金额≥200")
    assert said == "saved: late: bucket in (M2, M3) and overdue >= 200\n"
    again = outreach("segment", "save", "late", "bucket in (m2,m3) and overdue>=200")
    assert again.startswith("unchanged: late")
    assert "bucket in (M2, M3) and overdue >= 200" in outreach("segment", "list")
    found = json.loads(outreach("segment", "count", "late", "--json"))
    assert [
        (row["bucket"], row["notices"], row["overdue"], row["reachable"]) for row in found["counts"]
    ] == [("M2", 1, "300.00", []), ("M2", 1, "200.50", ["sms"])]
    shown = outreach("segment", "count", "--filter", "dpd > 0")
    assert "qinglan-bank CNY" in shown
    total = next(line for line in shown.splitlines() if "合计" in line)
    assert [cell.strip() for cell in total.strip("│").split("│")] == [
        *("合计", "3", "3", "600.50", "3,000.00", "2", "1", "0", "1")
    ]
    assert "nobody" in outreach("segment", "count", "--filter", "dpd > 999")
    outreach("segment", "remove", "late")
    assert "late" not in outreach("segment", "list")
    assert "最近触达" in outreach("segment", "fields")


@pytest.mark.usefixtures("portfolio")
def test_a_tag_is_given_and_taken_in_the_debtors_history(outreach: Outreach) -> None:
    account = "9999000000000002"
    outreach("debtor", "tag", account, "慎重")
    found = json.loads(outreach("segment", "count", "--filter", "标签=慎重", "--json"))
    assert [row["notices"] for row in found["counts"]] == [1]
    assert "加标签" in outreach("debtor", "show", account)
    outreach("debtor", "tag", account, "慎重", "--remove")
    found = json.loads(outreach("segment", "count", "--filter", "标签=慎重", "--json"))
    assert found["counts"] == []
    assert "去标签" in outreach("debtor", "show", account)


@pytest.mark.usefixtures("portfolio")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("segment", "save", "x", "dpd >> 3"), "character 6"),
        (("segment", "save", " ", "dpd > 3"), "1 to 60 characters"),
        (("segment", "count"), "say whom is meant"),
        (("segment", "count", "none"), "no segment 'none'"),
        (("segment", "remove", "none"), "no segment 'none'"),
        (("debtor", "tag", "9999000000000001", "x" * 31), "1 to 30 characters"),
        (("debtor", "tag", "9999000000000001", "x", "--remove"), "does not carry"),
        (("debtor", "tag", "0000", "x"), "no debtor"),
    ],
)
def test_what_cannot_be_is_refused(
    refused: Outreach, arguments: tuple[str, ...], says: str
) -> None:
    assert says in refused(*arguments)
