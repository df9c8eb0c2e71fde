"""A file of what people found out about uncertain notices: their number, and sent or not."""

from pathlib import Path

from outreach.domain.errors import InvalidInput
from outreach.life.reconcile import Answer
from outreach.portfolio.files import open_table
from outreach.portfolio.values import narrow

MOST = 10_000
SHOWN = 20
_NUMBER = frozenset({"通知", "通知编号", "notice", "number"})
_RESULT = frozenset({"结果", "結果", "result"})
_SAYS = {"sent": True, "已发": True, "已發": True, "not-sent": False, "未发": False, "未發": False}


def read_answers(path: Path) -> list[Answer]:
    """Every row of the file; raises ``InvalidInput`` naming the rows that cannot be read."""
    table = open_table(path)
    number_at, result_at = (_column(table.header, names, path) for names in (_NUMBER, _RESULT))
    answers: list[Answer] = []
    wrong: list[tuple[int, str]] = []
    seen: set[int] = set()
    for row, cells in table.rows():
        if len(answers) >= MOST:
            raise InvalidInput(f"{path}: more than {MOST} rows", "split the file")
        number, result = (_cell(cells, at) for at in (number_at, result_at))
        if not number.isdecimal() or not number.isascii() or len(number) > 18:
            wrong.append((row, "no notice number"))
        elif result not in _SAYS:
            wrong.append((row, "neither 已发 (sent) nor 未发 (not-sent)"))
        elif int(number) in seen:
            wrong.append((row, f"notice {number} stands here twice"))
        else:
            seen.add(int(number))
            answers.append(Answer(row, int(number), _SAYS[result]))
    refuse(path, wrong)
    return answers


def refuse(path: Path, wrong: list[tuple[int, str]]) -> None:
    """Raise ``InvalidInput`` if any row is wrong: then nothing of the file is taken."""
    if wrong:
        rows = "\n".join(f"  row {row}: {why}" for row, why in wrong[:SHOWN])
        more = f"\n  and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise InvalidInput(
            f"{path}: {len(wrong)} rows cannot be taken\n{rows}{more}",
            "mend or remove them; nothing of the file was taken",
        )


def _column(header: tuple[str, ...], names: frozenset[str], path: Path) -> int:
    for at, name in enumerate(header):
        if name.lower() in names:
            return at
    raise InvalidInput(
        f"{path}: no column {' or '.join(sorted(names))}", "the file needs 通知 and 结果"
    )


def _cell(cells: list[str], at: int) -> str:
    return narrow(cells[at]).strip().lower() if at < len(cells) else ""
