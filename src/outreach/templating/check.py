"""Everything that can be wrong with the templates, found before a debtor finds it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog, Rendered, Template
from outreach.templating.context import Context
from outreach.templating.files import FOLDERS, Key, strays
from outreach.templating.letter import Letter, LetterPress
from outreach.templating.samples import sample_address, samples
from outreach.templating.sms import EACH, SmsLength

LONG_SMS = 2 * EACH
"""Units that still fit two parts."""

EVERYWHERE = tuple(Locale)
MAINLAND = (Locale.ZH_CN,)
EXPECTED: dict[tuple[Channel, Purpose], tuple[Locale, ...]] = {
    (Channel.SMS, Purpose.PAYMENT_REMINDER): EVERYWHERE,
    (Channel.EMAIL, Purpose.PAYMENT_REMINDER): EVERYWHERE,
    (Channel.SMS, Purpose.OVERDUE_NOTICE): EVERYWHERE,
    (Channel.EMAIL, Purpose.OVERDUE_NOTICE): EVERYWHERE,
    (Channel.EMAIL, Purpose.DEMAND_LETTER): MAINLAND,
    (Channel.LETTER, Purpose.DEMAND_LETTER): MAINLAND,
    (Channel.SMS, Purpose.CORRECTION_NOTICE): EVERYWHERE,
    (Channel.EMAIL, Purpose.CORRECTION_NOTICE): EVERYWHERE,
    (Channel.LETTER, Purpose.CORRECTION_NOTICE): MAINLAND,
    (Channel.SMS, Purpose.SETTLEMENT_RECEIPT): MAINLAND,
    (Channel.EMAIL, Purpose.SETTLEMENT_RECEIPT): MAINLAND,
    (Channel.LETTER, Purpose.SETTLEMENT_RECEIPT): MAINLAND,
}
"""What must exist wherever the product writes."""

_SYMBOLS = "¥￥★√※☞"
_SUBJECT = re.compile("欠|债|債|逾期|催|还款|還款|繳款|缴款|贷|貸|征信|違約|违约|诉|訴")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_ELSEWHERE: dict[Locale, dict[str, str]] = {
    Locale.ZH_CN: {},
    Locale.ZH_HK: {
        "短信": "短訊",
        "簡訊": "短訊",
        "賬單": "月結單",
        "帳戶": "戶口",
        "鏈接": "連結",
        "通過": "透過",
        "郵箱": "電郵地址",
        "違約金": "逾期費用",
        "最低應繳金額": "最低還款額",
    },
    Locale.ZH_TW: {
        "短信": "簡訊",
        "短訊": "簡訊",
        "賬": "帳",
        "戶口": "帳戶",
        "鏈接": "連結",
        "通過": "透過",
        "郵箱": "信箱",
        "到期還款日": "繳款截止日",
        "最低還款額": "最低應繳金額",
        "債權轉讓": "債權讓與",
    },
}
"""Words of another place, with the word that belongs here."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``where`` is a file, with its line where one is to blame."""

    where: str
    message: str


def check(catalog: Catalog) -> list[Problem]:
    """Compile every template, read its files, render it with every sample; all that is wrong."""
    problems = [*_missing(catalog), *_misnamed(catalog)]
    scripts, press = _characters(), LetterPress()
    for key in catalog.keys:
        try:
            template = catalog.get(*key)
        except TemplateError as error:
            problems.append(_problem(error))
            continue
        for path, source in template.files.items():
            problems += _wrong_script(path, source, template.locale, scripts)
            problems += _wrong_words(path, source, template.locale)
        problems += _renderings(template, press)
    return list(dict.fromkeys(problems))


def longest_sms(template: Template) -> SmsLength:
    """The longest this SMS gets with the samples."""
    contexts = samples(template.purpose, template.locale).values()
    lengths = [template.render(context).sms for context in contexts]
    return max((length for length in lengths if length), key=lambda length: length.units)


def _missing(catalog: Catalog) -> Iterator[Problem]:
    there = set(catalog.keys)
    for (channel, purpose), locales in EXPECTED.items():
        for locale in locales:
            if Key(channel, purpose, locale) not in there:
                yield Problem(f"{FOLDERS[channel]}/{purpose}", f"no template in {locale}")


def _misnamed(catalog: Catalog) -> Iterator[Problem]:
    for path in strays(catalog.directory):
        yield Problem(
            f"{path}",
            "belongs to no template → name it <purpose>/<locale>.* or <locale>@<variant>.*, "
            "a variant by 1 to 20 of a-z, 0-9, -",
        )


def _characters() -> Mapping[str, frozenset[str]]:
    text = (Path(__file__).parent / "characters.txt").read_text(encoding="utf-8")
    _, simplified, traditional = re.split(r"^\[\w+\]$", text, flags=re.MULTILINE)
    return {"simplified": frozenset(simplified), "traditional": frozenset(traditional)}


def _wrong_script(
    path: Path, source: str, locale: Locale, scripts: Mapping[str, frozenset[str]]
) -> Iterator[Problem]:
    wrong = "traditional" if locale is Locale.ZH_CN else "simplified"
    for number, line in enumerate(source.splitlines(), 1):
        found = sorted(set(line.strip()) & scripts[wrong])
        if found:
            yield Problem(f"{path}:{number}", f"{wrong} characters in {locale}: {''.join(found)}")


def _wrong_words(path: Path, source: str, locale: Locale) -> Iterator[Problem]:
    for number, line in enumerate(source.splitlines(), 1):
        for word, ours in _ELSEWHERE[locale].items():
            if word in line:
                yield Problem(f"{path}:{number}", f"{word} is not said in {locale}: write {ours}")


def _renderings(template: Template, press: LetterPress) -> Iterator[Problem]:
    for name, context in samples(template.purpose, template.locale).items():
        try:
            rendered = template.render(context)
            if template.channel is Channel.LETTER:
                press.press(Letter(rendered, context, sample_address(context), template.locale))
        except TemplateError as error:
            yield _problem(error)
            continue
        if template.channel is Channel.SMS:
            for message in _wrong_sms(rendered, context, template.locale):
                yield Problem(str(template.path), f"{message} (sample: {name})")
        if found := _SUBJECT.findall(rendered.subject):
            yield Problem(
                str(template.path), f"a subject shows on lock screens: {' '.join(found)} in it"
            )


def _wrong_sms(rendered: Rendered, context: Context, locale: Locale) -> Iterator[str]:
    text = rendered.text
    if found := sorted(set(text) & set(_SYMBOLS)):
        yield f"carriers refuse {' '.join(found)} (M-04)"
    if text.count("【") > 1 or text.find("【") > 0 or text.count("【") != text.count("】"):
        yield "【】 is the signature's, once, at the front (M-02)"
    if locale is Locale.ZH_CN and not text.startswith(f"【{context.creditor.signature}】"):
        yield "the signature in 【】 is missing at the front (M-02)"
    if locale is not Locale.ZH_CN and _LINK.search(text):
        yield "no links in an SMS here (HK-28, TW-44)"
    if "回复N" not in text and "回覆N" not in text:
        yield "a way out for the wrong person is missing: 如非本人请回复N (C-12)"
    if rendered.sms and rendered.sms.units > LONG_SMS:
        yield f"{rendered.sms.units} UTF-16 units, {rendered.sms.parts} parts (M-03)"


def _problem(error: TemplateError) -> Problem:
    where, _, message = error.message.partition(": ")
    return Problem(where, f"{message} → {error.remedy}" if error.remedy else message)
