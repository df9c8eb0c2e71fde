"""Kinds: what notices of one creditor, place, purpose and channel share at one moment.

A chunk holds one kind or a few: what they share is worked out once, not once a notice.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from operator import itemgetter

import asyncpg

from outreach.compliance.pack import Pack
from outreach.compliance.setting import Setting
from outreach.compliance.window import local_time
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Locale
from outreach.domain.errors import NoPolicy, NotFound, TemplateError
from outreach.domain.frozen import frozen
from outreach.domain.money import Currency
from outreach.domain.notice import Purpose
from outreach.domain.register import Register
from outreach.ledger.check_codes import CheckCodes
from outreach.life.parts import Parts
from outreach.life.registers import CreditorRegisters
from outreach.settings import CreditorSettings
from outreach.templating.context import CreditorWords

_key = itemgetter(
    *("creditor_id", "jurisdiction", "purpose", "channel", "currency", "locale", "zone"),
    *("pinned", "route", "region"),
)


@frozen
class Kind:
    """``today`` is the debtors' own day, ``deadline`` by when a demand asks for payment; ``codes``
    where the creditor has a page on which they can be checked.
    """

    purpose: Purpose
    channel: Channel
    jurisdiction: Jurisdiction
    pack: Pack
    filed: frozenset[Register]
    setting: Setting
    currency: Currency
    locale: Locale
    creditor: CreditorWords
    balance_max_age: timedelta
    today: date
    deadline: date
    codes: CheckCodes | None

    def setting_of(self, agency: str | None) -> Setting:
        """Where the words of its notices are said, by the creditor or an agency."""
        return replace(self.setting, agency=agency) if agency else self.setting


class Kinds:
    """The kinds of one chunk's notices, at ``now``."""

    def __init__(self, parts: Parts, now: datetime) -> None:
        self._parts, self._now = parts, now
        self._known: dict[tuple[str, ...], Kind] = {}

    def of(self, row: asyncpg.Record) -> Kind:
        """Raise ``NotFound`` for a creditor, ``NoPolicy`` for a place and ``ValueError`` for any
        other word that nobody knows.
        """
        key = _key(row)
        kind = self._known.get(key)
        if kind is None:
            kind = self._known[key] = self._kind(row)
        return kind

    def _kind(self, row: asyncpg.Record) -> Kind:
        creditor = self._parts.creditor(row["creditor_id"])
        place, pack = self._policy(creditor.id, row["jurisdiction"])
        purpose, channel = Purpose(row["purpose"]), Channel(row["channel"])
        locale = Locale(row["locale"])
        # the gate itself objects to a zone nobody knows
        today = local_time(self._now, row["zone"]).date()
        registers = self._parts.registers.of(creditor.id)
        return Kind(
            purpose=purpose,
            channel=channel,
            jurisdiction=place,
            pack=pack,
            filed=frozenset(self._filed(row, registers, creditor, today)),
            setting=Setting(
                channel=channel,
                purpose=purpose,
                place=place,
                signature=creditor.signature,
                creditor=creditor.name,
                phones=(creditor.hotline, creditor.complaint_line),
                payees=(creditor.payee.account, *sorted(registers.subjects(Register.PAYEE, today))),
                links=tuple(sorted(registers.subjects(Register.LINK, today))),
                mandate=min(registers.subjects(Register.MANDATE, today), default=""),
            ),
            currency=Currency(row["currency"]),
            locale=locale,
            creditor=_words(creditor),
            balance_max_age=timedelta(hours=creditor.balance_max_age_hours),
            today=today,
            deadline=today + timedelta(days=creditor.deadline_days),
            codes=self._parts.codes if creditor.check_at else None,
        )

    def _filed(
        self,
        row: asyncpg.Record,
        registers: CreditorRegisters,
        creditor: CreditorSettings,
        today: date,
    ) -> Iterator[Register]:
        """The registers in which what such notices use is approved on that day, or need not be."""
        if registers.in_force(Register.SIGNATURE, creditor.signature, today):
            yield Register.SIGNATURE
        if registers.any_in_force(Register.MANDATE, today):
            yield Register.MANDATE
        if not self._unfiled(row, registers, today):
            yield Register.TEMPLATE

    def _unfiled(self, row: asyncpg.Record, registers: CreditorRegisters, today: date) -> bool:
        """Whether a carrier of their route wants their template filed, and it is not."""
        parts = self._parts
        try:
            filers = parts.filers(parts.routes_of(row))
            if not filers:
                return False
            digest = (
                row["pinned"]
                or parts.catalog.get(
                    Channel(row["channel"]), Purpose(row["purpose"]), Locale(row["locale"])
                ).digest
            )
        except (NotFound, TemplateError):  # whoever renders or sends it says so
            return False
        return not all(
            registers.in_force(Register.TEMPLATE, digest, today, name) for name in filers
        )

    def _policy(self, creditor_id: str, jurisdiction: str) -> tuple[Jurisdiction, Pack]:
        try:
            place = Jurisdiction(jurisdiction)
            return place, self._parts.policies.of(creditor_id, place)
        except (ValueError, KeyError):
            raise NoPolicy(
                f"no policy for a debtor of {jurisdiction or 'no jurisdiction'}",
                f"import the debtor again with one of {', '.join(Jurisdiction)}",
            ) from None


def _words(creditor: CreditorSettings) -> CreditorWords:
    return CreditorWords(
        name=creditor.name,
        signature=creditor.signature,
        hotline=creditor.hotline,
        complaint_line=creditor.complaint_line,
        app=creditor.app,
        payee_name=creditor.payee.name,
        payee_bank=creditor.payee.bank,
        payee_account=creditor.payee.account,
        address=creditor.address,
        department=creditor.department,
        check_at=creditor.check_at,
    )
