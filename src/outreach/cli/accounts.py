"""``outreach accounts``: the portfolio, debts and the people who owe them."""

from typing import Annotated

import typer

from outreach.cli.importing import (
    AsJson,
    DryRun,
    ExpectRows,
    File,
    MappingFile,
    ShiftDays,
    control,
    run_import,
)
from outreach.portfolio.load import import_accounts

app = typer.Typer(no_args_is_help=True, help="Accounts (账户): bring in a portfolio.")


@app.callback()
def begin() -> None:
    """Keep ``accounts`` a group though it has one command."""


@app.command("import")
def import_file(
    context: typer.Context,
    file: File,
    mapping: MappingFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    shift_days: ShiftDays = 0,
    expect_rows: ExpectRows = None,
    expect_balance: Annotated[
        str | None, typer.Option(help="What the balances (余额) must add up to.")
    ] = None,
) -> None:
    """Bring in accounts and people; the same file again changes nothing.

    Bad rows go into FILE.errors.csv by row, column and reason; good ones are kept.

    Control totals, given here or in a last row 合计,ROWS,SUM, are checked
    first: where they do not hold, nothing is imported.
    """
    run_import(
        context,
        import_accounts,
        file,
        mapping=mapping,
        shift_days=shift_days,
        expected=control(expect_rows, expect_balance, "--expect-balance"),
        dry_run=dry_run,
        as_json=as_json,
    )
