"""The demo: the whole loop on the example portfolio, with every process and protocol real.

Import, notices by stage over three channels, a campaign that is paused and resumed, receipts and
replies from the sandbox carriers, then a cross-check with the carriers' own books: was anything
lost, was anything sent twice?
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import audience, events, migrate, stops, tasks
from outreach.demo import campaign
from outreach.demo.again import KEY, write_again
from outreach.demo.plan import ACTOR, plan, receipts_for_settled, submit_all
from outreach.demo.stage import EXAMPLES, ZONE, Files, cut_files, set_stage
from outreach.demo.stock import Outcome, summary, take_stock
from outreach.domain.errors import OutreachError
from outreach.embedded import Embedded, places
from outreach.life import seal, worklist
from outreach.life.parts import Parts
from outreach.life.words import local_day
from outreach.portfolio.load import import_accounts, import_payments
from outreach.settings import CmppSettings, Settings, SmtpSettings, TwilioSettings, load
from outreach.supervisor import Supervisor, until_told

QUIET_SECONDS = 4.0
PATIENCE_SECONDS = 900.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the demo shows a person beside its outcome."""

    rules: Sequence[asyncpg.Record]
    debtor_id: UUID | None
    timeline: Sequence[asyncpg.Record]
    again: Sequence[asyncpg.Record]  # what became of notices to those who had answered
    waiting: Mapping[str, int]  # tasks by kind


Show = Callable[[Outcome, Sight], None]


async def run_demo(accounts: int, say: Say, show: Show, *, keep: bool) -> Outcome:
    """Run the whole loop and ``show`` what came of it.

    Everything it made is removed again unless ``keep``: then it goes on until told to stop.
    """
    started = monotonic()
    env = set_stage()
    settings = load(env)
    try:
        async with until_told() as told, Embedded(settings.data_dir) as urls:
            say("PostgreSQL and Redis are up; bringing the schema up to date")
            await migrate.upgrade(urls.database)
            async with open_parts(settings, urls.database) as parts:
                files = await _prepare(parts, accounts, say)
                number = await campaign.approved(parts, say)
                async with services(settings, env) as supervisor:
                    await _play(parts, files, supervisor, number, told, say)
                    outcome = await take_stock(parts)
                    outcome.campaign = summary(await campaign.how_it_went(parts, number))
                    outcome.seconds = round(monotonic() - started, 1)
                    show(outcome, await _look(parts))
                    if keep:
                        _tell_how(settings, env, say)
                        await told.wait()
    finally:
        if not keep:
            _remove(settings.data_dir)
    return outcome


async def _prepare(parts: Parts, accounts: int, say: Say) -> Files:
    """Import the portfolio and plan its notices, with everything stopped."""
    today = local_day(parts.clock.now(), str(ZONE))
    files = cut_files(EXAMPLES, parts.settings.data_dir, accounts, today)
    say(f"importing accounts as of {today}")
    await import_accounts(parts, files.accounts, ACTOR, shift_days=files.shift_days)
    say("planning notices by stage")
    async with parts.pool.acquire() as conn:
        await stops.put(conn, "all", ACTOR, "demo", parts.clock.now())
        debts = await audience.open_debts(conn)
    now = parts.clock.now()
    await submit_all(parts, [request for row in debts if (request := plan(row, now))])
    return files


async def _play(
    parts: Parts,
    files: Files,
    supervisor: Supervisor,
    number: int,
    told: asyncio.Event,
    say: Say,
) -> None:
    """Book payments, lift the stop, run the campaign, and wait until everything is at rest."""
    say("importing payments: what they settle must not be dunned")
    await import_payments(parts, files.payments, ACTOR, shift_days=files.shift_days)
    await submit_all(parts, await receipts_for_settled(parts))
    async with parts.pool.acquire() as conn:
        await stops.lift(conn, "all")
    say(f"sending (worker {supervisor.service('worker').pid})")
    await campaign.play(parts, number, files, say)
    await settle(parts, told, say)
    say(f"writing again to {await write_again(parts)} who answered: what they said decides")
    await settle(parts, told, say)
    await worklist.follow(parts)
    await seal.seal_all(parts.pool)


async def _look(parts: Parts) -> Sight:
    async with parts.pool.acquire() as conn:
        rules = await audience.rules_that_spoke(conn)
        debtor_id = await audience.liveliest(conn)
        told = await events.timeline(conn, debtor_id) if debtor_id else []
        again = await audience.after_answers(conn, KEY)
        waiting = await tasks.open_counts(conn)
    return Sight(rules, debtor_id, told, again, waiting)


# ------------------------------------------------------------------------------------ services


@asynccontextmanager
async def services(settings: Settings, env: Mapping[str, str]) -> AsyncIterator[Supervisor]:
    """Worker, callbacks and sandbox carriers as processes of their own, once they answer."""
    log_file = (settings.data_dir / "services.log").open("ab")
    commands = [(name, (name,)) for name in ("worker", "serve", "sandbox")]
    with log_file:
        async with Supervisor(commands, env, log_file.fileno()) as supervisor:
            for host, port in _doors(settings):
                await _answers(host, port)
            yield supervisor


def _doors(settings: Settings) -> list[tuple[str, int]]:
    doors = [
        (settings.http_host, settings.http_port),
        (settings.mail_host, settings.mail_port),
    ]
    for carrier in settings.carriers:
        if isinstance(carrier, CmppSettings | SmtpSettings):
            doors.append((carrier.host, carrier.port))
        if isinstance(carrier, TwilioSettings):
            url = urlsplit(carrier.base_url)
            doors.append((url.hostname or "127.0.0.1", url.port or 80))
    return doors


async def _answers(host: str, port: int) -> None:
    """Wait until somebody listens there."""
    deadline = monotonic() + 60
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            if monotonic() > deadline:
                raise OutreachError(
                    f"nothing listens on {host}:{port} after a minute",
                    "see services.log in the demo's folder: run it with --keep",
                ) from None
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def settle(parts: Parts, told: asyncio.Event, say: Say) -> None:
    """Wait until nothing is due, on the wire or waiting, and the history has been still a while."""
    deadline = monotonic() + PATIENCE_SECONDS
    still_since, before = monotonic(), -1
    while monotonic() < deadline and not told.is_set():
        await asyncio.sleep(0.5)
        async with parts.pool.acquire() as conn:
            now = parts.clock.now()
            count = await audience.event_count(conn)
            moving = await audience.anything_moving(conn, now)
            again = await audience.deferred_until(conn, now)
        if count != before:
            say(f"{count} events in the history")
        # a carrier asked to be tried again soon: worth waiting for; in hours: not
        soon = again is not None and (again - now).total_seconds() < 120
        if count != before or moving or soon:
            still_since, before = monotonic(), count
        elif monotonic() - still_since > QUIET_SECONDS:
            return
    if told.is_set():
        raise OutreachError("the demo was told to stop before its end", "run it again")
    raise OutreachError(
        f"the demo does not come to rest within {PATIENCE_SECONDS:.0f} s",
        "run it with --keep and look at services.log",
    )


def _tell_how(settings: Settings, env: Mapping[str, str], say: Say) -> None:
    say(f"kept running; its data: {settings.data_dir} (Ctrl-C stops and keeps the data)")
    given = " ".join(f"{k}={v}" for k, v in sorted(env.items()) if k.startswith("OUTREACH_"))
    say(f"look around with: env {given} outreach debtor show ID")


def _remove(data_dir: Path) -> None:
    from_places = places(data_dir)
    for folder in (from_places.home, from_places.sockets, data_dir):
        shutil.rmtree(folder, ignore_errors=True)
