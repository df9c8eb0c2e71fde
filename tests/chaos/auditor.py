"""The auditor: holds what we say of every notice against the carriers' own logs.

    python auditor.py FOLDER

It shares no code with what it audits: standard library only, and it reads files only, of one run:

    asked.jsonl      what was asked for: notice and the SHA-256 of its recipient
    carriers.jsonl   what the carriers took, refused and told, by their own account
    export.jsonl     what we say: ``outreach notice export``
    past.jsonl       what we said in a past that a restored database forgot, if there is one
    verify.json      what ``outreach history verify --json`` said
    faults.jsonl     what was done to the machine; worker-*.jsonl: who died where
"""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

Line = dict[str, Any]

OURS = "10690000"  # the number we have with a gateway, which is told no token
UNANSWERED = {"silent", "cut", "vanished", "taken_503", "busy_503", "late"}
REFUSED = {"opted_out", "no_such_number", "refused", "no_such_mailbox"}
NOT_NOW = {"throttled", "closing", "greylisted", "full"}
RANKS = {"none": 0, "accepted": 1, "deferred": 2, "sent": 3, "undelivered": 4, "delivered": 6}
WORDS = {"failed": "undelivered"}  # a mail system's word, in ours
BEFORE = 1.0  # seconds by which clocks and logs may differ


@dataclass
class Finding:
    """``lost``, ``repeated`` ... each with the notices or tokens it is about, and why."""

    lost: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    misdelivered: dict[str, str] = field(default_factory=dict)
    misreported: dict[str, str] = field(default_factory=dict)
    unexplained: dict[str, str] = field(default_factory=dict)
    too_early: dict[str, str] = field(default_factory=dict)
    history: str = ""
    states: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        return not any((*self.complaints.values(), self.history))

    @property
    def complaints(self) -> dict[str, dict[str, str]]:
        names = ("lost", "repeated", "unknown", "misdelivered", "misreported", "unexplained")
        return {name: getattr(self, name) for name in (*names, "too_early")}

    def __str__(self) -> str:
        found = {name: len(about) for name, about in self.complaints.items()}
        words = [f"{name} {count}" for name, count in found.items()]
        words.append(f"history {self.history or 'verified'}")
        for title in ("states", "uncertain", "faults"):
            counts = sorted(getattr(self, title).items())
            words.append(f"{title}: " + (", ".join(f"{k} {v}" for k, v in counts) or "none"))
        return "; ".join(words)


