"""Make a bundle of one debtor's history: read in one snapshot, judged for its audience, packed."""

import asyncio
import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

import asyncpg

from outreach.db import events, tree
from outreach.db import proof as stored
from outreach.db.pool import Connection
from outreach.domain.contact import Channel, Origin
from outreach.domain.errors import ConfigurationError, TemplateError
from outreach.domain.events import EventKind, debtor_stream
from outreach.domain.notice import Purpose
from outreach.ledger import places
from outreach.ledger.checkpoint import PublicKey, leaf, read_note
from outreach.ledger.envelope import envelope, instant
from outreach.ledger.keys import MasterKeys, WrappedKey
from outreach.ledger.merkle import consistency, inclusion, range_hash, tiles_of
from outreach.life.parts import Parts
from outreach.proof import bundle, names
from outreach.proof.audience import Audience
from outreach.proof.bundle import Checkpoint, Growth, Leaf, Link, Proof, Shown
from outreach.proof.certificate import Anchor, Case, Record, Subject, certificate
from outreach.proof.mask import mask_number
from outreach.proof.outcome import outcome_of
from outreach.proof.profile import Profile, load_profile
from outreach.proof.timeline import Words, read_line, words_of
from outreach.templating.certificate import Evidence
from outreach.templating.document import DocumentPress

ERASED = "（已依法删除）"


@dataclass(frozen=True, slots=True)
class Request:
    """Whose history, how much of it, and for whom; ``since`` and before ``until`` are instants."""

    debtor_id: UUID
    audience: Audience
    account_id: UUID | None = None
    notice_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def stated(self) -> dict[str, str | None]:
        """As the bundle's index and the ``exported`` event tell it."""
        return {
            "debtor": str(self.debtor_id),
            "audience": str(self.audience),
            "account": str(self.account_id) if self.account_id else None,
            "notice": str(self.notice_id) if self.notice_id else None,
            "from": instant(self.since) if self.since else None,
            "to": instant(self.until) if self.until else None,
        }


@dataclass(frozen=True, slots=True)
class Bundle:
    """``content`` is the zip; ``included`` counts the events whose envelope is in it."""

    content: bytes
    creditor_id: str
    numbers: tuple[int, ...]  # of the notices it tells of
    events: int
    included: int


