"""The script that draws the portfolio: same bytes every time, and dates that only move."""

import csv
import gzip
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from portfolio_cases import ReadAccounts

from outreach.portfolio.reading import Rejected
from outreach.portfolio.rows import AccountRow, Terms

COLUMNS = "ID LIMIT_BAL SEX EDUCATION MARRIAGE AGE PAY_0 BILL_AMT1 PAY_AMT1".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of invented figures in the shape of the public one."""
    path = tmp_path_factory.mktemp("source") / "clients.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(1, 601):
            writer.writerow([n, 50_000, 1 + n % 2, 2, 1, 30, n % 11 - 2, n * 7 % 900 - 100, n % 3])
            writer.writerow([n, 80_000, 1 + n % 2, 2, 1, 30, n % 4, 1000 + n * 37, 500])
    return path


def make(root: Path, source: Path, out: Path, *options: str) -> Path:
    script = root / "scripts/make_portfolio.py"
    command = [sys.executable, "-B", str(script), str(source), str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows_of(path: Path, accounts_of: ReadAccounts, terms: Terms) -> list[AccountRow]:
    reading = accounts_of(path, terms)
    rows = list(reading.rows())
    assert not [row for row in rows if isinstance(row, Rejected)]
    assert reading.control_problems() == ()
    return [replace(row, row=0) for row in rows if isinstance(row, AccountRow)]


def test_the_same_input_gives_the_same_bytes(root: Path, source: Path, tmp_path: Path) -> None:
    first = contents(make(root, source, tmp_path / "a", "--accounts", "300"))
    assert first == contents(make(root, source, tmp_path / "b", "--accounts", "300"))
    other = contents(make(root, source, tmp_path / "c", "--accounts", "300", "--seed", "1"))
    assert other["accounts.csv"] != first["accounts.csv"]


def test_another_day_is_the_same_as_a_shift(
    root: Path, source: Path, tmp_path: Path, accounts_of: ReadAccounts, terms: Terms
) -> None:
    make(root, source, tmp_path / "a", "--accounts", "300")
    make(root, source, tmp_path / "b", "--accounts", "300", "--as-of", "2027-03-01")
    shift = (date(2027, 3, 1) - date(2026, 11, 23)).days
    shifted = rows_of(tmp_path / "a/accounts.csv", accounts_of, replace(terms, shift_days=shift))
    assert shifted == rows_of(tmp_path / "b/accounts.csv", accounts_of, terms)
    assert len([row for row in shifted if row.debt]) == 300


def test_the_shipped_broken_files_are_the_scripts(
    root: Path, source: Path, tmp_path: Path, examples: Path
) -> None:
    make(root, source, tmp_path / "a", "--accounts", "300")
    assert contents(tmp_path / "a/broken") == contents(examples / "broken")


def test_no_account_without_a_real_balance(
    root: Path, source: Path, tmp_path: Path, accounts_of: ReadAccounts, terms: Terms
) -> None:
    make(root, source, tmp_path / "a", "--accounts", "600")
    rows = rows_of(tmp_path / "a/accounts.csv", accounts_of, terms)
    assert all(row.debt.balance.minor > 0 for row in rows if row.debt)
