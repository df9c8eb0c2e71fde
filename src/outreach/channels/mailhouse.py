"""Letters by a print-and-mail partner: a folder a batch goes out, answer files and tracking return.

``outbox/<batch_id>/`` holds ``manifest.csv``, ``pdf/<letter_id>.pdf``, ``SHA256SUMS`` and, last of
all, ``_READY``. The partner puts ``ack-*.csv`` and ``posted-*.csv`` into ``inbox/``.
"""

import asyncio
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from outreach.channels import tracking
from outreach.channels.base import (
    Callback,
    DeliveryFact,
    Fact,
    FileRow,
    LetterBatch,
    LetterItem,
)
from outreach.domain.contact import Channel
from outreach.domain.errors import CallbackRejected, ConfigurationError, Conflict, InvalidInput
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass
from outreach.settings import MailHouseSettings

COLUMNS = (
    "letter_id",
    "pdf",
    "sha256",
    "pages",
    "colour",
    "duplex",
    "product",
    "return_receipt",
    "item_description",
    "recipient",
    "province",
    "city",
    "district",
    "street",
    "postcode",
    "phone_masked",
    "sender_code",
)

ACKNOWLEDGED: dict[str, tuple[Delivery, FailureClass | None]] = {
    "accepted": (Delivery.ACCEPTED, None),
    "rejected": (Delivery.UNDELIVERED, FailureClass.REJECTED),
}

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_SUMS = "SHA256SUMS"
_READY = "_READY"


class FolderMailHouse:
    """One partner, reached through two folders; ``salt`` signs its tracking pushes."""

    channel = Channel.LETTER

    def __init__(self, settings: MailHouseSettings, *, salt: str) -> None:
        self.name = settings.name
        self.real = settings.real
        self._settings = settings
        self._salt = salt

    async def open(self) -> None:
        for folder in (self._settings.outbox, self._settings.inbox / "archive"):
            folder.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def hand_over(self, batch: LetterBatch) -> None:
        await asyncio.to_thread(self._write, batch)

    def _write(self, batch: LetterBatch) -> None:
        for one in (batch.batch_id, *(item.letter_id for item in batch.items)):
            if not _ID.fullmatch(one):
                raise InvalidInput(
                    "a batch or letter id cannot be a file name",
                    "use letters, digits, - and _, at most 64",
                )
        folder = self._settings.outbox / batch.batch_id
        files = {f"pdf/{item.letter_id}.pdf": item.pdf for item in batch.items}
        files["manifest.csv"] = manifest(batch)
        files[_SUMS] = "".join(
            f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
        ).encode()
        if (folder / _READY).exists():
            _check_same(folder, files)
            return
        (folder / "pdf").mkdir(parents=True, exist_ok=True)
        for stray in (folder / "pdf").iterdir():  # of a try that died before _READY
            if f"pdf/{stray.name}" not in files:
                stray.unlink()
        for name, content in files.items():
            _put(folder / name, content)
        _sync(folder / "pdf")
        _sync(folder)
        _put(folder / _READY, b"")
        _sync(folder)

    async def forget(self, batch_id: str, letter_id: str) -> None:
        await asyncio.to_thread(self._forget, batch_id, letter_id)

    def _forget(self, batch_id: str, letter_id: str) -> None:
        folder = self._settings.outbox / batch_id
        (folder / "pdf" / f"{letter_id}.pdf").unlink(missing_ok=True)
        manifest = folder / "manifest.csv"
        if not manifest.exists():
            return
        with manifest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\r\n").writerows(
            [letter_id] if row[0] == letter_id else row for row in rows
        )
        _put(manifest, out.getvalue().encode())

    async def collect(self) -> Sequence[tuple[Callback, Path]]:
        return await asyncio.to_thread(self._collect)

    def _collect(self) -> list[tuple[Callback, Path]]:
        inbox = self._settings.inbox
        answers = [*inbox.glob("ack-*.csv"), *inbox.glob("posted-*.csv")]
        answers.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [
            (
                Callback(
                    carrier=self.name,
                    path=f"file/{path.name}",
                    url=path.absolute().as_uri(),
                    headers={},
                    body=path.read_bytes(),
                ),
                path,
            )
            for path in answers
        ]

    async def archive(self, path: Path) -> None:
        await asyncio.to_thread(os.replace, path, self._settings.inbox / "archive" / path.name)

    def verify(self, callback: Callback) -> None:
        """Files are believed because they came by ``collect``; pushes because they are signed."""
        if urlsplit(callback.url).scheme == "file":
            return
        if callback.path == "tracking":
            sign, param = tracking.read_push(self.name, callback.body)
            if tracking.signed_by(param, self._salt, sign):
                return
        raise CallbackRejected(
            f"carrier {self.name}: the push is not signed by the partner",
            f"check {self._settings.push_salt_env}",
        )

    def parse(self, callback: Callback) -> Sequence[Fact]:
        if callback.path == "tracking":
            _, param = tracking.read_push(self.name, callback.body)
            return [tracking.fact(self.name, param)]
        name = callback.path.removeprefix("file/")
        if name.startswith("ack-"):
            return [self._acknowledged(*row) for row in self._rows(name, callback.body)]
        if name.startswith("posted-"):
            return [self._posted(*row) for row in self._rows(name, callback.body)]
        raise CallbackRejected(f"carrier {self.name}: neither an answer file nor a tracking push")

    def _rows(self, name: str, body: bytes) -> Iterator[tuple[dict[str, str], FileRow]]:
        """Each row's cells and its place among the rows, which are whole once all were taken."""
        needed = (
            ("letter_id", "result", "reason", "sha256")
            if name.startswith("ack-")
            else ("letter_id", "mail_no", "office", "posted_at", "sheets")
        )
        try:
            rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
            lines, kept = body.splitlines(keepends=True), list[bytes]()
            missing = [column for column in needed if column not in (rows.fieldnames or ())]
            if missing:
                raise CallbackRejected(
                    f"carrier {self.name}: {name} has no column {', '.join(missing)}",
                    f"the partner must write the columns {', '.join(needed)}",
                )
            kept.append(b"".join(lines[: rows.line_num]))
            read = rows.line_num
            for number, row in enumerate(rows, 2):
                kept.append(b"".join(lines[read : rows.line_num]))
                read = rows.line_num
                if not row["letter_id"]:
                    raise CallbackRejected(
                        f"carrier {self.name}: {name}, row {number}: no letter_id"
                    )
                said = {column: (row[column] or "").strip() for column in needed}
                yield said, FileRow(kept, len(kept) - 1)
        except (UnicodeDecodeError, csv.Error):
            raise CallbackRejected(
                f"carrier {self.name}: {name} is not CSV in UTF-8",
                "ask the partner for the file again",
            ) from None

    def _acknowledged(self, row: dict[str, str], place: FileRow) -> DeliveryFact:
        result = row["result"].lower()
        delivery, failure = ACKNOWLEDGED.get(result, (Delivery.NONE, None))
        reason = row["reason"] if _CODE.fullmatch(row["reason"]) else ""
        return DeliveryFact(
            message_id=row["letter_id"],
            token=None,
            delivery=delivery,
            at=None,
            code=reason or (result if _CODE.fullmatch(result) else ""),
            failure=failure,
            detail={"letter_id": row["letter_id"], "sha256": row["sha256"]},
            row=place,
        )

    def _posted(self, row: dict[str, str], place: FileRow) -> DeliveryFact:
        detail = {column: row[column] for column in ("letter_id", "mail_no", "office", "sheets")}
        return DeliveryFact(
            message_id=row["letter_id"],
            token=None,
            delivery=Delivery.SENT,
            at=_instant(row["posted_at"]),
            code="" if tracking.plausible_mail_no(row["mail_no"]) else "mail-no-check-digit",
            event=EventKind.POSTED,
            detail=detail,
            row=place,
        )

    async def check(self) -> str:
        for folder in (self._settings.outbox, self._settings.inbox):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise ConfigurationError(
                    f"carrier {self.name}: {folder} cannot be written",
                    "create the folder, or correct outbox and inbox",
                )
        return f"{self.name}: mail house folders are there"


