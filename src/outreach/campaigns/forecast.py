"""The forecast of a campaign, before anything exists: exact counts, and a sample for the rest.

Whom it would write to and by which channel is counted in SQL. What the gate would say, and how long
the texts come out, is asked of a random sample through the same steps that send: its figures come
with the sample's size and an interval.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, sqrt
from statistics import mean
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.window import Window
from outreach.db import audience, facts
from outreach.db.filters import where
from outreach.db.pool import Connection
from outreach.domain.account import DEFAULT_STAGES
from outreach.domain.audience import Filter
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.ids import new_id
from outreach.life import intake
from outreach.life.kinds import Kinds
from outreach.life.parts import Parts
from outreach.life.prepare import Go, Wait, prepare_notice
from outreach.settings import PacedSettings, RouteSettings
from outreach.templating.words import masked_name

SAMPLE = 400
"""Enough for any share to be within five points, 19 times of 20."""
SHOWN = 3
_Z = 1.96  # 95%

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: to write to each once, by the first of ``channels`` they can be reached by.

    ``listed`` as ``where`` takes it: accounts, or the campaign that has listed them.
    """

    audience: Filter
    purpose: Purpose
    channels: tuple[Channel, ...]
    listed: Sequence[UUID] | UUID | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of all ``of``, by what was ``seen`` among ``asked``: ``low`` to ``high`` with 95%."""

    seen: int
    asked: int
    of: int

    @property
    def about(self) -> int:
        return round(self.of * self.seen / self.asked)

    @property
    def low(self) -> int:
        return max(0, floor(self.of * self._bound(-1)))

    @property
    def high(self) -> int:
        return min(self.of, ceil(self.of * self._bound(1)))

    def _bound(self, side: int) -> float:
        """Wilson's interval, narrowed for a sample that is much of the whole."""
        if self.asked >= self.of:
            return self.seen / self.asked
        share, n = self.seen / self.asked, self.asked
        z = _Z * sqrt((self.of - n) / (self.of - 1))
        middle = share + z * z / (2 * n)
        spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return (middle + side * spread) / (1 + z * z / n)


@dataclass(frozen=True, slots=True)
class ByChannel:
    """``notices`` is exact; ``parts`` and ``cost`` (hundredths) are by the sample, if any went.

    ``a_day`` is what the route's carriers bear in one contact window, None without a limit.
    """

    notices: int
    parts: float | None
    cost: int | None
    a_day: int | None

    @property
    def days(self) -> int | None:
        return ceil(self.notices / self.a_day) if self.a_day else None


@dataclass(frozen=True, slots=True)
class Forecast:
    """``counts`` as ``audience.count`` has them; ``rules`` has one finding of each rule that spoke.

    ``goes``, ``held``, ``blocked`` and ``failed`` are by the sample, of those who can be reached.
    """

    at: datetime
    counts: Sequence[asyncpg.Record]
    notices: int
    unreachable: int
    channels: Mapping[Channel, ByChannel]
    sampled: int
    goes: Estimate | None
    held: Mapping[str, Estimate]
    blocked: Mapping[str, Estimate]
    failed: Mapping[str, Estimate]
    rules: Mapping[str, Mapping[str, str]]
    held_until: tuple[datetime, datetime] | None  # the first and the last
    texts: tuple[tuple[Channel, str], ...]  # with the debtor's name masked


async def forecast(
    parts: Parts,
    plan: Plan,
    at: datetime,
    *,
    sample: int = SAMPLE,
    watch: Watch = lambda _done, _total: None,
) -> Forecast:
    """What would come of the plan if it began ``at``; nothing is written.

    Raises ``InvalidInput`` for an audience of nobody.
    """
    chosen = where(plan.audience, at, DEFAULT_STAGES, plan.listed)
    kinds = [KIND_FOR[channel] for channel in plan.channels]
    async with parts.pool.acquire() as conn:
        counts = await audience.count(conn, chosen)
        if not counts:
            raise InvalidInput("the filter chooses nobody", "outreach segment count shows whom")
        exact = _by_channel(counts, plan.channels)
        drawn = _Sample(parts, plan, at)
        reachable = sum(exact.values()) - exact.get(None, 0)
        rows = await audience.sample(conn, chosen, kinds, sample, reachable)
        for done, row in enumerate(rows, 1):
            await drawn.ask(conn, row)
            watch(done, len(rows))
    return drawn.forecast(counts, exact)


def _by_channel(
    counts: Sequence[asyncpg.Record], channels: Sequence[Channel]
) -> Counter[Channel | None]:
    """How many are written to by each channel, and by None: the first of those they have."""
    exact: Counter[Channel | None] = Counter()
    for row in counts:
        points = {kind: row[kind] for kind in KIND_FOR.values()}
        exact[first_of(channels, points)] += row["notices"]
    return exact


def first_of(channels: Sequence[Channel], points: Mapping[Any, object]) -> Channel | None:
    """The first channel for whose kind of contact point there is something in ``points``."""
    return next((channel for channel in channels if points.get(KIND_FOR[channel])), None)


