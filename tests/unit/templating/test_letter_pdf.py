"""Letters as PDF: what they say, where the address stands, what is refused."""

import json
import re
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from outreach.domain.contact import Address, Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog
from outreach.templating.context import Context
from outreach.templating.letter import Letter, LetterPress, Window
from outreach.templating.samples import sample_address, samples

TEMPLATES = Path(__file__).parents[3] / "templates"
CATALOG = Catalog(TEMPLATES)
MM = 72 / 25.4


@pytest.fixture(scope="module")
def press() -> LetterPress:
    return LetterPress()


def contexts(purpose: Purpose = Purpose.DEMAND_LETTER) -> dict[str, Context]:
    return samples(purpose, Locale.ZH_CN)


def letter(
    context: Context, address: Address | None = None, purpose: Purpose = Purpose.DEMAND_LETTER
) -> Letter:
    template = CATALOG.get(Channel.LETTER, purpose, Locale.ZH_CN)
    return Letter(
        template.render(context), context, address or sample_address(context), Locale.ZH_CN
    )


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def texts(pdf: bytes) -> list[str]:
    return [squeeze(page.extract_text()) for page in PdfReader(BytesIO(pdf)).pages]


def test_a_demand_letter_reads_back(press: LetterPress) -> None:
    context = contexts()["one account"]
    pressed = press.press(letter(context))
    pages = texts(pressed.pdf)
    assert pressed.pages == len(pages) == 2
    for at, page in enumerate(pages, 1):
        assert f"第{at}页共2页" in page
        assert context.number in page
    whole = "".join(pages)
    for paragraph in letter(context).rendered.paragraphs:
        if paragraph != "[accounts]":
            assert squeeze(paragraph.removeprefix("# "))[:18] in whole
    for item in (
        "催收函",
        "示例银行股份有限公司",
        "200000",
        "张小明收",
        "信用卡（尾号1234）2026-09-166811,481.49493.82308.6461.7212,345.673,703.70",
        "账户明细（截至2026年11月23日，单位：人民币元）",
        "已到期未付合计（大写）：人民币叁仟柒佰零叁元柒角整",
        "账号：0000 0000 0000 0000 123",
        "业务公章",
        "信用卡中心2026年11月23日",
    ):
        assert squeeze(item) in whole


def test_twelve_accounts_take_two_pages_and_none_is_lost(press: LetterPress) -> None:
    context = contexts()["twelve accounts"]
    pressed = press.press(letter(context))
    whole = "".join(texts(pressed.pdf))
    assert pressed.pages == 2
    assert all(f"尾号{account.tail}" in whole for account in context.accounts)
    assert "合计193,634.038,328.285,205.151,041.00208,208.4662,462.48" in whole


def test_a_long_table_repeats_its_head(press: LetterPress) -> None:
    context = contexts()["twelve accounts"]
    many = replace(context, accounts=context.accounts * 5)
    pages = texts(press.press(letter(many)).pdf)
    assert len(pages) >= 3
    assert sum("欠款余额已到期未付" in page for page in pages) >= 2


def test_a_settlement_is_one_page(press: LetterPress) -> None:
    purpose = Purpose.SETTLEMENT_RECEIPT
    context = contexts(purpose)["several accounts"]
    pressed = press.press(letter(context, purpose=purpose))
    (page,) = texts(pressed.pdf)
    assert "结清确认函" in page
    assert "信用卡（尾号1234）0.00元已结清" in page
    assert "第1页共1页" in page


def test_a_correction_is_one_page(press: LetterPress) -> None:
    purpose = Purpose.CORRECTION_NOTICE
    pressed = press.press(letter(contexts(purpose)["agency"], purpose=purpose))
    (page,) = texts(pressed.pdf)
    assert "更正致歉函" in page
    assert "请您忽略其内容" in page
    assert "1234" not in page  # no account


def _inside(pdf: bytes, window: Window) -> str:
    """All text of the first page whose origin lies in the window."""
    found: list[str] = []

    def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        x = cm[0] * tm[4] + cm[2] * tm[5] + cm[4]
        y = cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
        left, top = x / MM, 297 - y / MM
        if (
            window.left <= left <= window.left + window.width
            and window.top <= top <= window.top + window.height
        ):
            found.append(text)

    PdfReader(BytesIO(pdf)).pages[0].extract_text(visitor_text=visit)
    return squeeze("".join(found))