class Evidence:
    """The files of one run, read once."""

    def __init__(self, folder: Path) -> None:
        self.asked = {line["id"]: line for line in read(folder / "asked.jsonl")}
        self.export = {line["id"]: line for line in read(folder / "export.jsonl")}
        self.faults = read(folder / "faults.jsonl")
        self.verify = json.loads((folder / "verify.json").read_text())
        past = folder / "past.jsonl"
        self.tokens_of: dict[str, dict[str, None]] = defaultdict(dict)
        for notice in (*(read(past) if past.exists() else ()), *self.export.values()):
            for attempt in notice["attempts"]:
                self.tokens_of[notice["id"]][attempt["token"]] = None
            if notice["attempts"] and notice["channel"] == "sms":
                self.tokens_of[notice["id"]][OURS + f"{notice['number'] % 10**8:08}"] = None
        self.notice_of = {token: n for n, tokens in self.tokens_of.items() for token in tokens}
        self.restored = next((f for f in self.faults if f["fault"] == "restored"), None)
        self.arrivals: dict[str, list[Line]] = defaultdict(list)
        self.words: dict[str, set[str]] = defaultdict(set)
        self.perhaps: dict[str, set[str]] = defaultdict(set)
        for line in read(folder / "carriers.jsonl"):
            if "fault" in line:
                self.faults.append(line)
                continue
            token = line["token"]
            if "did" in line:
                self.arrivals[token].append(line)
            elif "told" in line and not self.forgotten(line["at"]):
                self.words[token].add(line["told"])
            else:
                said = line.get("told") or line.get("telling") or line["unheard"]
                self.perhaps[token].add(said)
        notes = [line for path in folder.glob("worker-*.jsonl") for line in read(path)]
        self._names = {line["worker"]: line["pid"] for line in notes if "worker" in line}
        self._deaths = {line["pid"]: f"died at {line['died']}" for line in notes if "died" in line}

    def tokens(self, notice_id: str) -> list[str]:
        """Of all its attempts, those of a past that was forgotten as well."""
        return list(self.tokens_of.get(notice_id, ()))

    def forgotten(self, at: float) -> bool:
        """Whether a restored database may have forgotten what it was told then."""
        return self.restored is not None and at <= self.restored["until"]

    def too_early(self) -> list[Line]:
        """What arrived after the database was restored, before it was recovered."""
        if self.restored is None:
            return []
        begin = self.restored["until"]
        end = next(float(f["at"]) for f in self.faults if f["fault"] == "recovered")
        lines = (line for found in self.arrivals.values() for line in found)
        return [line for line in lines if begin < line["at"] < end]

    def did(self, notice_id: str) -> list[Line]:
        """What carriers did with this notice, in order."""
        found = [line for token in self.tokens(notice_id) for line in self.arrivals[token]]
        return sorted(found, key=lambda line: float(line["at"]))

    def taken(self, notice_id: str) -> list[Line]:
        return [line for line in self.did(notice_id) if line["taken"]]

    @cached_property
    def blows(self) -> dict[int, str]:
        """What was done to which process."""
        done = {line["pid"]: line["fault"] for line in self.faults if "pid" in line}
        return {**done, **self._deaths}

    def blow_to(self, worker: str) -> str | None:
        return self.blows.get(self._names.get(worker, -1))

    def meanwhile(self, begin: float, end: float, faults: set[str]) -> str | None:
        """A fault of these kinds that fell between two instants."""
        for line in self.faults:
            over = line.get("until", line["at"])
            if line["fault"] in faults and line["at"] <= end + BEFORE and over >= begin - BEFORE:
                return str(line["fault"])
        return None


