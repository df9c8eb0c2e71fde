"""The demo's stage: a configuration with ports of its own, and files cut from the examples."""

import csv
import os
import shutil
import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from outreach.clock import Clock
from outreach.domain.errors import OutreachError

ZONE = ZoneInfo("Asia/Shanghai")
DAYTIME = time(10, 0)
EXAMPLES = Path("examples/portfolio")


def daytime(now: datetime) -> datetime:
    """Ten in the morning in Shanghai on the working day nearest ahead, today included."""
    day = now.astimezone(ZONE).date()
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, DAYTIME, ZONE)


def set_stage() -> dict[str, str]:
    """Make a data folder and a copy of the configuration with ports of our own.

    Returns the environment for every process; raises ``OutreachError`` in another folder.
    """
    if not (EXAMPLES / "accounts.csv").exists():
        raise OutreachError(f"{EXAMPLES} is not here", "run the demo in the project's folder")
    data_dir = Path(tempfile.mkdtemp(prefix="outreach-demo-"))
    data_dir.chmod(0o711)  # as root, PostgreSQL runs as another user and must pass through
    return _write_stage(data_dir, Path("config"))


def _write_stage(data_dir: Path, config_dir: Path) -> dict[str, str]:
    ports = [str(port) for port in _free_ports(5)]
    http, mail, twilio, cmpp, smtp = ports
    own = data_dir / "config"
    shutil.copytree(config_dir, own)
    carriers = (own / "carriers.toml").read_text(encoding="utf-8")
    for old, new in (
        (":8310", f":{twilio}"),
        ("port = 8312", f"port = {cmpp}"),
        ("port = 8311", f"port = {smtp}"),
        ("batch_seconds = 60", "batch_seconds = 3"),
    ):
        if old not in carriers:
            raise OutreachError(
                f"config/carriers.toml has no {old!r}: the demo needs it as delivered",
                "restore it, or run the demo in a fresh clone",
            )
        carriers = carriers.replace(old, new)
    (own / "carriers.toml").write_text(carriers, encoding="utf-8")
    now = Clock().now()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}
    return kept | {
        "OUTREACH_CONFIG_DIR": str(own),
        "OUTREACH_DATA_DIR": str(data_dir),
        "OUTREACH_TEMPLATES_DIR": str(Path("templates").absolute()),
        "OUTREACH_HTTP_PORT": http,
        "OUTREACH_PUBLIC_URL": f"http://127.0.0.1:{http}",
        "OUTREACH_MAIL_PORT": mail,
        "OUTREACH_CLOCK_OFFSET_SECONDS": f"{(daytime(now) - now).total_seconds():.0f}",
        "OUTREACH_LEASE_SECONDS": "8",
        # the sandbox's people opt out and move away far more often than any alarm would bear
        "OUTREACH_ALARM_BOUNCED": "1",
        "OUTREACH_ALARM_OPTED_OUT": "1",
        "OUTREACH_ALARM_COMPLAINED": "1",
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass(frozen=True, slots=True)
class Files:
    accounts: Path
    payments: Path
    shift_days: int


def cut_files(source: Path, target: Path, accounts: int, today: date) -> Files:
    """The first ``accounts`` accounts of the example portfolio and the payments on them."""
    with (source / "accounts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    header, body = rows[0], rows[1:]
    number, as_of = header.index("账号"), header.index("余额时点")
    wanted = set(list(dict.fromkeys(row[number] for row in body if len(row) > number))[:accounts])
    kept = [row for row in body if len(row) > number and row[number] in wanted]
    written = next(row[as_of] for row in kept if row[as_of])
    _write(target / "accounts.csv", [header, *kept])
    with (source / "payments.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    column = rows[0].index("账号")
    paid = [row for row in rows[1:] if len(row) > column and row[column] in wanted]
    _write(target / "payments.csv", [rows[0], *paid])
    shift = (today - date.fromisoformat(written[:10])).days
    return Files(target / "accounts.csv", target / "payments.csv", shift)


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
