"""``outreach demo``: the whole loop on the example portfolio, ending by itself."""

import logging
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from outreach.cli.debtor import print_timeline
from outreach.cli.session import run
from outreach.compliance.finding import Confidence
from outreach.demo import Sight, run_demo
from outreach.demo.stock import Outcome
from outreach.domain.response import ResponseKind
from outreach.domain.task import TaskKind
from outreach.proof import names

app = typer.Typer()
console = Console(highlight=False, stderr=False)

FAILED = 1

_CHANNELS = {"sms": "短信 SMS", "email": "邮件 email", "letter": "挂号信 letter"}


@app.command()
def demo(
    accounts: Annotated[
        int, typer.Option(min=1, help="How many accounts of the examples to import.")
    ] = 3000,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running, and say how to look around.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Import, send by three channels, take receipts and replies, check with the carriers' books."""
    logging.getLogger("outreach").setLevel(logging.ERROR)
    progress = Console(stderr=True, highlight=False)
    with progress.status("starting") as status:

        def say(sentence: str) -> None:
            status.update(sentence)
            if not progress.is_terminal or keep:
                progress.print(sentence, markup=False)

        def show(outcome: Outcome, sight: Sight) -> None:
            status.stop()
            if as_json:
                print(outcome.as_json(), flush=True)  # noqa: T201 - a script reads this line
            else:
                _print(outcome, sight)

        outcome = run(run_demo(accounts, say, show, keep=keep))
    good = outcome.history_verified and not (outcome.lost or outcome.duplicated)
    if not good:
        raise typer.Exit(FAILED)


def _print(outcome: Outcome, sight: Sight) -> None:
    console.print(
        f"{outcome.accounts} accounts of {outcome.debtors} people, "
        f"{outcome.events} events in the history, {outcome.seconds} s\n"
    )
    _print_funnel(outcome)
    _print_campaign(outcome.campaign)
    _print_rules(sight)
    replies = "  ".join(f"{kind} {count}" for kind, count in sorted(outcome.responses.items()))
    console.print(f"replies by kind: {replies}\n", markup=False)
    _print_again(sight)
    if sight.timeline:
        console.print("one debtor's timeline:")
        print_timeline(console, sight.timeline)
    _print_check(outcome)


def _print_funnel(outcome: Outcome) -> None:
    """Per channel: what was planned, what the gate let through, what the carriers made of it."""
    steps = (
        "planned",
        "held",
        "blocked",
        "failed",
        "uncertain",
        "sent",
        "delivered",
        "undelivered",
    )
    table = Table("channel", *steps, title="What became of the notices")
    for column in table.columns[1:]:
        column.justify = "right"
    for channel, states in outcome.notices.items():
        deliveries = states.get("sent", {})
        counts = {state: sum(by_delivery.values()) for state, by_delivery in states.items()}
        shown = {
            "planned": sum(counts.values()),
            "held": counts.get("pending", 0),
            **{state: counts.get(state, 0) for state in ("blocked", "failed", "uncertain", "sent")},
            **{word: deliveries.get(word, 0) for word in ("delivered", "undelivered")},
        }
        table.add_row(_CHANNELS.get(channel, channel), *(str(shown[step]) for step in steps))
    console.print(table)


def _print_campaign(campaign: dict[str, Any]) -> None:
    states = "  ".join(f"{state} {count}" for state, count in campaign["states"].items())
    console.print(
        f"campaign {campaign['number']} {campaign['name']}, approved by a second person, "
        f"paused and resumed: {campaign['state']}; {states}\n",
        markup=False,
    )


def _print_rules(sight: Sight) -> None:
    table = Table("rule", "effect", "notices", "for example", "source", title="Held and blocked")
    table.columns[2].justify = "right"
    for row in sight.rules:
        label = Confidence(row["confidence"]).label
        table.add_row(row["rule"], row["kind"], str(row["notices"]), row["says"], label)
    console.print(table)


def _print_again(sight: Sight) -> None:
    """What replies changed of what is sent next, and what waits for a person."""
    table = Table(
        "answered",
        "sent",
        "held",
        "blocked",
        "because",
        title="Written to again after they answered",
    )
    for row in sight.again:
        kind = names.RESPONSES[ResponseKind(row["kind"])]
        counts = (str(row[name]) for name in ("sent", "held", "blocked"))
        table.add_row(f"{kind} ({row['kind']})", *counts, row["says"] or "")
    for column in table.columns[1:4]:
        column.justify = "right"
    console.print(table)
    waiting = "  ".join(
        f"{names.TASKS[TaskKind(kind)]} ({kind}) {count}"
        for kind, count in sorted(sight.waiting.items())
    )
    console.print(
        f"waiting for a person: {waiting or 'nothing'} (outreach tasks list)\n", markup=False
    )


def _print_check(outcome: Outcome) -> None:
    mark = "[green]yes[/]" if outcome.history_verified else "[red]NO[/]"
    console.print(
        f"\nheld against the carriers' own books: lost [bold]{outcome.lost}[/], "
        f"duplicated [bold]{outcome.duplicated}[/], uncertain [bold]{outcome.uncertain}[/]"
    )
    console.print(f"history verifies: {mark}")
