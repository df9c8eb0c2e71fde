"""What the files of ``outreach facts`` share: options, what was typed, what came of it."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.refusal import Refusal
from outreach.life.facts import Took
from outreach.life.parts import Parts

T = TypeVar("T")

console = Console(highlight=False)

Whom = Annotated[
    str, typer.Argument(metavar="WHOM", help="The debtor's id, or an account's number or id.")
]
OneAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its number or id.")]
Evidence = Annotated[str | None, typer.Option(help="What shows it: a document's number or digest.")]
Since = Annotated[str | None, typer.Option(help="From which day on; else from now on.")]
Until = Annotated[str | None, typer.Option(help="Its last day.")]
OfCreditor = Annotated[str | None, typer.Option("--creditor", help="Of this creditor only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

WORDS = {Took.CREATED: "kept", Took.CHANGED: "changed", Took.UNCHANGED: "stands so already"}


def typed(option: str, text: str | None, reader: Callable[[str], T]) -> T | None:
    """What was typed after an option; raises ``InvalidInput`` that does not repeat it."""
    if text is None:
        return None
    try:
        return reader(text.strip())
    except ValueError as error:
        raise InvalidInput(f"--{option}: {error}", f"see --help for --{option}") from None


def needed(option: str, text: str, reader: Callable[[str], T]) -> T:
    found = typed(option, text, reader)
    assert found is not None
    return found


def took(found: T | Refusal) -> T:
    """What came of it; raises ``InvalidInput`` if it was refused."""
    if isinstance(found, Refusal):
        option = found.field.replace("_", "-")
        raise InvalidInput(f"--{option}: {found.reason}", found.remedy)
    return found


def check_creditor(parts: Parts, creditor: str | None) -> None:
    """Raise ``NotFound`` for a creditor that is not configured."""
    if creditor is not None and creditor not in parts.places:
        known = ", ".join(parts.places)
        raise NotFound(f"no creditor {creditor!r} is configured", f"one of {known}")