def manifest(batch: LetterBatch) -> bytes:
    """``manifest.csv``: RFC 4180 in UTF-8, one row a letter; the address of record.

    The address goes into ``street`` as its lines stand: province, city and district are left
    empty rather than guessed. ``item_description`` ties the number to the item and says nothing
    of a debt, because it is printed on the outside.
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for item in batch.items:
        row = _row(item, batch.sender_code)
        rows.writerow([_cell(row.get(column, "")) for column in COLUMNS])
    return out.getvalue().encode()


def _row(item: LetterItem, sender_code: str) -> dict[str, str]:
    return {
        "letter_id": item.letter_id,
        "pdf": f"pdf/{item.letter_id}.pdf",
        "sha256": sha256(item.pdf).hexdigest(),
        "pages": str(item.pages),
        "colour": "no",
        "duplex": "no",
        "product": "REG" if item.registered else "ORD",
        "return_receipt": "no",
        "item_description": f"函件 函号 {item.letter_id}",
        "recipient": item.address.recipient,
        "street": " ".join(item.address.lines),
        "postcode": item.address.postcode,
        "sender_code": sender_code,
    }


def _cell(value: str) -> str:
    """A cell a spreadsheet will not take for a formula."""
    flat = " ".join(value.splitlines())
    return f"'{flat}" if flat.startswith(("=", "+", "-", "@", "\t")) else flat


def _check_same(folder: Path, files: dict[str, bytes]) -> None:
    """Raise ``Conflict`` if what was handed over differs from ``files``."""
    if (folder / _SUMS).read_bytes() == files[_SUMS]:
        return
    for name, content in files.items():
        there = folder / name
        if name.startswith("pdf/") and there.exists() and there.read_bytes() != content:
            raise Conflict(
                f"letter {there.stem} was handed over with another PDF",
                "give a changed letter a new id; a letter handed over is never replaced",
            )
    raise Conflict(
        f"batch {folder.name} was handed over with other letters", "open a new batch for them"
    )


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all: written beside, synced, renamed."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sync(folder: Path) -> None:
    """Make the renames in ``folder`` last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=tracking.BEIJING)