async def make_bundle(
    parts: Parts, request: Request, made_at: datetime, press: DocumentPress
) -> Bundle:
    """The bundle as of now; raises ``NotFound`` for a debtor nobody knows."""
    async with (
        parts.pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        profile = await load_profile(conn, parts.masters, request.debtor_id, made_at)
        stream = debtor_stream(request.debtor_id)
        links = [_link(parts.masters, row) for row in await stored.links(conn, stream)]
        notices = await stored.notices(conn, request.debtor_id)
        selected = _Selection(request, notices)
        shown = {link.seq: selected.shows(link) for link in links}
        proof, anchor = await _proof(parts, conn, stream)
        versions = await _versions(conn, request, links, shown)
    made = bundle.files(stream, request.stated(), links, shown, proof, made_at) | versions
    letters = await _letters(parts, links, shown, {row["id"]: row["number"] for row in notices})
    scans = _scans(links, shown, {row["id"]: row["number"] for row in notices})
    made |= letters | scans
    cases = [
        _case(row, links, shown, letters | scans) for row in notices if selected.covers(row["id"])
    ]
    cases = [case for case in cases if case.records]
    content = certificate(
        f"{request.debtor_id.hex[-12:]}-{made_at:%Y%m%dT%H%M%SZ}",
        _subject(parts, request, profile),
        request.audience,
        cases,
        [_record(link) for link in links if shown[link.seq].envelope and not link.line.notice_id],
        _evidence(made),
        anchor,
        made_at,
    )
    digests = {"evidence.sha256": bundle.sums(made).decode()}
    made["certificate.pdf"] = await asyncio.to_thread(
        press.press, asdict(content), made_at, digests
    )
    made[bundle.SUMS] = bundle.sums(made)
    return Bundle(
        content=bundle.packed(made),
        creditor_id=profile.creditor_id,
        numbers=tuple(case.number for case in cases),
        events=len(links),
        included=sum(each.envelope for each in shown.values()),
    )


class _Selection:
    """Which events of the history the request asks for, and its audience may see."""

    def __init__(self, request: Request, notices: Sequence[asyncpg.Record]) -> None:
        self._request = request
        self._notices = {
            row["id"]
            for row in notices
            if request.notice_id in (None, row["id"])
            and (request.account_id is None or request.account_id in row["account_ids"])
        }
        self._whole = request.account_id is None and request.notice_id is None

    def covers(self, notice_id: UUID | None) -> bool:
        return notice_id in self._notices

    def shows(self, link: Link) -> Shown:
        line, audience = link.line, self._request.audience
        asked = self._asked(link)
        return Shown(
            envelope=asked and audience.sees(line.kind),
            payload=asked and audience.reads(line.kind),
        )

    def _asked(self, link: Link) -> bool:
        line, request = link.line, self._request
        if request.since is not None and line.at < request.since:
            return False
        if request.until is not None and line.at >= request.until:
            return False
        if line.notice_id is not None:
            return self.covers(line.notice_id)
        return self._whole or (
            request.account_id is not None and line.account_id == request.account_id
        )


async def _proof(parts: Parts, conn: Connection, stream: str) -> tuple[Proof, Anchor | None]:
    """The stream's leaves, each under the first checkpoint that covers it, and who signed those."""
    leaves = {row["index"]: row for row in await tree.leaves_of(conn, stream)}
    covering = await tree.covering(conn, list(leaves))
    asked = {row["index"]: inclusion(row["index"], row["size"]) for row in covering}
    sizes = sorted({row["size"] for row in covering})
    grown = {pair: consistency(*pair) for pair in pairwise(sizes)}
    ranges = (each for path in (*asked.values(), *grown.values()) for each in path)
    tiles = await tree.tiles(conn, tiles_of(ranges))
    keys = [PublicKey(row["origin"], row["raw"]) for row in await tree.keys(conn)]
    checkpoints = {row["size"]: row for row in covering}
    signers = {
        signer.fingerprint: signer
        for row in checkpoints.values()
        for signer in read_note(row["note"], keys).signers
    }
    proof = Proof(
        leaves=[
            Leaf(
                index=row["index"],
                content=leaf(stream, leaves[row["index"]]["seq"], leaves[row["index"]]["head"]),
                size=row["size"],
                path=[range_hash(each, tiles) for each in asked[row["index"]]],
            )
            for row in covering
        ],
        checkpoints=[
            Checkpoint(size, row["note"].encode(), row["token"])
            for size, row in checkpoints.items()
        ],
        growths=[
            Growth(old, new, [range_hash(each, tiles) for each in path])
            for (old, new), path in grown.items()
        ],
        keys={fingerprint: key.pem for fingerprint, key in signers.items()},
        stampers=_stampers(parts, checkpoints.values()),
    )
    if not covering:
        return proof, None
    last = covering[-1]
    named = {f"公钥指纹 {n}": key.printed for n, key in enumerate(signers.values(), 1)}
    return proof, Anchor(last["at"], last["size"], named, stamped=last["token"] is not None)


def _stampers(parts: Parts, checkpoints: Iterable[asyncpg.Record]) -> bytes | None:
    """The certificates that time stamps are checked with, if there are any to check."""
    path = parts.settings.timestamp_certificates
    if path is None or all(row["token"] is None for row in checkpoints):
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"timestamp_certificates: {path} cannot be read: {error.strerror}",
            "put the authority's certificates there, as PEM",
        ) from None


def _link(masters: MasterKeys, row: asyncpg.Record) -> Link:
    """A row of ``stored.links``; its payload is opened, and compared with its digest by whoever
    checks the bundle.
    """
    payload = None
    if row["sealed"] is not None and row["wrapped"] is not None:
        key = masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
        payload = key.open(row["sealed"], places.payload(row["id"]))
    return Link(
        seq=row["seq"],
        head=row["head"],
        envelope=envelope(row["id"], events.read_event(row), row["payload_digest"]),
        line=read_line(masters, row),
        salt=row["salt"],
        payload=payload,
    )


async def _versions(
    conn: Connection, request: Request, links: Sequence[Link], shown: Mapping[int, Shown]
) -> dict[str, bytes]:
    """Templates used, and policies that judged; of what decided the debtor is told nothing."""
    lines = [link.line for link in links if shown[link.seq].envelope]
    used = sorted({str(line.data["template"]) for line in lines if "template" in line.data})
    made = {
        f"templates/{digest}.txt": source.encode()
        for digest, source in (await stored.templates(conn, used)).items()
    }
    if request.audience is not Audience.DEBTOR:
        judged = {part for line in lines for part in (line.policy_version or "").split("+") if part}
        made |= {
            f"policies/{digest}.toml": source.encode()
            for digest, source in (await stored.policies(conn, sorted(judged))).items()
        }
    return made


