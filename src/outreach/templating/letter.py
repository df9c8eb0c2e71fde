"""Letters as PDF: the words of the catalogue set by typst in the fixed layout ``letter.typ``.

Everything that varies goes in as one JSON value through ``sys_inputs``; data never becomes layout
code. The bytes depend on nothing but the letter, the font and typst's version (PDF/A-2u, ISO
19005-2, timestamp fixed to the letter's date).

A letter's paragraphs, as the template writes them: the first is the salutation; ``# `` begins a
heading; ``[accounts]`` stands where the table of debts goes, ``[settled]`` where the table of
settled accounts goes; anything else is a paragraph.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import typst

from outreach.domain.contact import Address
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.templating import code128, words
from outreach.templating.catalog import Rendered
from outreach.templating.context import AccountWords, Context, TotalWords
from outreach.templating.font import LETTER_FONT, coverage

LAYOUT = Path(__file__).parent / "letter.typ"
STANDARD: Final = "a-2u"
BARCODE_ROOM = 58  # mm, as in letter.typ
NARROWEST_BAR = 0.19  # mm: ISO/IEC 15417 readers need about that of office print


@dataclass(frozen=True, slots=True)
class Labels:
    """What the layout itself says, beside the template's words."""

    number: str
    date: str
    to: str
    address: str
    hotline: str
    complaints: str
    page: str
    pages: str
    seal: str
    accounts: tuple[str, ...]
    caption: str
    total: str
    capitals: str
    settled: tuple[str, ...]
    done: str


LABELS = {
    Locale.ZH_CN: Labels(
        number="函件编号",
        date="日期",
        to="收",
        address="地址",
        hotline="客服热线",
        complaints="投诉电话",
        page="第{}页",
        pages="共{}页",
        seal="业务公章",
        accounts=(
            "账户",
            "最早逾期到期日",
            "逾期天数",
            "本金",
            "利息",
            "违约金",
            "费用",
            "欠款余额",
            "已到期未付",
        ),
        caption="账户明细（截至{day}，单位：{currency}元）",
        total="合计",
        capitals="已到期未付合计（大写）",
        settled=("账户", "余额", "状态"),
        done="已结清",
    )
}


