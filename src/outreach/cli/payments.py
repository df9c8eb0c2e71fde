"""``outreach payments``: money received, and reversals."""

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
from outreach.portfolio.load import import_payments

app = typer.Typer(no_args_is_help=True, help="Payments (还款) and reversals (冲正).")


@app.callback()
def begin() -> None:
    """Keep ``payments`` a group though it has one command."""


@app.command("import")
def import_file(
    context: typer.Context,
    file: File,
    mapping: MappingFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    shift_days: ShiftDays = 0,
    expect_rows: ExpectRows = None,
    expect_amount: Annotated[
        str | None, typer.Option(help="What the amounts (金额) must add up to.")
    ] = None,
) -> None:
    """Bring in payments; what they settle is not dunned from the next message on.

    Bad rows go into FILE.errors.csv by row, column and reason; good ones are kept.

    Control totals, given here or in a last row 合计,ROWS,SUM, are checked
    first: where they do not hold, nothing is imported.
    """
    run_import(
        context,
        import_payments,
        file,
        mapping=mapping,
        shift_days=shift_days,
        expected=control(expect_rows, expect_amount, "--expect-amount"),
        dry_run=dry_run,
        as_json=as_json,
    )
