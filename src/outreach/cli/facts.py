"""``outreach facts``: what the rules need to know and no portfolio file says, with its evidence."""

from functools import partial
from typing import Annotated

import typer

from outreach.cli import facts_accounts, facts_registers, facts_standing
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
from outreach.portfolio.fact_files import FactsOf
from outreach.portfolio.load import import_facts

app = typer.Typer(
    help="Facts the rules ask about (合规事实): standings and lists, registers, agencies, "
    "what debtors were told.",
    no_args_is_help=True,
)
app.add_typer(facts_standing.app, name="standing")


@app.command("import")
def import_file(
    context: typer.Context,
    file: File,
    of: Annotated[FactsOf, typer.Option(help="What its rows are.")] = FactsOf.STANDINGS,
    creditor: Annotated[str | None, typer.Option(help="Whose, where a row has no 债权人.")] = None,
    mapping: MappingFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    shift_days: ShiftDays = 0,
    expect_rows: ExpectRows = None,
) -> None:
    """Take down facts of many; the same file again changes nothing.

    Bad rows go into FILE.errors.csv by row, column and reason; good ones are kept.

    The number of rows, given here or in a last row 合计,ROWS, is checked
    first: where it does not hold, nothing is taken.
    """
    run_import(
        context,
        partial(import_facts, of=of, creditor=creditor),
        file,
        mapping=mapping,
        shift_days=shift_days,
        expected=control(expect_rows, None, ""),
        dry_run=dry_run,
        as_json=as_json,
    )


app.command("register")(facts_registers.register)
app.command("registers")(facts_registers.list_registers)
app.command("agency")(facts_registers.agency)
app.command("agencies")(facts_registers.list_agencies)
app.command("place")(facts_accounts.place)
app.command("told")(facts_accounts.told)
app.command("interrupted")(facts_accounts.interrupted)
app.command("point")(facts_accounts.point)