@dataclass(frozen=True, slots=True)
class Window:
    """Where the address shows through the envelope, in mm from the sheet's top left.

    The default suits a DL envelope with its window on the left (DIN 5008 form B): the sheet is
    folded at 105 and 210 mm. Print-and-mail partners differ; nothing else is set inside this box.
    """

    left: int = 20
    top: int = 45
    width: int = 90
    height: int = 45
    folds: tuple[int, ...] = (105, 210)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, ready to be set: ``rendered`` is what a template made of ``context``."""

    rendered: Rendered
    context: Context
    address: Address
    locale: Locale

    @property
    def number(self) -> str:
        return self.context.number

    @property
    def date(self) -> date:
        return self.context.today


@dataclass(frozen=True, slots=True)
class LetterPdf:
    pdf: bytes
    pages: int


class LetterPress:
    """One shared set of fonts and one compiler: keep one press per process (about 10 ms a letter).

    ``press`` may be called from threads; it holds the compiler for itself and releases the GIL.
    """

    def __init__(self, window: Window | None = None) -> None:
        self._window = window or Window()
        self._drawable = coverage()
        self._lock = threading.Lock()
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[LETTER_FONT.parent],
        )
        self._compiler = typst.Compiler(
            LAYOUT, root=LAYOUT.parent, font_paths=fonts, ignore_system_fonts=True
        )

    def press(self, letter: Letter | Mapping[str, Any]) -> LetterPdf:
        """Set a letter, or what ``compose`` made of one (now or years ago: the bytes are the same).

        Raises ``TemplateError`` for a character the font cannot draw or an address too long.
        """
        data = self.compose(letter) if isinstance(letter, Letter) else letter
        for place, text in _texts(data):
            self._check(place, text)
        stamp = datetime.combine(date.fromisoformat(data["day"]), time(), UTC)
        source = json.dumps(data, ensure_ascii=False, sort_keys=True)
        try:
            with self._lock:
                pdf = self._compiler.compile(
                    format="pdf",
                    pdf_standards=[STANDARD],
                    timestamp=stamp,
                    sys_inputs={"letter": source},
                )
        except typst.TypstError as error:
            raise TemplateError(*_reason(error)) from None  # its message may quote the letter
        assert isinstance(pdf, bytes)
        return LetterPdf(pdf, _pages(pdf))

    def _check(self, place: str, text: str) -> None:
        missing = sorted(set(text) - self._drawable)
        if not missing:
            return
        code = ord(missing[0])
        if 0xE000 <= code <= 0xF8FF or code >= 0xF0000:
            raise TemplateError(
                f"letter {place}: U+{code:04X} is for private use and has no shape of its own",
                "replace it in the core system by the character it stands for, then import again",
            )
        raise TemplateError(
            f"letter {place}: the letter font has no shape for U+{code:04X}",
            "write to this person by another channel, or have a person print the letter",
        )

    def compose(self, letter: Letter) -> dict[str, Any]:
        """All that varies in a letter, as plain data fit for JSON: strings, integers, lists."""
        context, labels = letter.context, LABELS.get(letter.locale)
        if labels is None:
            raise TemplateError(
                f"letters are not set in {letter.locale} yet", f"exists in: {', '.join(LABELS)}"
            )
        creditor = context.creditor
        return {
            "window": asdict(self._window),
            "labels": asdict(labels),
            "sender": context.agency or creditor.name,
            "department": "" if context.agency else creditor.department,
            "contact": (
                f"{labels.address}：{creditor.address}",
                f"{labels.hotline}：{creditor.hotline}　"
                f"{labels.complaints}：{creditor.complaint_line}",
            ),
            "number": letter.number,
            "date": words.day(letter.date, letter.locale),
            "day": letter.date.isoformat(),
            "address": {
                "postcode": letter.address.postcode,
                "lines": letter.address.lines,
                "recipient": letter.address.recipient,
            },
            "bars": _bars(letter.number),
            "title": letter.rendered.title,
            "blocks": tuple(_blocks(letter.rendered.paragraphs)),
            "accounts": _accounts(context, labels, letter.locale),
            "settled": _settled(context, labels, letter.locale),
        }


def _bars(number: str) -> tuple[int, ...]:
    bars = code128.widths(number)
    if sum(bars) * NARROWEST_BAR > BARCODE_ROOM:
        raise TemplateError(
            "letter: its number is too long for a barcode that can be read",
            "keep numbers to about 20 characters",
        )
    return bars


def _blocks(paragraphs: Sequence[str]) -> Iterator[dict[str, str]]:
    for at, text in enumerate(paragraphs):
        if text in ("[accounts]", "[settled]"):
            yield {"kind": text[1:-1], "text": ""}
        elif text.startswith("# "):
            yield {"kind": "heading", "text": text[2:]}
        else:
            yield {"kind": "paragraph" if at else "salutation", "text": text}


def _accounts(context: Context, labels: Labels, locale: Locale) -> dict[str, Any]:
    total = context.totals
    return {
        "caption": labels.caption.format(
            day=words.day(context.as_of, locale),
            currency=words.currency_name(total.balance, locale),
        ),
        "head": labels.accounts,
        "rows": [
            (
                _name(account, locale),
                account.overdue_since.isoformat(),
                str(account.days_past_due),
                *_sums(account),
            )
            for account in context.accounts
        ],
        "total": (labels.total, "", "", *_sums(total)),
        "capitals": f"{labels.capitals}：{words.capitals(total.overdue, locale)}",
    }


def _sums(of: AccountWords | TotalWords) -> Iterator[str]:
    sums = (of.principal, of.interest, of.penalty, of.fees, of.balance, of.overdue)
    return map(words.figures, sums)


def _settled(context: Context, labels: Labels, locale: Locale) -> dict[str, Any]:
    return {
        "head": labels.settled,
        "rows": [
            (_name(account, locale), words.amount(account.balance, locale), labels.done)
            for account in context.accounts
        ],
    }


def _name(account: AccountWords, locale: Locale) -> str:
    return f"{account.product}（{words.tail(account.tail, locale)}）"


def _texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string that will be printed, with the field it stands in."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, place or str(key))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _texts(part, place)


def _reason(error: typst.TypstError) -> tuple[str, str]:
    if "address too long" in error.message:
        return "letter: the address does not fit its window", "shorten the address"
    if "could not be displayed" in error.message:
        return (
            "letter: the letter font cannot draw a combination of characters in it",
            "write to this person by another channel, or have a person print the letter",
        )
    return (
        "letter: typst could not set it",
        "check templating/letter.typ; `outreach template check`",
    )


def _pages(pdf: bytes) -> int:
    """The page tree's own count (ISO 32000-1, 7.7.3.2)."""
    return max(int(count) for count in re.findall(rb"/Type\s*/Pages\b[^>]*?/Count (\d+)", pdf))
