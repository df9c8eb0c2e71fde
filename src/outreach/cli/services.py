"""The long-running commands: ``up`` (everything), ``serve``, ``worker`` and ``sandbox``."""

import asyncio
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import typer
import uvicorn

from outreach import logs
from outreach.bootstrap import open_parts, wait_until_fit
from outreach.channels.registry import secret
from outreach.cli.bells import check_redis
from outreach.cli.session import office, run, servers
from outreach.clock import Clock
from outreach.db import migrate
from outreach.domain.errors import ConfigurationError
from outreach.health import Health, answering
from outreach.http.app import build_app
from outreach.life import callbacks
from outreach.life.parts import Parts
from outreach.mail_poller import BATCH, MailPoller
from outreach.mailbox import open_mailbox
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.run import run as run_sandbox
from outreach.settings import (
    CmppSettings,
    MailHouseSettings,
    Settings,
    SmtpSettings,
    TwilioSettings,
    load,
)
from outreach.supervisor import Supervisor, until_told
from outreach.worker import DRAIN_SECONDS, LAST_SECONDS, run_worker

app = typer.Typer()

POLL_PATIENCE_SECONDS = 300.0
"""How long one look into a mailbox may take: a hundred mails over a slow line."""

log = logs.Log("outreach")


def start() -> Settings:
    """The settings, with the log set up as they say."""
    settings = load()
    logs.start(settings.log_format)
    return settings


@app.command()
def up() -> None:
    """Run everything on this machine: servers if none are configured, sandbox, HTTP, worker.

    Ctrl-C or SIGTERM stops it all in order.
    """
    run(_up())


async def _up() -> None:
    settings = start()
    async with until_told() as stopping, servers(settings) as urls:
        await migrate.upgrade(urls.database)
        services = [(name, (name,)) for name in ("worker", "serve")]
        if _sandboxed(settings):
            services.append(("sandbox", ("sandbox",)))
        async with Supervisor(services):
            log.info(
                "up",
                callbacks=settings.public_url,
                mail=f"{settings.mail_host}:{settings.mail_port}",
                data=str(settings.data_dir),
            )
            await stopping.wait()
    log.info("down")


def _sandboxed(settings: Settings) -> bool:
    return bool(settings.carriers) and not any(carrier.real for carrier in settings.carriers)


@app.command()
def serve() -> None:
    """Take carriers' callbacks by HTTP, and bounces and replies by SMTP."""
    run(_serve())


