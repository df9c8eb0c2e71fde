"""A print-and-mail partner on loopback: takes batches, acknowledges, posts, pushes tracking."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from outreach.channels.tracking import BEIJING, s10_check_digit, sign
from outreach.clock import Clock
from outreach.sandbox.book import Book, read_book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.script import Fate, Plan, plan

OFFICE = "沙盒邮政所"

Step = tuple[str, str, str]
"""State, fine code and words of one line of tracking."""

ON_THE_WAY: tuple[Step, ...] = (
    ("0", "1001", "邮件已离开处理中心"),
    ("5", "1003", "邮件正在派送"),
)

ENDS: dict[Fate, tuple[Step, ...]] = {
    Fate.DELIVERED: (("3", "301", "邮件已妥投，本人签收"),),
    Fate.SIGNED_BY_OTHER: (("3", "303", "邮件已妥投，他人代收"),),
    Fate.RETURNED: (
        ("6", "6", "查无此人，邮件退回中"),
        ("4", "4", "退回妥投，查无此人"),
    ),
}


@dataclass(frozen=True, slots=True)
class _Letter:
    letter_id: str
    sha256: str  # as the manifest says
    seen: str  # as we found it
    body: bytes
    to: str


class MailHouseSandbox:
    def __init__(self, config: SandboxConfig, clock: Clock, book: Book, courier: Courier) -> None:
        self._config = config
        self._clock = clock
        self._book = book
        self._courier = courier
        self._salt = config.tracking_salt.get_secret_value()
        self._known: dict[str, str] = {}  # letter id -> digest of its PDF
        self._serial = 10_000_000
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._config.outbox.mkdir(parents=True, exist_ok=True)
        self._config.inbox.mkdir(parents=True, exist_ok=True)
        for entry in read_book(self._config.log_dir / "mailhouse.jsonl"):
            self._known[entry.token] = entry.body_sha256
        self._serial += len(self._known)
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            for folder in await asyncio.to_thread(self._ready):
                await self._take(folder)
            await asyncio.sleep(self._config.poll)

    def _ready(self) -> list[Path]:
        """Batches that are complete and not yet acknowledged, oldest name first."""
        inbox = self._config.inbox
        return [
            ready.parent
            for ready in sorted(self._config.outbox.glob("*/_READY"))
            if not (inbox / f"ack-{ready.parent.name}.csv").exists()
            and not (inbox / "archive" / f"ack-{ready.parent.name}.csv").exists()
        ]

    async def _take(self, folder: Path) -> None:
        letters = await asyncio.to_thread(_read, folder)
        answers: list[tuple[str, ...]] = []
        fresh: list[_Letter] = []
        for letter in letters:
            reason = self._objection(letter)
            if not reason and letter.letter_id not in self._known:
                fresh.append(letter)
                self._known[letter.letter_id] = letter.seen
            self._note(letter, reason)
            result = "rejected" if reason else "accepted"
            answers.append((letter.letter_id, result, reason, letter.seen))
        await self._answer(
            f"ack-{folder.name}.csv", ("letter_id", "result", "reason", "sha256"), answers
        )
        if fresh:
            self._courier.later(self._post(folder.name, fresh))

    def _objection(self, letter: _Letter) -> str:
        if letter.seen != letter.sha256:
            return "sha256_mismatch"
        if self._known.get(letter.letter_id, letter.seen) != letter.seen:
            return "changed_after_handover"
        return ""

    def _note(self, letter: _Letter, reason: str) -> None:
        self._book.write(
            token=letter.letter_id,
            message_id=letter.letter_id,
            to=letter.to,
            body=letter.body,
            outcome=reason or self._plan(letter.letter_id).fate,
            accepted=not reason,
        )

    def _plan(self, letter_id: str) -> Plan:
        config = self._config
        return plan(config.seed, letter_id, config.letters, {}, config.repeats)

    async def _post(self, batch: str, letters: list[_Letter]) -> None:
        """Bring the letters to the office, report their numbers, then follow each."""
        await self._courier.pause(self._plan(batch).paces[0])
        numbered = [(letter, self._mail_no()) for letter in letters]
        posted_at = self._clock.now().astimezone(BEIJING).isoformat(timespec="seconds")
        rows = [(one.letter_id, number, OFFICE, posted_at, "1") for one, number in numbered]
        columns = ("letter_id", "mail_no", "office", "posted_at", "sheets")
        await self._answer(f"posted-{batch}.csv", columns, rows)
        for letter, number in numbered:
            self._courier.later(self._track(number, self._plan(letter.letter_id)))

    def _mail_no(self) -> str:
        self._serial += 1
        return f"RR{self._serial}{s10_check_digit(str(self._serial))}CN"

    async def _track(self, mail_no: str, fate: Plan) -> None:
        history: list[dict[str, str]] = []
        steps = ON_THE_WAY + ENDS.get(fate.fate, ENDS[Fate.DELIVERED])
        for number, (state, code, words) in enumerate(steps):
            await self._courier.pause(fate.paces[number % len(fate.paces)])
            at = self._clock.now().astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
            line = {"time": at, "ftime": at, "context": words, "statusCode": code}
            history.insert(0, line)
            for _ in range(2 if fate.repeats else 1):
                await self._push(mail_no, state, history)

    async def _push(self, mail_no: str, state: str, history: list[dict[str, str]]) -> None:
        result = {
            "message": "ok",
            "state": state,
            "com": "youzhengguonei",
            "nu": mail_no,
            "ischeck": "1" if state in ("3", "4") else "0",
            "data": history,
        }
        status = "shutdown" if state in ("3", "4") else "polling"
        param = json.dumps({"status": status, "lastResult": result}, ensure_ascii=False)
        url = f"{self._config.public_url}/callbacks/{self._config.letter_carrier}/tracking"
        await self._courier.post(url, {"sign": sign(param, self._salt), "param": param}, {})

    async def _answer(
        self, name: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]
    ) -> None:
        await asyncio.to_thread(_write, self._config.inbox / name, [columns, *rows])


def _read(folder: Path) -> list[_Letter]:
    """The letters of a batch. A file that ``SHA256SUMS`` does not vouch for counts as changed."""
    vouched: dict[str, str] = {}
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        vouched[name] = digest
    manifest = (folder / "manifest.csv").read_bytes()
    whole = vouched.get("manifest.csv") == sha256(manifest).hexdigest()
    letters = []
    for row in csv.DictReader(io.StringIO(manifest.decode(), newline="")):
        path = folder / row["pdf"]
        body = path.read_bytes() if path.exists() else b""
        seen = sha256(body).hexdigest()
        agreed = whole and vouched.get(row["pdf"]) == row["sha256"]
        letters.append(
            _Letter(
                letter_id=row["letter_id"],
                sha256=row["sha256"] if agreed else "",
                seen=seen,
                body=body,
                to=f"{row['recipient']}\n{row['street']}",
            )
        )
    return letters


def _write(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)
    part.replace(path)
