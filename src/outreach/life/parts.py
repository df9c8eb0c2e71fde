"""What the steps of a notice's life work with: built once by ``bootstrap``, handed to each step."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from outreach.channels.base import Carrier, MailHouse
from outreach.channels.token import Tokens
from outreach.clock import Clock
from outreach.compliance.content import Content
from outreach.compliance.policies import Policies
from outreach.compliance.wording import Wording
from outreach.db.pool import Pool
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import NotFound
from outreach.ledger.check_codes import CheckCodes
from outreach.ledger.checkpoint import LogKeys
from outreach.ledger.keys import MasterKeys, SealingKey, WrappedKey
from outreach.ledger.lookup import LookupKey
from outreach.life.registers import Registers
from outreach.life.watermark import Watermark
from outreach.metrics import Metrics
from outreach.settings import CreditorSettings, RouteSettings, Settings, SmsSettings
from outreach.templating.catalog import Catalog
from outreach.templating.letter import LetterPress


@dataclass(frozen=True, slots=True, repr=False)  # asyncio writes out what its tasks return
class Parts:
    settings: Settings
    clock: Clock
    pool: Pool
    masters: MasterKeys
    lookup: LookupKey
    tokens: Tokens
    codes: CheckCodes
    log_keys: LogKeys
    catalog: Catalog
    press: LetterPress
    policies: Policies
    wording: Wording
    content: Content
    creditors: Mapping[str, CreditorSettings]
    routes: Mapping[str, RouteSettings]
    carriers: Mapping[str, Carrier]
    mail_houses: Mapping[str, MailHouse]
    metrics: Metrics
    watermark: Watermark
    registers: Registers

    def creditor(self, creditor_id: str) -> CreditorSettings:
        creditor = self.creditors.get(creditor_id)
        if creditor is None:
            raise NotFound(
                f"creditor {creditor_id!r} has no configuration",
                f"add config/creditors/{creditor_id}.toml",
            )
        return creditor

    @property
    def places(self) -> dict[str, Jurisdiction]:
        """The jurisdiction of every configured creditor."""
        return {creditor.id: creditor.jurisdiction for creditor in self.creditors.values()}

    def routes_for(self, channel: Channel, creditor_id: str) -> list[RouteSettings]:
        """The channel's routes that serve this creditor, in the order they are asked in."""
        place = self.creditor(creditor_id).jurisdiction
        return [
            route
            for route in self.routes.values()
            if route.channel is channel and route.serves(creditor_id, place)
        ]

    def route_for(self, channel: Channel, creditor_id: str, region: str) -> RouteSettings:
        """The first of them to this region; raises ``NotFound``."""
        for route in self.routes_for(channel, creditor_id):
            if not route.regions or region in route.regions:
                return route
        raise NotFound(
            f"no route carries {channel} of {creditor_id} to region {region or '?'}",
            "add a route in config/carriers.toml",
        )

    def filers(self, route: RouteSettings) -> list[str]:
        """Its carriers with which a template is filed before it may go (M-04)."""
        return [
            carrier.name
            for carrier in self.settings.carriers
            if carrier.name in route.carriers
            and isinstance(carrier, SmsSettings)
            and carrier.files_templates
        ]

    def adapter(self, name: str) -> Carrier | MailHouse:
        """The carrier or mail house of this name; raises ``NotFound``."""
        adapter = self.carriers.get(name) or self.mail_houses.get(name)
        if adapter is None:
            raise NotFound("no carrier of this name", "see config/carriers.toml")
        return adapter

    def routes_of(self, row: asyncpg.Record) -> RouteSettings:
        """The route of a claimed notice, or the one it would take."""
        return self.routes.get(row["route"]) or self.route_for(
            Channel(row["channel"]), row["creditor_id"], row["region"]
        )

    def open_key(self, row: asyncpg.Record, prefix: str, key_id: UUID) -> SealingKey | None:
        """The key in ``<prefix>wrapped`` and ``<prefix>master``, or None once it is destroyed."""
        wrapped = row[f"{prefix}wrapped"]
        if wrapped is None:
            return None
        version = row["master_version" if not prefix else f"{prefix}master"]
        return self.masters.unwrap(WrappedKey(key_id, wrapped, version))
