"""Bootstrap: settings become parts, opened in order and closed in the reverse.

The only place that chooses implementations. A process that cannot do its work does not start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

from outreach.channels import registry
from outreach.channels.base import Carrier, MailHouse
from outreach.channels.token import Tokens
from outreach.clock import Clock
from outreach.compliance.calendars import require_calendars
from outreach.compliance.content import load_content
from outreach.compliance.policies import CONTENT, WORDING, Policies, load_policies
from outreach.compliance.wording import load_wording
from outreach.db import debtors, keys, schema
from outreach.db.pool import Pool, open_pool
from outreach.domain.errors import ConfigurationError, Rewound
from outreach.ledger.check_codes import CheckCodes
from outreach.ledger.checkpoint import LogKeys
from outreach.ledger.keys import MasterKeys, parse_key
from outreach.ledger.lookup import LookupKey
from outreach.life.adopted import adopt, declare
from outreach.life.parts import Parts
from outreach.life.registers import Registers
from outreach.life.watermark import MARKS, WATCH_SECONDS, Watermark
from outreach.metrics import Metrics
from outreach.settings import MailHouseSettings, Settings
from outreach.templating.catalog import Catalog
from outreach.templating.letter import LetterPress


@dataclass(frozen=True, slots=True)
class Keys:
    """The deployment's secrets, opened."""

    masters: MasterKeys
    lookup: LookupKey
    tokens: Tokens
    codes: CheckCodes
    log: LogKeys


def open_keys(settings: Settings) -> Keys:
    """Read the keys; raises ``ConfigurationError`` naming the variable that is missing or wrong."""
    if settings.master_keys is None or settings.lookup_key is None or settings.log_keys is None:
        raise ConfigurationError(
            "OUTREACH_MASTER_KEYS, OUTREACH_LOOKUP_KEY and OUTREACH_LOG_KEYS must be set",
            "make each key with: openssl rand -base64 32",
        )
    lookup = parse_key("OUTREACH_LOOKUP_KEY", settings.lookup_key.get_secret_value())
    return Keys(
        masters=MasterKeys.parse(settings.master_keys.get_secret_value()),
        lookup=LookupKey(lookup),
        # a key of its own, drawn from the look-up key, so that tokens outlive master key rotation
        tokens=Tokens(LookupKey(lookup).hash("derive", "attempt tokens")),
        codes=CheckCodes(LookupKey(lookup).hash("derive", "check codes")),
        log=LogKeys.parse(settings.log_keys.get_secret_value()),
    )


async def check_database(pool: Pool, settings: Settings, opened: Keys, clock: Clock) -> None:
    """Refuse an unknown schema or a database made with other keys; bring partitions up to date."""
    now = clock.now()
    async with pool.acquire() as conn:
        await schema.require_head(conn)
        await keys.check_lookup(conn, opened.lookup, now)
        stored = await keys.any_key(conn)
        if stored is not None:
            opened.masters.unwrap(stored)
        await schema.ensure_partitions(conn, now)
        for creditor in settings.creditors:
            async with conn.transaction():
                await debtors.save_creditor(conn, creditor.id, creditor.name, creditor.jurisdiction)
                await declare(conn, creditor, now)


def policies_of(settings: Settings) -> Policies:
    """The packs of the config folder as the creditors made them stricter."""
    asked = {each.id: (each.jurisdiction, each.policy) for each in settings.creditors}
    return load_policies(settings.config_dir / "policies", asked)


async def wait_until_fit(settings: Settings, database_url: str, stopping: asyncio.Event) -> None:
    """Return once the database may be sent from, or when told to stop.

    A worker that ended instead would be started again for ever, saying the same each time.
    """
    watermark = Watermark(settings.data_dir / MARKS)
    while not stopping.is_set():
        try:
            await (await open_pool(database_url, 1, init=watermark.check)).close()
            break
        except Rewound:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), WATCH_SECONDS)
    watermark.close()


@asynccontextmanager
async def open_parts(
    settings: Settings,
    database_url: str,
    *,
    pool_size: int = 8,
    generic_plans: bool = False,
    sends: bool = False,
) -> AsyncIterator[Parts]:
    """Everything a notice's life works with, open until the block ends.

    ``sends``: every connection is held against what this data folder remembers to have sent.
    """
    clock = Clock(settings.clock_offset)
    opened = open_keys(settings)
    async with AsyncExitStack() as stack:
        watermark = Watermark(settings.data_dir / MARKS)
        stack.callback(watermark.close)
        init = watermark.check if sends else None
        pool = await open_pool(database_url, pool_size, generic_plans=generic_plans, init=init)
        stack.push_async_callback(pool.close)
        await check_database(pool, settings, opened, clock)
        registers = Registers()
        await registers.refresh(pool)
        carriers: dict[str, Carrier] = {}
        mail_houses: dict[str, MailHouse] = {}
        secrets = {name: value.get_secret_value() for name, value in settings.secrets.items()}
        for carrier in settings.carriers:
            adapter = registry.build(
                carrier,
                tokens=opened.tokens,
                public_url=settings.public_url,
                clock=clock,
                secrets=secrets,
            )
            await adapter.open()
            stack.push_async_callback(adapter.close)
            if isinstance(carrier, MailHouseSettings):
                mail_houses[adapter.name] = cast(MailHouse, adapter)
            else:
                carriers[adapter.name] = cast(Carrier, adapter)
        policies = policies_of(settings)
        if sends:
            require_calendars(policies.packs.values(), clock.now())
            await adopt(pool, policies, clock.now())
        yield Parts(
            settings=settings,
            clock=clock,
            pool=pool,
            masters=opened.masters,
            lookup=opened.lookup,
            tokens=opened.tokens,
            codes=opened.codes,
            log_keys=opened.log,
            catalog=Catalog(settings.templates_dir),
            press=LetterPress(),
            policies=policies,
            wording=load_wording(settings.config_dir / "policies" / WORDING),
            content=load_content(settings.config_dir / "policies" / CONTENT),
            creditors={creditor.id: creditor for creditor in settings.creditors},
            routes={route.name: route for route in settings.routes},
            carriers=carriers,
            mail_houses=mail_houses,
            metrics=Metrics(),
            watermark=watermark,
            registers=registers,
        )
