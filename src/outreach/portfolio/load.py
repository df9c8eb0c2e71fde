"""Imports: a file read, checked against its control totals, and written by batches.

The file is read twice. The first reading only counts: where the control totals do not hold, the
file is cut off or damaged, and nothing of it is written. The second takes row after row, and bad
rows go into the file beside the input. Each batch is one transaction, and the next batch is read
while it is written. The same file again changes nothing, so an import that broke off is mended by
running it again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.errors import Conflict, InvalidInput, OutreachError
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.portfolio.fact_files import FACTS, FactsOf
from outreach.portfolio.files import Table, open_table
from outreach.portfolio.jobs import AccountsJob, Job, PaymentsJob
from outreach.portfolio.mapping import ACCOUNTS, PAYMENTS, load_mapping
from outreach.portfolio.mapping import Mapping as ColumnMapping
from outreach.portfolio.pipeline import READ_TURN, Behind, rare_collection, turn
from outreach.portfolio.reading import (
    Control,
    Numbered,
    Reading,
    Rejected,
    only_count,
    read_accounts,
    read_payments,
)
from outreach.portfolio.refusals import Refusals
from outreach.portfolio.report import Report
from outreach.portfolio.rows import Terms

BATCH = 1000

Watch = Callable[[str, int, int], None]
"""Told what is being done, the bytes done and the bytes in all."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    ConnectionError,
)

R = TypeVar("R", bound=Numbered)