def request_of(plan: Plan, at: datetime, drawn: asyncpg.Record) -> NoticeRequest:
    """The notice that somebody of ``audience.sample`` would get."""
    points = orjson.loads(drawn["points"])
    channel = first_of(plan.channels, points)
    assert channel is not None  # only those who can be reached are drawn
    return NoticeRequest(
        creditor_id=drawn["creditor_id"],
        debtor_id=drawn["debtor_id"],
        account_ids=tuple(drawn["account_ids"]),
        purpose=plan.purpose,
        channel=channel,
        currency=Currency(drawn["currency"]),
        contact_point_id=UUID(points[KIND_FOR[channel]]),
        idempotency_key="",
        lane=Lane.LETTERS if channel is Channel.LETTER else Lane.BULK,
        due_at=at,
        expires_at=at + intake.LIFETIME,
    )


class _Sample:
    """What the gate and the templates said of those who were drawn."""

    def __init__(self, parts: Parts, plan: Plan, at: datetime) -> None:
        self._parts, self._plan, self._at = parts, plan, at
        self._asked = self._gone = 0
        self._held: Counter[str] = Counter()
        self._blocked: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._rules: dict[str, Mapping[str, str]] = {}
        self._until: list[datetime] = []
        self._lengths: dict[Channel, list[int]] = {}
        self._costs: dict[Channel, list[int]] = {}
        self._ways: dict[Channel, list[tuple[RouteSettings, Window]]] = {}
        self._texts: list[tuple[Channel, str]] = []

    async def ask(self, conn: Connection, drawn: asyncpg.Record) -> None:
        request = request_of(self._plan, self._at, drawn)
        row = await facts.preview(conn, request, new_id(), self._at)
        self._asked += 1
        try:
            route = self._parts.routes_of(row)
            pack = Kinds(self._parts, self._at).of(row).pack
        except NotFound as error:
            self._failed[error.message] += 1
            return
        way = route, pack.selections[request.purpose, request.channel].window
        ways = self._ways.setdefault(request.channel, [])
        if way not in ways:
            ways.append(way)
        prepared = prepare_notice(self._parts, row, self._at)
        if isinstance(prepared, Go):
            self._go(request.channel, prepared, route.price)
            return
        data: Mapping[str, Any] = prepared.entry.event.data
        self._tell(data)
        if isinstance(prepared, Wait):
            self._until.append(prepared.until)
            self._held.update(set(prepared.rules))
        elif "findings" in data:
            self._blocked.update(set(prepared.code.split(",")))
        else:
            self._failed[data.get("error", prepared.code)] += 1

    def _go(self, channel: Channel, go: Go, price: int) -> None:
        self._gone += 1
        self._lengths.setdefault(channel, []).append(go.words.parts)
        self._costs.setdefault(channel, []).append(go.words.parts * price)
        self._tell(go.verdict_data)
        if len(self._texts) < SHOWN:
            name, locale = go.words.context.debtor.name, go.words.template.locale
            text = go.words.rendered.text.replace(name, masked_name(name, locale))
            self._texts.append((channel, text))

    def _tell(self, data: Mapping[str, Any]) -> None:
        for finding in data.get("findings", ()):
            self._rules.setdefault(finding["rule"], finding)

    def forecast(
        self, counts: Sequence[asyncpg.Record], exact: Mapping[Channel | None, int]
    ) -> Forecast:
        unreachable = exact.get(None, 0)
        reachable = sum(exact.values()) - unreachable

        def scaled(seen: Mapping[str, int]) -> dict[str, Estimate]:
            ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
            return {name: Estimate(many, self._asked, reachable) for name, many in ordered}

        return Forecast(
            at=self._at,
            counts=counts,
            notices=reachable + unreachable,
            unreachable=unreachable,
            channels={c: self._channel(c, exact[c]) for c in self._plan.channels if c in exact},
            sampled=self._asked,
            goes=Estimate(self._gone, self._asked, reachable) if self._asked else None,
            held=scaled(self._held),
            blocked=scaled(self._blocked),
            failed=scaled(self._failed),
            rules=self._rules,
            held_until=(min(self._until), max(self._until)) if self._until else None,
            texts=tuple(self._texts),
        )

    def _channel(self, channel: Channel, notices: int) -> ByChannel:
        lengths, costs = self._lengths.get(channel), self._costs.get(channel)
        return ByChannel(
            notices,
            parts=mean(lengths) if lengths else None,
            cost=round(notices * mean(costs)) if costs else None,
            a_day=self._a_day(channel),
        )

    def _a_day(self, channel: Channel) -> int | None:
        """What the carriers of all routes seen bear, each in the shortest of their windows."""
        seconds: dict[str, int] = {}
        for route, window in self._ways.get(channel, ()):
            for name in (name for name, weight in route.carriers.items() if weight):
                length = (window.closes - window.opens) * 60
                seconds[name] = min(length, seconds.get(name, length))
        total = 0
        for settings in self._parts.settings.carriers:
            if settings.name not in seconds or not isinstance(settings, PacedSettings):
                continue
            limits = [settings.daily_quota] if settings.daily_quota else []
            limits += [int(settings.rate * seconds[settings.name])] if settings.rate else []
            if not limits:
                return None
            total += min(limits)
        return total or None
