"""The gate on words against labelled texts: ``python -m eval.wording [--set tuning]``.

``wording/held_out.tsv`` was written apart from the rules, by others, and is not looked at while
they are tuned: of it only figures are printed. ``wording/tuning.tsv`` is there to be looked at.
"""

import csv
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.measure import asked, share, verdict
from outreach.compliance.finding import Effect
from outreach.compliance.setting import Setting
from outreach.compliance.wording import Wording, load_wording
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose

SETS = Path(__file__).parent / "wording"
WORDS = Path(__file__).parents[1] / "config" / "policies" / "wording.toml"
COLUMNS = ["class", "form", "place", "channel", "text"]
CLASSES = tuple(f"L{number}" for number in range(1, 9))
LAWFUL = "lawful"
FORMS = {**dict.fromkeys(CLASSES, ("explicit", "veiled")), LAWFUL: ("plain", "near")}
MOST_REFUSED = 0.02
MOST_ASKED = 0.25  # of the explicit forms of a class
SIGNATURE = re.compile("【([^】]*)】")  # whatever an example is signed with is its signature
FIRM = re.compile("律师事务所|律師事務所|律師行|法律事務所")
LICENCE = re.compile(
    "(执业|執業|律師|律师).{0,6}(证|證|字).{0,4}[号號]|證書.{0,3}[号號]|执业许可|台檢證"
)
PURPOSES = {
    Channel.SMS: Purpose.OVERDUE_NOTICE,
    Channel.EMAIL: Purpose.OVERDUE_NOTICE,
    Channel.LETTER: Purpose.DEMAND_LETTER,
}


@dataclass(frozen=True, slots=True)
class Example:
    label: str
    form: str
    place: Jurisdiction
    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One example and the classes under which it was refused; ``asks``: a person may let it go.

    A text that only the second reader objects to is of no class: ``L0``.
    """

    example: Example
    refused: frozenset[str]
    asks: bool = False

    @property
    def missed(self) -> bool:
        return self.example.label != LAWFUL and not self.refused


def read(path: Path) -> list[Example]:
    """``ValueError`` names the first row that is none: its number, never its text."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows, None) != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        examples = []
        for number, row in enumerate(rows, 2):
            if len(row) != len(COLUMNS) or row[1] not in FORMS.get(row[0], ()):
                raise ValueError(f"{path}, row {number}: no example")
            label, form, place, channel, text = row
            examples.append(Example(label, form, Jurisdiction(place), Channel(channel), text))
    return examples


def hidden(examples: Sequence[Example]) -> list[Example]:
    """Each explicit one behind a lawful text, in whose company it is harder to hear."""
    lawful = [each.text for each in examples if each.form == "plain"]
    explicit = (each for each in examples if each.form == "explicit")
    return [
        replace(each, text=f"{lawful[n % len(lawful)]}\n{each.text}")
        for n, each in enumerate(explicit)
    ]


def judge(wording: Wording, examples: Iterable[Example]) -> list[Outcome]:
    """What the gate says of each, as of a demand in its place by its channel.

    A text that names a law firm and a licence is judged as a law firm's letter with a mandate,
    whatever its label: the gate knows mandates, the texts do not.
    """
    outcomes = []
    for example in examples:
        found = wording.check_words(example.text, _setting(example))
        refused = [each for each in found if each.effect is Effect.BLOCK]
        classes = frozenset(str(each.values.get("class", each.rule)) for each in refused)
        asks = bool(refused) and all(each.releasable for each in refused)
        outcomes.append(Outcome(example, classes, asks))
    return outcomes


def _setting(example: Example) -> Setting:
    signature = SIGNATURE.match(example.text)
    firm = bool(FIRM.search(example.text) and LICENCE.search(example.text))
    return Setting(
        channel=example.channel,
        purpose=Purpose.LAWYER_LETTER if firm else PURPOSES[example.channel],
        place=example.place,
        signature=signature[1] if signature else "",
        mandate="on file" if firm else "",
    )


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    """Why this is not good enough; empty if it is."""
    found = []
    for label in CLASSES:
        explicit = [o for o in outcomes if _is(o, label, "explicit")]
        missed = sum(o.missed for o in explicit)
        if missed:
            found.append(f"{label}: {missed} explicit missed")
        asks = sum(o.asks for o in explicit)
        if asks > MOST_ASKED * len(explicit):
            found.append(f"{label}: {asks} of {len(explicit)} explicit are left to a person")
    lawful = [o for o in outcomes if o.example.label == LAWFUL]
    refused = sum(bool(o.refused) and not o.asks for o in lawful)
    if refused > MOST_REFUSED * len(lawful):
        found.append(f"{refused} of {len(lawful)} lawful texts refused, more than 2%")
    return found


def table(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "class       n  caught  as itself  to a person"
        "  explicit missed  veiled missed   recall (95%)"
    ]
    for label in CLASSES:
        mine = [o for o in outcomes if o.example.label == label]
        caught = sum(bool(o.refused) for o in mine)
        own = sum(label in o.refused for o in mine)
        asks = sum(o.asks for o in mine)
        explicit, veiled = (
            _missed_of(o for o in mine if o.example.form == form) for form in FORMS[label]
        )
        lines.append(
            f"{label:8}{len(mine):5}{caught:8}{own:11}{asks:13}{explicit:>17}{veiled:>15}"
            f"   {share(caught, len(mine))}"
        )
    lines.append("lawful      n  to a person  refused   share (95%)")
    for form in (*FORMS[LAWFUL], ""):
        mine = [o for o in outcomes if o.example.label == LAWFUL and form in ("", o.example.form)]
        asks = sum(o.asks for o in mine)
        refused = sum(bool(o.refused) for o in mine) - asks
        name = form or "together"
        lines.append(f"{name:8}{len(mine):5}{asks:13}{refused:9}   {share(refused, len(mine))}")
    return lines


def _is(outcome: Outcome, label: str, form: str) -> bool:
    return (outcome.example.label, outcome.example.form) == (label, form)


def _missed_of(outcomes: Iterable[Outcome]) -> str:
    missed = [o.missed for o in outcomes]
    return f"{sum(missed)} of {len(missed)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if an explicit form was missed or more than 2% of lawful texts are refused."""
    parser = asked("wording", __doc__)
    parser.add_argument("--words", type=Path, default=WORDS, help="another word list")
    options = parser.parse_args(arguments)
    wording, examples = load_wording(options.words), read(SETS / f"{options.set}.tsv")
    outcomes = judge(wording, examples)
    say = print
    say("\n".join(table(outcomes)))
    say(f"explicit, behind a lawful text: {_missed_of(judge(wording, hidden(examples)))} missed")
    if options.show:
        for outcome in outcomes:
            if outcome.missed or (outcome.example.label == LAWFUL and outcome.refused):
                example, refused = outcome.example, ",".join(sorted(outcome.refused))
                say(f"{example.label} {example.form} {example.place} {refused}: {example.text}")
    return verdict(faults(outcomes))


if __name__ == "__main__":
    sys.exit(main())
