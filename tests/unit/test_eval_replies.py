"""The evaluation of what replies mean: its arithmetic, and that it fails when it should."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from eval import replies as evaluation
from eval.replies import LABELS, Outcome, Reply, faults, main, read, table
from eval.reply_likeness import Teacher, examples

from outreach.domain.debtor import Jurisdiction
from outreach.domain.response import ResponseKind, Understood
from outreach.replies.likeness import FILE, written

TODAY = date(2026, 11, 27)
HEAD = "\t".join(evaluation.COLUMNS)


def outcome(meant: str, *taken: str, off: int | None = None) -> Outcome:
    """``off``: a promise for tomorrow, taken to be so many days later."""
    day = TODAY + timedelta(days=1)
    reply = Reply(
        TODAY,
        frozenset(meant.split(",")),
        None if off is None else day,
        None,
        Jurisdiction.MAINLAND,
        "x",
    )
    promised = None if off is None else day + timedelta(days=off)
    found = tuple(
        Understood(ResponseKind(kind), "x", promised if kind == "promised" else None)
        for kind in taken
    )
    return Outcome(reply, found)


def test_every_meaning_has_a_label() -> None:
    assert set(LABELS) == set(map(str, ResponseKind))


def test_two_in_a_hundred_may_go_unheard_and_no_more() -> None:
    heard = [outcome("opted_out", "opted_out")] * 98
    assert faults([*heard, *[outcome("opted_out")] * 2]) == []
    assert faults([*heard, *[outcome("opted_out", "other")] * 3]) == [
        "opted_out: 98 of 101 heard, less than 98%"
    ]
    assert faults([outcome("hardship")]) == []


def test_a_promised_day_may_be_one_off() -> None:
    assert faults([outcome("promised", "promised", off=1)]) == []
    assert faults([outcome("promised", "promised", off=-2)]) == [
        "1 promises are wrong by more than a day"
    ]


def test_the_table_counts_what_was_meant_and_what_was_taken_so() -> None:
    lines = table(
        [
            outcome("opted_out,abuse", "opted_out"),
            outcome("other", "opted_out"),
            outcome("empty", "empty"),
            outcome("promised", "promised", off=0),
            outcome("promised", "other", off=0),
        ]
    )
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    assert (rows["opted_out"][1:3], rows["opted_out"][4:6]) == (["1", "100.0%"], ["2", "50.0%"])
    assert rows["abuse"][1:3] == ["1", "0.0%"]
    assert rows["empty"][1:3] == ["1", "100.0%"]
    assert lines[-2] == "promised days: 1 of 2 right, 0 a day off, 1 not read, 0 wrong"


def test_the_sets_are_broad_enough() -> None:
    held_out, tuning = (read(evaluation.SETS / f"{name}.tsv") for name in ("held_out", "tuning"))
    assert len(held_out) + len(tuning) >= 600
    assert len(held_out) >= 600 / 3
    for label in evaluation.UNHEARD:
        assert sum(label in each.labels for each in held_out) >= 100
    assert {each.place for each in held_out} == set(Jurisdiction)


def test_no_reply_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    said = capsys.readouterr().out
    long = [each.text for each in read(evaluation.SETS / "held_out.tsv") if len(each.text) > 6]
    assert not [text for text in long if text in said]


@pytest.mark.parametrize("row", ["2026-11-27\tangry\t\t\thk\tsms\tx", "2026-11-27\tother\t\t\thk"])
def test_a_row_that_is_none_is_told_by_its_number(tmp_path: Path, row: str) -> None:
    path = tmp_path / "set.tsv"
    path.write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 2"):
        read(path)


def test_the_second_reader_is_what_the_texts_teach() -> None:
    taught = written(Teacher(examples()).taught())
    assert taught == FILE.read_text(encoding="utf-8"), "run: make likeness"
