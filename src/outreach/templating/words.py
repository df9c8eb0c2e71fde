"""Chinese words for money, dates, numbers and people, in each place's own usage.

Every function here is also a Jinja filter of the same name, with the template's locale filled in.
"""

import re
from collections.abc import Callable
from datetime import date

from outreach.domain.debtor import Locale, Sex
from outreach.domain.money import Currency, Money

_HOME = {
    Locale.ZH_CN: (Currency.CNY, "", "元"),
    Locale.ZH_HK: (Currency.HKD, "HK$", ""),
    Locale.ZH_TW: (Currency.TWD, "NT$", ""),
}
_CURRENCY = {
    Locale.ZH_CN: {Currency.CNY: "人民币", Currency.HKD: "港币", Currency.TWD: "新台币"},
    Locale.ZH_HK: {Currency.CNY: "人民幣", Currency.HKD: "港幣", Currency.TWD: "新臺幣"},
    Locale.ZH_TW: {Currency.CNY: "人民幣", Currency.HKD: "港幣", Currency.TWD: "新臺幣"},
}
_AROUND = {  # what stands before and after the digits
    locale: {name: (word, "元") for name, word in names.items()}
    | {_HOME[locale][0]: _HOME[locale][1:]}
    for locale, names in _CURRENCY.items()
}
_WHOLE = frozenset(currency for currency in Currency if not currency.decimals)
_EXACT = 10**15
"""Below it a hundredth part, as a float, is within a thousandth of what it should be."""
_DIGITS = {
    Locale.ZH_CN: "零壹贰叁肆伍陆柒捌玖",
    Locale.ZH_HK: "零壹貳叁肆伍陸柒捌玖",
    Locale.ZH_TW: "零壹貳參肆伍陸柒捌玖",
}
_GROUPS = {
    Locale.ZH_CN: ("", "万", "亿", "万亿"),
    Locale.ZH_HK: ("", "萬", "億", "萬億"),
    Locale.ZH_TW: ("", "萬", "億", "萬億"),
}
_NEGATIVE = {Locale.ZH_CN: "负", Locale.ZH_HK: "負", Locale.ZH_TW: "負"}
_TITLES = {Sex.MALE: "先生", Sex.FEMALE: "女士"}
_UNNAMED = {
    Locale.ZH_CN: "尊敬的客户",
    Locale.ZH_HK: "尊敬的客戶",
    Locale.ZH_TW: "親愛的客戶",
}
_COMPOUNDS = (  # two characters each, simplified and traditional forms side by side
    "欧阳歐陽司马司馬上官诸葛諸葛司徒东方東方独孤獨孤南宫南宮万俟闻人聞人夏侯尉迟尉遲"
    "公羊赫连赫連澹台澹臺皇甫宗政濮阳濮陽公冶太叔申屠公孙公孫仲孙仲孫轩辕軒轅令狐钟离"
    "鍾離宇文长孙長孫慕容鲜于鮮于闾丘閭丘司空亓官司寇颛孙顓孫端木巫马巫馬公西漆雕乐正"
    "樂正壤驷壤駟公良拓跋夹谷夾谷宰父谷梁穀梁段干百里呼延东郭東郭南门南門羊舌微生梁丘"
    "左丘西门西門纳兰納蘭完颜完顏淳于单于單于第五张简張簡范姜"
)
_COMPOUND_SURNAMES = frozenset(_COMPOUNDS[at : at + 2] for at in range(0, len(_COMPOUNDS), 2))

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇]{2,4}")


def figures(money: Money) -> str:
    """Digits alone, for table cells whose heading names the currency: ``1,234.56``."""
    minor = money.minor
    if money.currency in _WHOLE:
        return f"{minor:,}"
    whole, cents = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole:,}.{cents:02}"


def _amount_in(locale: Locale) -> Callable[[Money], str]:
    around = _AROUND[locale]

    def say(money: Money) -> str:
        minor, currency = money.minor, money.currency
        before, after = around[currency]
        if 0 <= minor < _EXACT and currency not in _WHOLE:  # nearly all there are
            return f"{before}{minor / 100:,.2f}{after}"
        digits = figures(money)
        if minor < 0:
            return f"-{before}{digits[1:]}{after}"
        return f"{before}{digits}{after}"

    return say


AMOUNT = {locale: _amount_in(locale) for locale in Locale}
"""``amount`` of each place: a mail says a dozen, so what is known beforehand is looked up once."""


def amount(money: Money, locale: Locale) -> str:
    """``1,234.56元``, ``HK$1,234.56``, ``NT$1,234``; a foreign currency by its name."""
    return AMOUNT[locale](money)