async def import_accounts(
    parts: Parts,
    path: Path,
    actor: str,
    *,
    mapping: Path | None = None,
    shift_days: int = 0,
    expected: Control | None = None,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> Report:
    """Bring in a portfolio; ``dry_run`` reads everything and writes nothing but the bad rows.

    ``expected``: control totals beside those at the file's end. ``shift_days`` moves every date.
    Raises ``InvalidInput`` for a file that cannot be taken, ``Conflict`` while another import runs,
    ``OutreachError`` if the database goes away in the middle.
    """
    columns, table, terms = _open(parts, path, mapping, ACCOUNTS, shift_days)
    await _check_totals(only_count(table, columns, terms, "balance"), expected, watch)
    reading = read_accounts(table, columns, terms)
    report = Report("accounts", path, dry_run, new_id(), ignored=reading.columns.ignored)
    await _Run(parts, report, actor, watch).load(
        reading, AccountsJob(parts, report.import_id, actor, reading.columns.title)
    )
    return report


async def import_payments(
    parts: Parts,
    path: Path,
    actor: str,
    *,
    mapping: Path | None = None,
    shift_days: int = 0,
    expected: Control | None = None,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> Report:
    """Bring in payments and reversals; everything else as for ``import_accounts``."""
    columns, table, terms = _open(parts, path, mapping, PAYMENTS, shift_days)
    await _check_totals(only_count(table, columns, terms, "amount"), expected, watch)
    reading = read_payments(table, columns, terms)
    report = Report("payments", path, dry_run, new_id(), ignored=reading.columns.ignored)
    await _Run(parts, report, actor, watch).load(
        reading, PaymentsJob(parts, report.import_id, actor, reading.columns.title)
    )
    return report


async def import_facts(
    parts: Parts,
    path: Path,
    actor: str,
    *,
    of: FactsOf = FactsOf.STANDINGS,
    creditor: str | None = None,
    constants: Mapping[str, str] | None = None,
    mapping: Path | None = None,
    shift_days: int = 0,
    expected: Control | None = None,
    dry_run: bool = False,
    watch: Watch = lambda *_: None,
) -> Report:
    """Take down facts, ``of`` one kind; ``creditor`` is meant where a row names none, and so are
    ``constants`` where the file has no such column.

    Everything else as for ``import_accounts``, but any number may run at once: whom a row is about
    is locked while its batch is written.
    """
    kind = FACTS[of]
    columns, table, terms = _open(parts, path, mapping, kind.columns, shift_days)
    columns = replace(columns, constants={**columns.constants, **(constants or {})})
    terms = replace(terms, creditor=creditor)
    await _check_totals(only_count(table, columns, terms, None), expected, watch)
    reading = Reading(table, columns, terms, kind.parse, None, kind.key)
    report = Report(of, path, dry_run, new_id(), ignored=reading.columns.ignored)
    job = kind.job(parts, actor, reading.columns.title)
    await _Run(parts, report, actor, watch, alone=False).load(reading, job)
    return report


# ------------------------------------------------------------------------------ the first reading


def _open(
    parts: Parts, path: Path, mapping: Path | None, base: ColumnMapping, shift_days: int
) -> tuple[ColumnMapping, Table, Terms]:
    columns = load_mapping(mapping, base) if mapping else base
    return columns, open_table(path), Terms(parts.places, shift_days=shift_days)


async def _check_totals(reading: Reading[Any], expected: Control | None, watch: Watch) -> None:
    size = reading.table.size
    for _ in reading.rows(lambda done: watch("counting", done, size)):
        pass
    if problems := reading.control_problems(expected):
        raise InvalidInput(
            f"{reading.table.path}: nothing was imported, the control totals do not hold: "
            + "; ".join(problems),
            "have the file exported again: it may be cut off or edited; or mend the totals given",
        )


# ----------------------------------------------------------------------------- the second reading


@dataclass(slots=True)
class _Batch:
    """Rows to be written together, and how many were read and refused on the way to them."""

    items: list[Any] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    last_row: int = 0


class _Run:
    """One pass of a file into the database."""

    def __init__(
        self, parts: Parts, report: Report, actor: str, watch: Watch, *, alone: bool = True
    ) -> None:
        self._parts = parts
        self._report = report
        self._actor = actor
        self._watch = watch
        self._alone = alone
        self._done_to = 0  # the last row that is written, or needed no writing

    async def load(self, reading: Reading[R], job: Job[R]) -> None:
        report = self._report
        with Refusals(report.file) as refusals:
            try:
                async with self._parts.pool.acquire() as conn:
                    await self._begin(conn)
                    try:
                        with rare_collection():
                            await self._pass(conn, reading, job, refusals)
                        await self._end(conn)
                    finally:
                        if not conn.is_closed():
                            await db.give_lock_back(conn)
            except _AWAY as error:
                raise OutreachError(
                    f"the database went away ({type(error).__name__}): {report.file} is imported "
                    f"up to row {self._done_to}, what follows is not",
                    "once it is back, import the same file again: what is in is recognised, "
                    "the rest is added",
                ) from None
            report.bad_rows = refusals.path if refusals.any else None
        if report.refused and not report.taken:
            raise InvalidInput(
                f"{report.file}: none of its {report.rows} rows can be taken",
                f"see {report.bad_rows}",
            )

    async def _begin(self, conn: Connection) -> None:
        if self._report.dry_run:
            return
        if self._alone and not await db.take_lock(conn):
            raise Conflict("another import is running", "wait until it has finished")
        digest = await asyncio.to_thread(_digest, self._report.file)
        kind, now = self._report.kind, self._parts.clock.now()
        await db.start(conn, self._report.import_id, kind, digest, self._actor, now)

    async def _end(self, conn: Connection) -> None:
        if self._report.dry_run:
            return
        await db.finish(conn, self._report.import_id, self._parts.clock.now())
        if self._report.kind == "accounts":
            self._report.shared_phones = await db.shared_phones(conn)

    async def _pass(
        self, conn: Connection, reading: Reading[R], job: Job[R], refusals: Refusals
    ) -> None:
        """Read on while the batch before is being written."""
        size, what = reading.table.size, "checking" if self._report.dry_run else "importing"
        batch = _Batch()
        async with Behind() as behind:
            for found in reading.rows(lambda done: self._watch(what, done, size)):
                batch.read += 1
                batch.last_row = found.row
                if isinstance(found, Rejected):
                    batch.refused += 1
                    refusals.add(found.problems)
                else:
                    batch.items.append(job.ready(found))
                await turn(batch.read, READ_TURN)
                if len(batch.items) == BATCH:
                    await behind.start(self._write, conn, batch, job, refusals)
                    batch = _Batch()
        await self._write(conn, batch, job, refusals)

    async def _write(
        self, conn: Connection, batch: _Batch, job: Job[R], refusals: Refusals
    ) -> None:
        report = self._report
        async with conn.transaction(readonly=report.dry_run):
            applied = await job.apply(conn, batch.items, report.dry_run)
            refused = batch.refused + len(applied.problems)
            if not report.dry_run:
                counts = applied.counts
                await db.count(
                    conn,
                    report.import_id,
                    read=batch.read,
                    created=counts.get("created", 0),
                    changed=counts.get("changed", 0),
                    unchanged=counts.get("unchanged", 0) + counts.get("stale", 0),
                    refused=refused,
                )
        refusals.add(applied.problems)
        for name, count in applied.counts.items():
            setattr(report, name, getattr(report, name) + count)
        report.rows += batch.read
        report.refused += refused
        self._done_to = batch.last_row


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