def read(path: Path) -> list[Line]:
    """JSON lines; a last one torn by a kill is none."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def audit(folder: Path) -> Finding:
    """Judge one run."""
    evidence, finding = Evidence(folder), Finding()
    for notice_id in evidence.asked.keys() - evidence.export.keys():
        finding.lost[notice_id] = "asked for, and we know nothing of it"
    for notice_id, notice in evidence.export.items():
        finding.states[notice["state"]] += 1
        judge(evidence, finding, notice_id, notice)
    for token, lines in evidence.arrivals.items():
        if token not in evidence.notice_of and any(line["taken"] for line in lines):
            finding.unknown[token] = "taken by a carrier, and we know nothing of it"
    for line in evidence.too_early():
        finding.too_early[line["token"]] = "sent from a restored database nobody had recovered"
    if not evidence.verify["verified"] or evidence.verify["unsealed"]:
        finding.history = f"broken or unsealed: {evidence.verify['counts']}"
    finding.faults.update(line["fault"] for line in evidence.faults)
    finding.faults.update(evidence._deaths.values())
    return finding


def judge(evidence: Evidence, finding: Finding, notice_id: str, notice: Line) -> None:
    taken, state = evidence.taken(notice_id), notice["state"]
    asked = evidence.asked.get(notice_id)
    if asked is None:
        finding.unknown[notice_id] = "exported, and nobody asked for it"
        return
    if len(taken) > 1:
        finding.repeated[notice_id] = f"taken {len(taken)} times"
    if any(line["to"] not in ("", asked["to"]) for line in taken):
        finding.misdelivered[notice_id] = "taken for somebody else"
    if why := LOST[state](evidence, notice, taken):
        finding.lost[notice_id] = f"{state}: {why}"
    if state == "uncertain":
        cause = why_uncertain(evidence, notice)
        if cause is None:
            finding.unexplained[notice_id] = f"{notice['steps'][-2:]}"
        finding.uncertain[cause or "unexplained"] += 1
    if state == "sent":
        allowed = deliveries(evidence, notice_id)
        if notice["delivery"] not in allowed:
            finding.misreported[notice_id] = f"{notice['delivery']}, carriers: {sorted(allowed)}"


def sent(_: Evidence, __: Line, taken: list[Line]) -> str | None:
    return None if taken else "no carrier took it"


def failed(evidence: Evidence, notice: Line, taken: list[Line]) -> str | None:
    """A carrier refused it for good, or for now again and again."""
    if taken:
        return "a carrier took it"
    done = [line["did"] for line in evidence.did(notice["id"])]
    if done and (done[-1] in REFUSED or len([did for did in done if did in NOT_NOW]) >= 5):
        return None
    return f"no carrier refused it ({notice['code']})"


def pending(_: Evidence, notice: Line, taken: list[Line]) -> str | None:
    """Held by a rule until later."""
    if taken:
        return "a carrier took it, and it would go again"
    last = notice["steps"][-1] if notice["steps"] else {}
    if notice["waits_until"] is None:
        return "it waits in no queue"
    return None if last.get("kind") == "held" and last.get("rules") else "nothing holds it"


def blocked(_: Evidence, notice: Line, taken: list[Line]) -> str | None:
    if taken:
        return "a carrier took it"
    return None if notice["steps"] and notice["steps"][-1].get("rules") else "by no rule"


def uncertain(_: Evidence, notice: Line, __: list[Line]) -> str | None:
    return None if notice["uncertain_since"] else "it is in no list"


def never(_: Evidence, __: Line, ___: list[Line]) -> str | None:
    return "this should not be its end"


LOST = {
    "sent": sent,
    "failed": failed,
    "pending": pending,
    "blocked": blocked,
    "uncertain": uncertain,
    "sending": never,
    "cancelled": never,
    "expired": never,
}
"""Why a notice in this state counts as lost; None: it does not."""


def why_uncertain(evidence: Evidence, notice: Line) -> str | None:
    """The injected fault that explains why nobody can say what became of the last attempt."""
    step = next(s for s in reversed(notice["steps"]) if s["kind"] == "uncertain")
    if evidence.restored and step.get("code") == "recovered":
        return "recovered"
    did = [line["did"] for line in evidence.did(notice["id"])]
    if did and did[-1] in UNANSWERED:
        return str(did[-1])
    if blow := evidence.blow_to(step.get("worker", "")):
        return blow
    begun = next(s for s in reversed(notice["steps"]) if s["kind"] == "sending")
    faults = {"stopped", "postgres stopped", "postgres crashed", "restored", "link cut"}
    return evidence.meanwhile(instant(begun), instant(step), faults)


def instant(step: Line) -> float:
    return datetime.fromisoformat(step["at"]).timestamp()


def deliveries(evidence: Evidence, notice_id: str) -> set[str]:
    """What the delivery of a notice that was taken may be, after all that carriers told of it."""
    said, perhaps = {"accepted"}, set()
    for token in evidence.tokens(notice_id):
        said |= {meaning(word) for word in evidence.words[token]}
        perhaps |= {meaning(word) for word in evidence.perhaps[token] - evidence.words[token]}
    least = max(said, key=RANKS.__getitem__)
    return {least} | {word for word in perhaps if RANKS[word] > RANKS[least]}


def meaning(word: str) -> str:
    status = word.partition(":")[0]
    return WORDS.get(status, status)


def main() -> None:
    finding = audit(Path(sys.argv[1]))
    print(finding)  # noqa: T201
    for name, about in finding.complaints.items():
        for notice_id, why in list(about.items())[:20]:
            print(f"  {name}: {notice_id}: {why}")  # noqa: T201
    sys.exit(not finding.good)


if __name__ == "__main__":
    main()
