"""Scans of what the post brought back: a picture of one receipt, filed with its letter's notice.

A scanned sheet may show the receipts of several debtors. Only what was cut out for one of them is
kept, beside the digest of the whole, which stays where it is: nobody is given somebody else's.
"""

import base64
import re
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from outreach.channels.tracking import plausible_mail_no
from outreach.db import carriage, events, receipts
from outreach.db.pool import Connection
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.ledger.envelope import prepare
from outreach.life.parts import Parts
from outreach.life.telling import notice_event

LARGEST = 1 << 20
"""Octets of one picture: a receipt in grey at 300 dots an inch has a fifth of it."""
MEDIA = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"%PDF-": "pdf"}
"""By how their files begin."""
_MAIL_NO = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}|[A-Z]{2}\d{11}|\d{13}")


@frozen
class Scan:
    """A picture as it was handed in, named by the mail number it belongs to."""

    file: str
    mail_no: str
    media: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()


@frozen
class Filed:
    """``number`` is the notice's; ``new``: it was not filed before."""

    file: str
    number: int
    new: bool


def read(path: Path) -> Scan:
    """Raises ``InvalidInput`` naming the file, for what is none we can keep."""
    mail_no = path.stem.upper().partition("-")[0].partition("_")[0].strip()
    if not _MAIL_NO.fullmatch(mail_no) or not plausible_mail_no(mail_no):
        raise InvalidInput(
            f"{path.name}: the name is no mail number", "name it so: RR100000017CN.png"
        )
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidInput(f"{path.name} cannot be read: {error.strerror}") from None
    media = next((kind for head, kind in MEDIA.items() if content.startswith(head)), None)
    if media is None:
        raise InvalidInput(f"{path.name} is no PNG, JPEG or PDF", "convert it")
    if len(content) > LARGEST:
        raise InvalidInput(
            f"{path.name} has more than {LARGEST >> 10} KiB",
            "cut out the one receipt, or save it with fewer dots an inch",
        )
    return Scan(path.name, mail_no, media, content)


async def file(parts: Parts, conn: Connection, scan: Scan, original: str, actor: str) -> Filed:
    """Keep it with its letter's notice; ``original`` is the whole scan's SHA-256.

    Raises ``NotFound`` for a mail number that is no letter's of ours, or of one whose address was
    erased.
    """
    notice_id = await _notice_of(parts, conn, scan.mail_no)
    [row] = await receipts.lock(conn, [notice_id])
    number = await conn.fetchval("select number from notices where id = $1", notice_id)
    if await events.has_scan(conn, notice_id, scan.digest):
        return Filed(scan.file, number, new=False)
    key = parts.open_key(row, "point_", row["contact_point_id"])
    if key is None:
        raise NotFound(f"{scan.file}: the address of notice {number} was erased, and so is this")
    data: dict[str, object] = {
        "mail_no": scan.mail_no,
        "media": scan.media,
        "scan_sha256": scan.digest,
        "original": original,
    }
    event = notice_event(
        row,
        EventKind.SCANNED,
        parts.clock.now(),
        data,
        actor=actor,
        payload={"scan": base64.b64encode(scan.content).decode()},
    )
    await events.append(conn, [prepare(event, key)])
    return Filed(scan.file, number, new=True)


async def _notice_of(parts: Parts, conn: Connection, mail_no: str) -> UUID:
    for house in parts.mail_houses:
        found = await carriage.find(conn, house, [mail_no])
        if mail_no in found:
            return found[mail_no][0]
    raise NotFound(
        f"{mail_no}: no letter of ours has this mail number",
        "a mail house tells it when it posts the letter: is that file in yet?",
    )