async def _letters(
    parts: Parts, links: Sequence[Link], shown: Mapping[int, Shown], numbers: Mapping[UUID, int]
) -> dict[str, bytes]:
    """The PDFs of letters, set anew; one whose bytes would differ from those recorded is left out:
    it was made by another version of the layout or the font.
    """
    made: dict[str, bytes] = {}
    for link in links:
        line = link.line
        if not shown[link.seq].payload or "letter" not in (line.payload or {}):
            continue
        assert line.payload is not None
        assert line.notice_id is not None
        try:
            letter = await asyncio.to_thread(parts.press.press, line.payload["letter"])
        except TemplateError:
            continue
        if sha256(letter.pdf).hexdigest() == line.data.get("pdf_sha256"):
            made[f"letters/{numbers[line.notice_id]}-{line.data['attempt']}.pdf"] = letter.pdf
    return made


def _scans(
    links: Sequence[Link], shown: Mapping[int, Shown], numbers: Mapping[UUID, int]
) -> dict[str, bytes]:
    """Pictures of receipts, as files that a person can open."""
    made: dict[str, bytes] = {}
    for link in links:
        line = link.line
        if line.kind is not EventKind.SCANNED or not shown[link.seq].payload or not line.payload:
            continue
        assert line.notice_id is not None
        name = f"scans/{numbers[line.notice_id]}-{link.seq}.{line.data['media']}"
        made[name] = base64.b64decode(line.payload["scan"])
    return made


# ------------------------------------------------------------------------------ the certificate


def _subject(parts: Parts, request: Request, profile: Profile) -> Subject:
    creditor = parts.creditors.get(profile.creditor_id)
    number = profile.id_number
    if number and request.audience.masked:
        number = mask_number(number)
    return Subject(
        creditor=creditor.name if creditor else profile.creditor_id,
        name=profile.name or ERASED,
        id_number=number or ERASED,
        accounts=[
            f"{account.product} 尾号 {account.tail}"
            for account in profile.accounts
            if request.account_id in (None, account.id)
        ],
        zone=profile.zone,
        fictional=creditor is not None and creditor.fictional,
        companies={each.name: each.company for each in parts.settings.carriers if each.company},
        since=request.since,
        until=request.until,
    )


def _record(link: Link) -> Record:
    return Record(link.seq, f"events/{link.name}.json", link.line)


def _case(
    row: asyncpg.Record,
    links: Sequence[Link],
    shown: Mapping[int, Shown],
    enclosed: Mapping[str, bytes],
) -> Case:
    mine = [link for link in links if link.line.notice_id == row["id"]]
    seen = [link for link in mine if shown[link.seq].envelope]
    sendings = [link for link in seen if link.line.kind is EventKind.SENDING]
    words, withheld = _words(sendings, shown)
    return Case(
        number=row["number"],
        purpose=Purpose(row["purpose"]),
        channel=Channel(row["channel"]),
        to=words.to if words else "—",
        origin=_origin(row),
        records=[_record(link) for link in seen],
        outcome=outcome_of([link.line for link in seen]),
        words=words,
        withheld=withheld,
        letter=_named(enclosed, f"letters/{row['number']}-"),
        scans=_named(enclosed, f"scans/{row['number']}-"),
    )


def _named(enclosed: Mapping[str, bytes], begin: str) -> str:
    return "、".join(name for name in enclosed if name.startswith(begin))


def _words(sendings: Sequence[Link], shown: Mapping[int, Shown]) -> tuple[Words | None, str]:
    """The words of the last attempt, or why they are not shown."""
    if not sendings:
        return None, ""
    last = sendings[-1]
    if not shown[last.seq].payload:
        return None, "内容未收录。"
    if last.payload is None:
        return None, "内容已依法删除，只留有摘要。"
    return words_of(last.line), ""


def _origin(row: asyncpg.Record) -> str:
    if row["origin"] is None:
        return ERASED
    said = [names.ORIGINS[Origin(row["origin"])], "已核实" if row["verified"] else "未核实"]
    if row["document"]:
        said.append(f"凭证 {row['document']}")
    return "，".join(said)


_KINDS: Mapping[str, str] = {
    "events": "记录原文",
    "payloads": "记录内容",
    "letters": "信函",
    "scans": "回执扫描件",
    "templates": "模板",
    "policies": "合规规则",
    "log": "载入日志的位置",
    "checkpoints": "检查点",
    "keys": "签名公钥",
    "chain.txt": "各条记录的校验值",
    "index.json": "证据包目录",
    "verify.sh": "核验程序",
    "说明.txt": "核验说明",
}


def _evidence(made: Mapping[str, bytes]) -> list[Evidence]:
    """The files in order of name, each with its digest; salts go with what they salt."""
    return [
        Evidence(name, _KINDS.get(name.partition("/")[0], ""), sha256(made[name]).hexdigest())
        for name in sorted(made)
        if not name.endswith(".salt")
    ]