def test_only_the_address_shows_through_the_window(press: LetterPress) -> None:
    context = contexts()["one account"]
    address = sample_address(context)
    shown = _inside(press.press(letter(context)).pdf, Window())
    assert shown == squeeze(f"{address.postcode}{''.join(address.lines)}{address.recipient}收")


def test_the_window_can_be_moved() -> None:
    context = contexts()["one account"]
    window = Window(left=25, top=60, width=85, height=30, folds=(99, 198))
    shown = _inside(LetterPress(window).press(letter(context)).pdf, window)
    assert shown.endswith("张小明收")


def test_a_long_address_shrinks_and_a_longer_one_is_refused(press: LetterPress) -> None:
    context = contexts()["one account"]
    line = "示例省示例自治州示例县示例镇示例街道示例社区"
    shown = _inside(
        press.press(letter(context, Address("张小明", (line,) * 5, "200000", "CN"))).pdf, Window()
    )
    assert shown == f"200000{line * 5}张小明收"
    with pytest.raises(TemplateError, match="address does not fit") as caught:
        press.press(letter(context, Address("张小明", (line,) * 12, "200000", "CN")))
    assert "张小明" not in str(caught.value)


def test_the_same_letter_gives_the_same_bytes(press: LetterPress) -> None:
    context = contexts()["several accounts"]
    first = press.press(letter(context)).pdf
    press.press(letter(contexts()["guarantor"]))
    assert press.press(letter(context)).pdf == first
    assert LetterPress().press(letter(context)).pdf == first
    assert press.press(letter(replace(context, today=date(2026, 11, 24)))).pdf != first


def test_a_kept_letter_comes_out_again(press: LetterPress) -> None:
    """What ``compose`` made, kept as JSON and read back, gives the bytes that were posted."""
    context = contexts()["several accounts"]
    kept = json.loads(json.dumps(press.compose(letter(context)), sort_keys=True))
    assert press.press(kept) == press.press(letter(context))


def test_it_is_an_archive_file_with_the_vendored_font_only(press: LetterPress) -> None:
    pdf = press.press(letter(contexts()["one account"])).pdf
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>U</pdfaid:conformance>" in pdf
    reader = PdfReader(BytesIO(pdf))
    assert reader.metadata is not None
    assert reader.metadata.title == contexts()["one account"].number
    fonts = {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert all(name.startswith("NotoSerifCJKsc-Regular") for name in fonts)


HOSTILE = '#panic("X") *b* #read("/etc/passwd") {{7*7}} <b> \\ $x$ @a'


def test_data_is_printed_never_run(press: LetterPress) -> None:
    context = contexts()["one account"]
    hostile = replace(context, debtor=replace(context.debtor, name=HOSTILE))
    assert squeeze(f"尊敬的{HOSTILE}：") in "".join(texts(press.press(letter(hostile)).pdf))


@pytest.mark.parametrize(
    ("char", "said"),
    [
        ("\U0002a6d7", r"letter address: the letter font has no shape for U\+2A6D7"),
        ("\ue123", r"letter address: U\+E123 is for private use"),
        ("\U000f0001", r"letter address: U\+F0001 is for private use"),
        ("\t", r"no shape for U\+0009"),
        ("😀", r"no shape for U\+1F600"),
    ],
)
def test_a_character_the_font_lacks_is_named_by_its_code_point(
    press: LetterPress, char: str, said: str
) -> None:
    context = contexts()["one account"]
    address = replace(sample_address(context), recipient=f"张{char}明")
    with pytest.raises(TemplateError, match=said) as caught:
        press.press(letter(context, address))
    assert "张" not in str(caught.value)


def test_rare_characters_of_names_are_set(press: LetterPress) -> None:
    context = contexts()["one account"]
    name = "㛃𬭚䶮鿏𠮷"
    address = replace(sample_address(context), recipient=name)
    assert f"{name}收" in "".join(texts(press.press(letter(context, address)).pdf))


def test_a_number_too_long_for_its_barcode_is_refused(press: LetterPress) -> None:
    context = replace(contexts()["one account"], number="ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    with pytest.raises(TemplateError, match="too long for a barcode"):
        press.press(letter(context))


def test_letters_exist_in_one_locale_so_far(press: LetterPress) -> None:
    context = contexts()["one account"]
    with pytest.raises(TemplateError, match="not set in zh-TW yet"):
        press.press(replace(letter(context), locale=Locale.ZH_TW))
