"""``outreach contact-point``: a number, mailbox or address by itself."""

import typer

from outreach.cli.erasing import erase_point

app = typer.Typer(help="Contact points (联系方式).", no_args_is_help=True)
app.command("erase")(erase_point)


@app.callback()
def contact_point() -> None:
    """Keeps the verb: an app of one command would lose it."""
