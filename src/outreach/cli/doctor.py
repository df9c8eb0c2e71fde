"""``outreach doctor``: everything a deployment needs, looked at one by one, with the fix."""

import asyncio
import json
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console

from outreach.bootstrap import Keys, open_keys, policies_of
from outreach.channels import registry
from outreach.cli.bells import check_redis
from outreach.cli.doors import check_door
from outreach.cli.presence import check_workers
from outreach.cli.session import run, servers
from outreach.clock import Clock
from outreach.compliance.calendars import require_calendars
from outreach.compliance.content import load_content
from outreach.compliance.policies import CONTENT, WORDING
from outreach.compliance.wording import load_wording
from outreach.db import backlog, debtors, keys, schema, stops, tree
from outreach.db.pool import Connection, open_pool
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError, OutreachError
from outreach.settings import CarrierSettings, Settings, broken, read, with_keys
from outreach.templating.catalog import Catalog
from outreach.templating.check import check as check_templates
from outreach.templating.font import LETTER_FONT, coverage
from outreach.templating.letter import LetterPress

app = typer.Typer()

PATIENCE_SECONDS = 15
"""For one check; a carrier's own time-outs are longer."""
BEHIND = timedelta(minutes=5)
"""What has waited longer than this has no worker."""

_MARKS = {"ok": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]–[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: ``status`` is ok, failed, or skipped where an earlier failure leaves no way."""

    check: str
    status: str
    says: str
    fix: str = ""


@dataclass(slots=True)
class Rounds:
    """The findings so far; a check that fails ends nothing but itself."""

    findings: list[Finding] = field(default_factory=list)

    async def look(self, check: str, work: Awaitable[str]) -> bool:
        """Note what one check says, or why it fails; whether it holds."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self.hold(check, await work)
        except (ConfigurationError, OutreachError) as error:
            self.fail(check, error)
        except TimeoutError:
            self.fail(
                check, OutreachError(f"no answer within {PATIENCE_SECONDS} s", "check address")
            )
        except Exception as error:  # its text may hold a password or a person
            self.fail(
                check, OutreachError(f"fell over: {type(error).__name__}", "see its server's log")
            )
        else:
            return True
        return False

    def hold(self, check: str, says: str) -> None:
        self.findings.append(Finding(check, "ok", says))

    def fail(self, check: str, error: ConfigurationError | OutreachError) -> None:
        says = error.message.removeprefix(f"{check}: ")
        self.findings.append(Finding(check, "failed", says, error.remedy))

    def skip(self, checks: Iterable[str], why: str) -> None:
        self.findings += [Finding(check, "skipped", f"not checked: {why}") for check in checks]


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check configuration, servers, words, carriers and doors; exit code 1 if anything is wrong.

    Joins the embedded servers (starts them for as long as it looks); starts nothing else.
    """
    findings = run(examine())
    ok = all(finding.status == "ok" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": list(map(asdict, findings))}))
    else:
        _print(findings)
    raise typer.Exit(0 if ok else 1)


def _print(findings: Iterable[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        console.print(_MARKS[finding.status], end=" ")
        console.print(f"{finding.check}: {finding.says}", markup=False)
        if finding.fix:
            console.print(f"    → {finding.fix}", markup=False)


async def examine() -> list[Finding]:
    """All checks; each says its own, whatever became of the others."""
    rounds = Rounds()
    await rounds.look("fonts", _fonts())
    try:
        settings = read()
    except ConfigurationError as error:
        rounds.fail("configuration", error)
        rounds.skip(["everything else"], "the configuration cannot be read")
        return rounds.findings
    _configuration(rounds, settings)
    await rounds.look("templates", _templates(settings))
    await rounds.look("policies", _policies(settings))
    settings, opened = _keys(rounds, settings)
    await _servers(rounds, settings, opened)
    for carrier in settings.carriers:
        check = f"carrier {carrier.name}"
        if opened:
            await rounds.look(check, _carrier(settings, opened, carrier))
        else:
            rounds.skip([check], "there are no keys")
    await rounds.look("HTTP port", check_door(settings.http_host, settings.http_port, "http"))
    await rounds.look("mail door", check_door(settings.mail_host, settings.mail_port, "mail"))
    return rounds.findings


# ----------------------------------------------------------------------------------- on this disk


def _configuration(rounds: Rounds, settings: Settings) -> None:
    wrong = broken(settings)
    for trouble in wrong:
        rounds.fail("configuration", trouble)
    if not wrong:
        rounds.hold("configuration", f"{settings.environment}, {len(settings.creditors)} creditors")
    offset = settings.clock_offset_seconds
    rounds.hold("clock", f"{offset:+.0f} s off, for a rehearsal" if offset else "not shifted")


def _keys(rounds: Rounds, settings: Settings) -> tuple[Settings, Keys | None]:
    try:
        settings = with_keys(settings)
        opened = open_keys(settings)
    except ConfigurationError as error:
        rounds.fail("keys", error)
        return settings, None
    rounds.hold("keys", f"master key version {opened.masters.current} and the look-up key")
    return settings, opened


async def _templates(settings: Settings) -> str:
    catalog = Catalog(settings.templates_dir)
    if problems := check_templates(catalog):
        raise ConfigurationError(
            f"{len(problems)} problems, the first in {problems[0].where}", "outreach template check"
        )
    return f"{len(catalog.keys)} templates, nothing wrong"


async def _fonts() -> str:
    LetterPress()
    return f"{len(coverage())} characters in {LETTER_FONT.name}"


async def _policies(settings: Settings) -> str:
    packs = policies_of(settings).packs
    require_calendars(packs.values(), Clock(settings.clock_offset).now())
    load_wording(settings.config_dir / "policies" / WORDING)
    load_content(settings.config_dir / "policies" / CONTENT)
    return ", ".join(f"{place} {pack.version[:12]}" for place, pack in packs.items())


# ----------------------------------------------------------------------------------- the servers

_IN_DATABASE = (
    "schema",
    "database keys",
    "jurisdictions",
    "stops",
    "sealer",
    "log",
    "callbacks",
    "workers",
)


async def _servers(rounds: Rounds, settings: Settings, opened: Keys | None) -> None:
    async with AsyncExitStack() as stack:
        try:
            if settings.embedded and not settings.sandboxed:
                raise ConfigurationError(
                    "embedded servers are refused for production",
                    "set OUTREACH_DATABASE_URL and OUTREACH_REDIS_URL",
                )
            urls = await stack.enter_async_context(servers(settings))
        except ConfigurationError as error:
            rounds.fail("servers", error)
            rounds.skip(["Redis", "database", *_IN_DATABASE], "there are no servers")
            return
        rounds.hold("servers", "embedded, for the sandbox only" if settings.embedded else "given")
        await rounds.look("Redis", check_redis(urls.redis))
        await _database(rounds, urls.database, settings, opened)


async def _database(rounds: Rounds, url: str, settings: Settings, opened: Keys | None) -> None:
    clock = Clock(settings.clock_offset)
    async with AsyncExitStack() as stack:
        connections: list[Connection] = []

        async def connect() -> str:
            pool = await open_pool(url, 1)
            stack.push_async_callback(pool.close)
            connections.append(await stack.enter_async_context(pool.acquire()))
            return f"PostgreSQL {connections[0].get_server_version().major}"

        if not await rounds.look("database", connect()):
            rounds.skip(_IN_DATABASE, "the database is away")
            return
        conn = connections[0]
        if not await rounds.look("schema", _schema(conn)):
            rounds.skip(_IN_DATABASE[1:], "the schema is not this version's")
            return
        if opened:
            await rounds.look("database keys", _database_keys(conn, opened, clock))
        else:
            rounds.skip(["database keys"], "there are no keys")
        await rounds.look("jurisdictions", _jurisdictions(conn))
        await rounds.look("stops", _stops(conn))
        await rounds.look("sealer", _waiting(backlog.unsealed(conn), clock))
        await rounds.look("log", _log(conn, settings, clock))
        await rounds.look("callbacks", _waiting(backlog.unapplied(conn), clock))
        await rounds.look("workers", check_workers(conn))


async def _schema(conn: Connection) -> str:
    await schema.require_head(conn)
    return f"revision {await schema.current(conn)}"


async def _database_keys(conn: Connection, opened: Keys, clock: Clock) -> str:
    looking = conn.transaction()
    await looking.start()
    try:
        await keys.check_lookup(conn, opened.lookup, clock.now())
    finally:
        await looking.rollback()  # a first use is not ours to note
    if (stored := await keys.any_key(conn)) is not None:
        opened.masters.unwrap(stored)
    outdated = await keys.count_outdated(conn, opened.masters.current)
    return f"our keys open it; {outdated} sealing keys wait for outreach keys rotate"


async def _jurisdictions(conn: Connection) -> str:
    if count := await debtors.unjudged(conn, tuple(Jurisdiction)):
        raise ConfigurationError(
            f"{count} debtors are of no jurisdiction that a policy speaks of: nothing goes to them",
            f"import them again with one of {', '.join(Jurisdiction)}",
        )
    return "every debtor's has a policy"


async def _stops(conn: Connection) -> str:
    if found := await stops.all_stops(conn):
        scopes = ", ".join(f"{row['scope']} since {row['at']:%Y-%m-%d %H:%M}" for row in found)
        raise ConfigurationError(f"nothing leaves: {scopes}", "outreach resume, when it may again")
    return "none in force"


async def _waiting(asked: Awaitable[backlog.Backlog], clock: Clock) -> str:
    found = await asked
    if found.since is None or clock.now() - found.since < BEHIND:
        return f"{found.waiting} wait"
    raise ConfigurationError(
        f"{found.waiting} wait, the oldest since {found.since:%Y-%m-%d %H:%M} UTC",
        "start a worker: outreach up",
    )


async def _log(conn: Connection, settings: Settings, clock: Clock) -> str:
    """Whether checkpoints are signed, and brought to the auditor."""
    unsigned, last = await backlog.unsigned(conn), await tree.latest(conn)
    late = clock.now() - timedelta(minutes=settings.checkpoint_minutes) - BEHIND
    if unsigned.since is not None and unsigned.since < late:
        raise ConfigurationError(
            f"{unsigned.waiting} leaves wait for a checkpoint since {unsigned.since:%F %H:%M} UTC",
            "start a worker: outreach up; or say why not: outreach history checkpoint",
        )
    if settings.checkpoint_place:
        copies = await backlog.not_brought(conn, settings.checkpoint_place)
        if copies.since is not None and copies.since < clock.now() - BEHIND:
            raise ConfigurationError(
                f"{copies.waiting} checkpoints not brought to {settings.checkpoint_place}",
                "look there, and at checkpoint_not_brought in the workers' log",
            )
    if last is None:
        return "no checkpoint yet"
    kept = "" if settings.checkpoint_place else "; nobody else keeps it (checkpoint_place)"
    return f"checkpoint {last['size']} of {last['at']:%F %H:%M} UTC{kept}"


# -------------------------------------------------------------------------------- whom we talk to


async def _carrier(settings: Settings, opened: Keys, carrier: CarrierSettings) -> str:
    adapter = registry.build(
        carrier,
        tokens=opened.tokens,
        public_url=settings.public_url,
        clock=Clock(settings.clock_offset),
        secrets=settings.carrier_secrets,
    )
    await adapter.open()
    try:
        return (await adapter.check()).removeprefix(f"{carrier.name}: ")
    finally:
        await adapter.close()