async def _serve() -> None:
    async with until_told() as stopping, office(start()) as parts:
        mailbox, health = await _open_mailbox(parts), Health(parts)

        async def listening() -> None:
            if not mailbox.is_serving():
                raise ConfigurationError("the mailbox does not listen")

        config = uvicorn.Config(
            build_app(parts, health),
            host=parts.settings.http_host,
            port=parts.settings.http_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        health.checks["mailbox"] = listening
        polling = [
            asyncio.create_task(
                health.loops.every(
                    f"imap:{name}",
                    seconds,
                    poller.poll,
                    stopping,
                    full=BATCH,
                    patience=POLL_PATIENCE_SECONDS,
                )
            )
            for name, seconds, poller in _pollers(parts)
        ]
        serving = asyncio.create_task(_serve_http(server))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        mailbox.close()
        stopped.cancel()
        for each in polling:  # what was not taken in stays in its mailbox
            each.cancel()
        await asyncio.gather(*polling, return_exceptions=True)
        await serving


async def _serve_http(server: uvicorn.Server) -> None:
    with suppress(SystemExit):  # uvicorn's way to say that the port is taken
        await server._serve()
        return
    raise ConfigurationError(
        f"port {server.config.port} cannot be listened on",
        "stop what uses it, or set OUTREACH_HTTP_PORT and OUTREACH_PUBLIC_URL",
    )


def _pollers(parts: Parts) -> list[tuple[str, float, MailPoller]]:
    """Name, seconds between two looks, and poller of each carrier with an IMAP mailbox."""
    secrets = parts.settings.carrier_secrets
    return [
        (
            carrier.name,
            carrier.imap.seconds,
            MailPoller(
                carrier,
                secret(secrets, carrier.imap.password_env, carrier.name),
                partial(callbacks.accept, parts),
            ),
        )
        for carrier in parts.settings.carriers
        if isinstance(carrier, SmtpSettings) and carrier.imap
    ]


async def _open_mailbox(parts: Parts) -> asyncio.Server:
    mailboxes: dict[str, str] = {}
    for carrier in parts.settings.carriers:
        if isinstance(carrier, SmtpSettings):
            mailboxes |= {f"@{carrier.bounce_domain}": carrier.name, carrier.reply_to: carrier.name}
    return await open_mailbox(
        parts.settings.mail_host,
        parts.settings.mail_port,
        partial(callbacks.accept, parts),
        mailboxes,
    )


@app.command(
    help=f"""Dispatch notices, apply receipts, reconcile and seal; any number may run.

    SIGTERM or Ctrl-C stops it within {DRAIN_SECONDS + LAST_SECONDS:.0f} seconds: it begins nothing
    new, waits up to {DRAIN_SECONDS:.0f} for answers to what is on the wire, records and seals it.
    """
)
def worker() -> None:
    run(_worker())


async def _worker() -> None:
    settings = start()
    async with until_told() as stopping, servers(settings) as urls:
        await wait_until_fit(settings, urls.database, stopping)
        if stopping.is_set():
            return
        async with open_parts(
            settings, urls.database, pool_size=24, generic_plans=True, sends=True
        ) as parts:
            await check_redis(urls.redis)
            pid_file = settings.open_data_dir() / "worker.pid"
            pid_file.write_text(f"{os.getpid()}\n")
            health = Health(parts)
            async with answering(health, settings.worker_host, settings.worker_port):
                await run_worker(parts, urls.redis, stopping, health)


@app.command()
def sandbox() -> None:
    """Run the sandbox carriers that config/carriers.toml points at on this machine."""
    run(_sandbox())


async def _sandbox() -> None:
    settings = start()
    async with until_told() as stopping:
        await run_sandbox(sandbox_config(settings), stopping, Clock(settings.clock_offset))


def books(settings: Settings) -> Path:
    """Where the sandbox carriers keep their own accounts of what they received."""
    return settings.data_dir / "sandbox"


def sandbox_config(settings: Settings) -> SandboxConfig:
    """The sandbox as the configured carriers expect it; raises ``ConfigurationError``."""
    twilio, cmpp, smtp, house = (
        next((c for c in settings.carriers if isinstance(c, kind)), None)
        for kind in (TwilioSettings, CmppSettings, SmtpSettings, MailHouseSettings)
    )
    if (
        not isinstance(twilio, TwilioSettings)
        or not isinstance(cmpp, CmppSettings)
        or not isinstance(smtp, SmtpSettings)
        or not isinstance(house, MailHouseSettings)
        or not _sandboxed(settings)
    ):
        raise ConfigurationError(
            "the sandbox stands in for one carrier each of cmpp, twilio, smtp and mailhouse, all "
            "local",
            "see config/carriers.toml as delivered",
        )
    return SandboxConfig(
        twilio_port=urlsplit(twilio.base_url).port or 80,
        cmpp_port=cmpp.port,
        smtp_port=smtp.port,
        outbox=house.outbox,
        inbox=house.inbox,
        log_dir=books(settings),
        public_url=settings.public_url,
        mail_host=settings.mail_host,
        mail_port=settings.mail_port,
        sms_carrier=twilio.name,
        letter_carrier=house.name,
        account_sid=twilio.account_sid,
        auth_token=settings.secrets[twilio.token_env],
        cmpp_account=cmpp.account,
        cmpp_number=cmpp.number,
        cmpp_service=cmpp.service,
        cmpp_secret=settings.secrets[cmpp.secret_env],
        cmpp_version=cmpp.version,
        cmpp_window=cmpp.window,
        tracking_salt=settings.secrets[house.push_salt_env],
    )
