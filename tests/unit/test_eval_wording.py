"""The evaluation of the gate on words: its arithmetic, and that it fails when it should."""

from dataclasses import replace
from pathlib import Path

import pytest
from eval import wording as evaluation
from eval.likeness import examples, taught
from eval.measure import wilson
from eval.wording import (
    CLASSES,
    LAWFUL,
    Example,
    Outcome,
    faults,
    hidden,
    main,
    read,
    table,
)

from outreach.compliance.likeness import FILE, written
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction

WORDS = evaluation.WORDS
HEAD = "\t".join(evaluation.COLUMNS)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [  # Wilson (1927), as Newcombe (1998), table I, method 3, gives them
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


def outcome(label: str, form: str, *refused: str) -> Outcome:
    example = Example(label, form, Jurisdiction.MAINLAND, Channel.SMS, "x")
    return Outcome(example, frozenset(refused))


def test_an_explicit_miss_is_a_fault_a_veiled_one_is_not() -> None:
    assert faults([outcome("L3", "explicit", "L2"), outcome("L3", "veiled")]) == []
    assert faults([outcome("L3", "explicit")]) == ["L3: 1 explicit missed"]


def test_more_than_two_in_a_hundred_lawful_refused_is_a_fault() -> None:
    passed = [outcome(LAWFUL, "plain")] * 98
    refused = outcome(LAWFUL, "near", "L5")
    assert faults([*passed, refused, refused]) == []
    assert faults([*passed, refused, refused, refused]) == [
        "3 of 101 lawful texts refused, more than 2%"
    ]


def test_the_table_counts_each_class_and_its_own() -> None:
    lines = table(
        [
            outcome("L1", "explicit", "L1", "L3"),
            outcome("L1", "explicit", "L3"),
            outcome("L1", "veiled"),
            outcome(LAWFUL, "plain"),
            outcome(LAWFUL, "near", "L5"),
        ]
    )
    assert lines[1].split()[:10] == ["L1", "3", "2", "1", "0", "0", "of", "2", "1", "of"]
    assert lines[-1].split()[:5] == ["together", "2", "0", "1", "50.0%"]


def test_what_a_person_may_let_go_is_counted_apart() -> None:
    asked = replace(outcome(LAWFUL, "near", "L5"), asks=True)
    lines = table([asked, outcome(LAWFUL, "plain")])
    assert lines[-1].split()[:5] == ["together", "2", "1", "0", "0.0%"]
    assert not faults([asked])
    let_go = replace(outcome("L5", "explicit", "L5"), asks=True)
    assert table([let_go])[5].split()[:5] == ["L5", "1", "1", "1", "1"]
    assert faults([let_go]) == ["L5: 1 of 1 explicit are left to a person"]


def test_hidden_behind_a_lawful_text() -> None:
    said = [replace(outcome(label, form).example, text=text) for label, form, text in (
        (LAWFUL, "plain", "a"), ("L1", "explicit", "b"), ("L1", "veiled", "c"),
        (LAWFUL, "near", "d"), ("L2", "explicit", "e"),
    )]  # fmt: skip
    assert [(each.label, each.text) for each in hidden(said)] == [("L1", "a\nb"), ("L2", "a\ne")]


def test_the_second_reader_knows_what_the_texts_for_tuning_teach() -> None:
    """If not: ``make likeness``."""
    assert FILE.read_text(encoding="utf-8") == written(taught(examples()))


def test_the_tuning_set_is_broad_and_ours_passes_it(capsys: pytest.CaptureFixture[str]) -> None:
    examples = read(evaluation.SETS / "tuning.tsv")
    counts = {label: sum(e.label == label for e in examples) for label in (*CLASSES, LAWFUL)}
    assert min(counts[label] for label in CLASSES) >= 60
    assert counts[LAWFUL] >= 250
    assert {example.place for example in examples} == set(Jurisdiction)
    assert main(["--set", "tuning"]) == 0
    said = capsys.readouterr().out
    assert not any(example.text in said for example in examples)


def test_it_fails_when_a_class_is_no_longer_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, _, rest = WORDS.read_text(encoding="utf-8").partition("[[phrase]]")
    entries = ("[[phrase]]" + rest).split("[[phrase]]")
    kept = [entry for entry in entries if not entry.startswith('\nreason = "L6"')]
    poorer = tmp_path / "wording.toml"
    poorer.write_text(head + "[[phrase]]".join(kept), encoding="utf-8")
    assert main(["--set", "tuning", "--words", str(poorer)]) == 1
    assert "L6:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "row", ["L1\tplain\thk\tsms\tx", "L0\texplicit\thk\tsms\tx", "L1\texplicit\thk\tsms"]
)
def test_a_row_that_is_none_is_told_by_its_number(tmp_path: Path, row: str) -> None:
    path = tmp_path / "set.tsv"
    path.write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 2"):
        read(path)
    path.write_text("class\n", encoding="utf-8")
    with pytest.raises(ValueError, match="columns"):
        read(path)