def currency_name(money: Money, locale: Locale) -> str:
    """The currency's name in words: 人民币, 港幣, 新臺幣."""
    return _CURRENCY[locale][money.currency]


def capitals(money: Money, locale: Locale) -> str:
    """The amount in capitals (金额大写): ``人民币壹仟贰佰叁拾肆元伍角陆分``.

    By 支付结算办法 annex 1 and 会计基础工作规范: 整 ends what has no 分; 零 stands for any run of
    zeros between digits, before a 角 that follows a zero 元, and for a missing 角 before 分.
    Raises ``ValueError`` from 10^16 units of currency on.
    """
    digits = _DIGITS[locale]
    whole, cents = divmod(abs(money.minor), 10**money.currency.decimals)
    tenth, hundredth = divmod(cents, 10)
    name = _CURRENCY[locale][money.currency]
    words = name + (_NEGATIVE[locale] if money.minor < 0 else "")
    if whole or not cents:
        words += _whole_capitals(whole, locale) + "元"
    if cents and whole and (tenth == 0 or whole % 10 == 0):
        words += "零"
    if tenth:
        words += digits[tenth] + "角"
    return words + (digits[hundredth] + "分" if hundredth else "整")


def _whole_capitals(whole: int, locale: Locale) -> str:
    if whole >= 10**16:
        raise ValueError("amount too large to be written in capitals")
    if not whole:
        return "零"
    groups = [whole // 10**at % 10**4 for at in (0, 4, 8, 12)]
    words, gap = "", False
    for index in (3, 2, 1, 0):
        group = groups[index]
        if not group:
            gap = bool(words)
            continue
        if words and (gap or group < 1000):
            words += "零"
        words, gap = words + _group_capitals(group, locale) + _GROUPS[locale][index], False
        if index == 3 and groups[2]:  # 壹万贰仟亿, not 壹万亿贰仟亿
            words = words.removesuffix(_GROUPS[locale][2])
    return words


def _group_capitals(group: int, locale: Locale) -> str:
    words, gap = "", False
    for unit, scale in (("仟", 1000), ("佰", 100), ("拾", 10), ("", 1)):
        digit = group // scale % 10
        if digit:
            words += ("零" if gap else "") + _DIGITS[locale][digit] + unit
        gap = not digit and bool(words)
    return words


def day(value: date, locale: Locale) -> str:
    """``2026年11月23日``; in Taiwan ``民國115年11月23日``, 民國 always written."""
    if locale is Locale.ZH_TW and value.year > 1911:
        return f"民國{value.year - 1911}年{value.month}月{value.day}日"
    return f"{value.year}年{value.month}月{value.day}日"


def short_day(value: date) -> str:
    """``11月23日``, for SMS."""
    return f"{value.month}月{value.day}日"


def tail(digits: str, locale: Locale) -> str:
    """The last digits of a card or contract number: ``尾号1234``, ``尾號1234``, ``末4碼1234``."""
    if locale is Locale.ZH_TW:
        return f"末{len(digits)}碼{digits}"
    return ("尾号" if locale is Locale.ZH_CN else "尾號") + digits


def masked_name(name: str, locale: Locale) -> str:
    """Hide the given name: ``张*明``, ``欧阳*``, ``陳*文``, ``王○明``.

    Of a Chinese name the surname and the last of several given characters remain; of any other
    name (Latin, or with a ·) the first and the last letter.
    """
    mask = "○" if locale is Locale.ZH_TW else "*"
    name = name.strip()
    surname = _surname(name) or name[:1]
    shown = len(surname) if len(name) > 1 else 0
    last = len(name) - 1 if len(name) - len(surname) > 1 else len(name)
    hidden = "".join(mask if char.isalnum() else char for char in name[shown:last])
    return name[:shown] + hidden + name[last:]


def salutation(name: str, sex: Sex, locale: Locale) -> str:
    """``王先生``, ``歐陽女士``; if surname or sex is uncertain, 尊敬的客户 and the like."""
    surname, title = _surname(name.strip()), _TITLES.get(sex)
    return surname + title if surname and title else _UNNAMED[locale]


def _surname(name: str) -> str:
    """The surname, or nothing unless the name is plainly a Chinese one.

    Four characters without a compound surname may hold two surnames (陳方安生): not certain.
    """
    if not _CHINESE.fullmatch(name):
        return ""
    if len(name) > 2 and name[:2] in _COMPOUND_SURNAMES:
        return name[:2]
    return name[:1] if len(name) < 4 else ""
