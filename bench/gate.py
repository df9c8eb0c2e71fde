"""What the gate on words costs a notice: ``python -m bench gate``.

The words of the templates as shipped, of the example creditors, to invented people. Beside it, in
turns, a floor that reads each text once and understands nothing: one ``str.translate`` and one
search of one expression.
"""

import argparse
import random
import re
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time_ns

from outreach.compliance.normal import skeleton
from outreach.compliance.setting import Setting
from outreach.compliance.wording import Wording, load_wording
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Locale, Sex
from outreach.domain.money import Money
from outreach.domain.notice import Purpose
from outreach.settings import CreditorSettings, read
from outreach.templating.catalog import Catalog, Template
from outreach.templating.context import Context, CreditorWords, DebtorWords
from outreach.templating.samples import samples
from outreach.templating.words import salutation

ROOT = Path(__file__).parents[1]
CASES = (
    (Channel.SMS, Purpose.OVERDUE_NOTICE),
    (Channel.EMAIL, Purpose.OVERDUE_NOTICE),
    (Channel.LETTER, Purpose.DEMAND_LETTER),
)
PLACES = dict(zip(Locale, Jurisdiction, strict=True))
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余"
GIVEN = "伟芳秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玉梅国建志海燕文华红"
FLOOR = re.compile("坐牢|报警|冻结|上门|个人账户|通讯录|最后通牒")
FOLD = str.maketrans("請繳還賬戶", "请缴还账户")
"""A floor's one pass: about what any reader of a text must do."""
Text = tuple[str, Setting]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small: whether it runs at all")
    quick = parser.parse_args().quick
    notices, rounds = (200, 2) if quick else (4000, 5)
    wording = load_wording(ROOT / "config" / "policies" / "wording.toml")
    print("CPU us a notice           gate  above floor  ratio   floor  read anew  known")  # noqa: T201
    for channel, purpose in CASES:
        texts = list(_texts(channel, purpose, notices))
        row = [_measured(wording, texts, turn) for turn in range(rounds + 1)][1:]
        gate, floor, anew, known = (statistics.median(each) for each in zip(*row, strict=True))
        print(  # noqa: T201
            f"{channel:8}{purpose:16}{gate:7.1f}{gate - floor:13.1f}{gate / floor:7.1f}"
            f"{floor:8.1f}{anew:11.1f}{known:7.0%}"
        )
    return 0


def _measured(wording: Wording, texts: Sequence[Text], turn: int) -> tuple[float, ...]:
    """The gate in the stream, the floor, the gate that remembers nothing; the share it knew.

    Every turn is another stretch of the same stream, so that what a long campaign would have met
    is met and no text is one that was measured before.
    """
    random.Random(turn).shuffle(mine := list(texts))
    wording.forget()
    warm, measured = mine[: len(mine) // 2], mine[len(mine) // 2 :]
    seen = {(setting, skeleton(text)) for text, setting in warm}
    known = sum((setting, skeleton(text)) in seen for text, setting in measured) / len(measured)
    for text, setting in warm:
        wording.check_words(text, setting)
    gate = _cost(lambda t, s: wording.check_words(t, s), measured)
    floor = _cost(lambda t, _: FLOOR.search(t.translate(FOLD)), measured)

    def anew(text: str, setting: Setting) -> object:
        wording.forget()
        return wording.check_words(text, setting)

    return gate, floor, _cost(anew, measured[:100]), known


def _cost(run: Callable[[str, Setting], object], texts: Iterable[Text]) -> float:
    """CPU us for each."""
    some = list(texts)
    began = process_time_ns()
    for text, setting in some:
        run(text, setting)
    return (process_time_ns() - began) / 1000 / len(some)


def _texts(channel: Channel, purpose: Purpose, count: int) -> Iterator[Text]:
    chance = random.Random(7)
    catalog, creditors = Catalog(ROOT / "templates"), read({}, ROOT / "config").creditors
    kinds = [
        (catalog.get(channel, purpose, locale), creditor)
        for locale, place in PLACES.items()
        for creditor in creditors
        if creditor.jurisdiction is place and (channel, purpose, locale, "") in catalog.keys
    ]
    settings = {creditor.id: _setting(channel, purpose, creditor) for creditor in creditors}
    for number in range(count):
        template, creditor = kinds[number % len(kinds)]
        context = _context(template, creditor, chance)
        rendered = template.render(context)
        text = f"{rendered.subject}\n{rendered.text}" if rendered.subject else rendered.text
        assert context.code
        text = text.replace(context.code, "0")  # as ``prepare`` has it read
        yield text, settings[creditor.id]


def _setting(channel: Channel, purpose: Purpose, creditor: CreditorSettings) -> Setting:
    return Setting(
        channel=channel,
        purpose=purpose,
        place=creditor.jurisdiction,
        signature=creditor.signature,
        creditor=creditor.name,
        phones=(creditor.hotline, creditor.complaint_line),
        payees=(creditor.payee.account,),
    )


def _context(template: Template, creditor: CreditorSettings, chance: random.Random) -> Context:
    """A sample's context with another person and other figures."""
    kind = chance.choices(("one account", "several accounts"), (9, 1))[0]
    context = samples(template.purpose, template.locale)[kind]
    name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2))))
    sex = chance.choice((Sex.MALE, Sex.FEMALE))
    account = context.accounts[0]
    other = Money(chance.randrange(10_000, 9_999_999), account.overdue.currency)
    accounts = tuple(
        replace(
            each,
            tail=f"{chance.randrange(10_000):04}",
            overdue=other,
            balance=other,
            days_past_due=chance.randrange(1, 200),
        )
        for each in context.accounts
    )
    return replace(
        context,
        creditor=CreditorWords(
            name=creditor.name,
            signature=creditor.signature,
            hotline=creditor.hotline,
            complaint_line=creditor.complaint_line,
            app=creditor.app,
            payee_name=creditor.payee.name,
            payee_bank=creditor.payee.bank,
            payee_account=creditor.payee.account,
            address=creditor.address,
            department=creditor.department,
        ),
        debtor=DebtorWords(name=name, salutation=salutation(name, sex, template.locale)),
        accounts=accounts,
    )


if __name__ == "__main__":
    sys.exit(main())
