"""The long-running commands: ``up`` (everything), ``serve``, ``worker`` and ``sandbox``."""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import typer
import uvicorn

from outreach.bootstrap import open_parts
from outreach.channels.base import Callback
from outreach.cli.bells import check_redis
from outreach.cli.session import office, run, servers
from outreach.clock import Clock
from outreach.db import migrate
from outreach.domain.errors import ConfigurationError
from outreach.http.app import build_app
from outreach.life import callbacks
from outreach.life.parts import Parts
from outreach.mailbox import open_mailbox
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.run import run as run_sandbox
from outreach.settings import MailHouseSettings, Settings, SmtpSettings, TwilioSettings, load
from outreach.supervisor import Supervisor, until_told
from outreach.worker import run_worker

app = typer.Typer()

log = logging.getLogger("outreach")


def start_logging() -> None:
    """One line an event on stderr: time, level, where, what. Never a person."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    for name in ("uvicorn.access", "aiohttp.access", "arq.worker", "mail.log", "aiosmtpd"):
        logging.getLogger(name).setLevel(logging.ERROR)


@app.command()
def up() -> None:
    """Run everything on this machine: servers if none are configured, sandbox, HTTP, worker."""
    start_logging()
    run(_up())


async def _up() -> None:
    settings = load()
    async with until_told() as stopping, servers(settings) as urls:
        await migrate.upgrade(urls.database)
        services = [(name, (name,)) for name in ("worker", "serve")]
        if _sandboxed(settings):
            services.append(("sandbox", ("sandbox",)))
        async with Supervisor(services):
            log.info(
                "up: callbacks at %s, mail at %s:%s, data in %s; Ctrl-C stops",
                settings.public_url,
                settings.mail_host,
                settings.mail_port,
                settings.data_dir,
            )
            await stopping.wait()
    log.info("stopped")


def _sandboxed(settings: Settings) -> bool:
    return bool(settings.carriers) and not any(carrier.real for carrier in settings.carriers)


@app.command()
def serve() -> None:
    """Take carriers' callbacks by HTTP, and bounces and replies by SMTP."""
    start_logging()
    run(_serve())


async def _serve() -> None:
    async with until_told() as stopping, office() as parts:
        mailbox = await _open_mailbox(parts)
        config = uvicorn.Config(
            build_app(parts),
            host=parts.settings.http_host,
            port=parts.settings.http_port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(_serve_http(server))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        mailbox.close()
        stopped.cancel()
        await serving


async def _serve_http(server: uvicorn.Server) -> None:
    with suppress(SystemExit):  # uvicorn's way to say that the port is taken
        await server._serve()
        return
    raise ConfigurationError(
        f"port {server.config.port} cannot be listened on",
        "stop what uses it, or set OUTREACH_HTTP_PORT and OUTREACH_PUBLIC_URL",
    )


async def _open_mailbox(parts: Parts) -> asyncio.Server:
    async def deliver(callback: Callback) -> None:
        await callbacks.accept(parts, callback)

    mailboxes: dict[str, str] = {}
    for carrier in parts.settings.carriers:
        if isinstance(carrier, SmtpSettings):
            mailboxes |= {f"@{carrier.bounce_domain}": carrier.name, carrier.reply_to: carrier.name}
    return await open_mailbox(
        parts.settings.mail_host, parts.settings.mail_port, deliver, mailboxes
    )


@app.command()
def worker() -> None:
    """Dispatch notices, apply receipts, reconcile and seal; any number may run."""
    start_logging()
    run(_worker())


async def _worker() -> None:
    settings = load()
    async with (
        until_told() as stopping,
        servers(settings) as urls,
        open_parts(settings, urls.database, pool_size=16, generic_plans=True) as parts,
    ):
        await check_redis(urls.redis)
        pid_file = settings.open_data_dir() / "worker.pid"
        pid_file.write_text(f"{os.getpid()}\n")
        await run_worker(parts, urls.redis, stopping)


@app.command()
def sandbox() -> None:
    """Run the sandbox carriers that config/carriers.toml points at on this machine."""
    start_logging()
    run(_sandbox())


async def _sandbox() -> None:
    settings = load()
    async with until_told() as stopping:
        await run_sandbox(sandbox_config(settings), stopping, Clock(settings.clock_offset))


def books(settings: Settings) -> Path:
    """Where the sandbox carriers keep their own accounts of what they received."""
    return settings.data_dir / "sandbox"


def sandbox_config(settings: Settings) -> SandboxConfig:
    """The sandbox as the configured carriers expect it; raises ``ConfigurationError``."""
    twilio, smtp, house = (
        next((c for c in settings.carriers if isinstance(c, kind)), None)
        for kind in (TwilioSettings, SmtpSettings, MailHouseSettings)
    )
    if (
        not isinstance(twilio, TwilioSettings)
        or not isinstance(smtp, SmtpSettings)
        or not isinstance(house, MailHouseSettings)
        or not _sandboxed(settings)
    ):
        raise ConfigurationError(
            "the sandbox stands in for one carrier each of twilio, smtp and mailhouse, all local",
            "see config/carriers.toml as delivered",
        )
    return SandboxConfig(
        twilio_port=urlsplit(twilio.base_url).port or 80,
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
        tracking_salt=settings.secrets[house.push_salt_env],
    )
