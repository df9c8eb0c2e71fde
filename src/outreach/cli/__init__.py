"""The ``outreach`` command: a file a noun.

Exit codes: 0 done; 2 refused, with what, where and how to mend it; 3 the configuration does not
hold; 1 anything unexpected, with a traceback that shows no values.
"""

import importlib
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from outreach.domain.errors import ConfigurationError, OutreachError

REFUSED = 2
MISCONFIGURED = 3

NOUNS = {
    "up": "services",
    "serve": "services",
    "worker": "services",
    "sandbox": "services",
    "demo": "demo",
    "doctor": "doctor",
    "db": "db",
    "keys": "keys",
    "accounts": "accounts",
    "payments": "payments",
    "debtor": "debtor",
    "contact-point": "contact_point",
    "facts": "facts",
    "segment": "segment",
    "campaign": "campaign",
    "notice": "notice",
    "history": "history",
    "proof": "proof",
    "retention": "retention",
    "tasks": "tasks",
    "uncertain": "uncertain",
    "carriers": "carriers",
    "recover": "recover",
    "backup": "backup",
    "restore": "backup",
    "stop": "stop",
    "resume": "stop",
    "template": "template",
    "policy": "policy",
}
"""Each command and the file it stands in, in the order of ``--help``."""


class _Nouns(TyperGroup):
    """Loads a command's file only when it is asked for: most need a fraction of what all need."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(NOUNS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002
        if cmd_name not in NOUNS:
            return None
        module = importlib.import_module(f"outreach.cli.{NOUNS[cmd_name]}")
        command = typer.main.get_command(module.app)
        # a file of one noun with verbs is that noun; a file of plain commands holds several
        if isinstance(command, TyperGroup) and cmd_name in command.commands:
            return command.commands[cmd_name]
        command.name = cmd_name
        return command


app = typer.Typer(
    name="outreach",
    cls=_Nouns,
    help="触达: SMS, email and registered letters to overdue debtors, lawful, once, on time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold people
)


@app.callback()
def begin(
    context: typer.Context,
    acting: Annotated[
        str,
        typer.Option("--as", metavar="USER", envvar="USER", help="Who acts; named on every event."),
    ] = "system",
) -> None:
    context.obj = f"user:{acting}"


def main() -> None:
    """The console script: refusals become their text on stderr and an exit code."""
    try:
        app()
    except ConfigurationError as error:
        _refuse(error, MISCONFIGURED)
    except OutreachError as error:
        _refuse(error, REFUSED)


def _refuse(error: ConfigurationError | OutreachError, code: int) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(error.message, style="red", markup=False)
    if error.remedy:
        console.print(f"  → {error.remedy}", markup=False)
    sys.exit(code)
