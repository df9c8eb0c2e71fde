"""Sums as people name them in Chinese: 500, 1万2, 三千五, 5k, $1,200, 两千块.

The text is folded beforehand, as for ``days``. A number is a sum by its unit, by a sign of money
before it, or by a word of paying before it: 15号 and 尾号1234 are none.
"""

import re
from decimal import Decimal

Named = tuple[int, int, Decimal]
"""Start and end in the text, and the sum in units of its currency."""

MOST = Decimal(10**9)

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "k": 1000, "w": 10_000}
_NUMERALS = "零一二两三四五六七八九"
_MONEY = "元|块|蚊|圆|文|人民币|港币|港纸|台币|rmb|hkd|twd|ntd"

_SUM = re.compile(
    r"(?P<sign>nt\$|hk\$|us\$|[$¥])?"
    r"(?:(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?P<point>\.[0-9]{1,2})?(?P<unit>[百千万kw](?![a-z]))?"
    r"(?P<rest>(?<=[百千万kw])[0-9](?![0-9]))?"
    rf"|(?<![几数])(?P<words>(?:[{_NUMERALS}]*[十百千万])+零?[{_NUMERALS}]?|[{_NUMERALS}]+(?={_MONEY})))"
    rf"(?P<half>半(?![个月年天日]))?(?P<money>多?(?:{_MONEY}))?"
)
_NO_SUM = re.compile(
    r"[号日月期年次个天点分成折%％岁人名楼室栋周位遍条通封回笔张家礼星小秒/:\-]|[千百]?[多几]?次"
)
_NEAR = 12
"""Characters beside a number in which a word says what it is."""
_NAMES = ("号", "第", "尾", "下", "上", "卡", "码")
_PAID = re.compile("已|转|还|打|付|汇")
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟萬", "一二三四五六七八九十百千万")
_PAYS = re.compile(
    r"(?:还|付|缴|交|存|转|汇|给|凑|入|补|拿|paid|pay|打)(?:上|了|过|款|个|你们?|到|清|完|[先再最多大概约只能可以])*$|先$"
)


def sums_named(text: str) -> list[Named]:
    """Every sum named in the text, in its order."""
    found: list[Named] = []
    text = text.translate(_FORMAL)
    for match in _SUM.finditer(text):
        before = text[max(0, match.start() - _NEAR) : match.start()]
        after = text[match.end() : match.end() + _NEAR]
        if not (match["money"] or match["sign"]):
            said = match["unit"] or match["words"] or match["point"]
            if _NO_SUM.match(after) or before.endswith(_NAMES):
                continue
            if not (said or _PAYS.search(before) or (match.start() == 0 and _PAID.match(after))):
                continue
        value = _value(match)
        if 0 < value < MOST:
            found.append((*match.span(), value))
    return found


def _value(match: re.Match[str]) -> Decimal:
    if match["words"]:
        value = _words(match["words"])
        smallest = next((_UNITS[c] for c in reversed(match["words"]) if c in _UNITS), 1)
    else:
        value = Decimal(match["digits"].replace(",", "") + (match["point"] or ""))
        smallest = _UNITS.get(match["unit"] or "", 1)
        value *= smallest
        if match["rest"]:  # 1万2 is 12,000
            value += Decimal(int(match["rest"]) * smallest // 10)
    return value + Decimal(smallest) / 2 if match["half"] else value


def _words(text: str) -> Decimal:
    """三千五 is 3,500, 一百零五 is 105, 两万 is 20,000, 五零零 is 500."""
    if not any(char in _UNITS for char in text):
        return Decimal("".join(str(_DIGITS[char]) for char in text))
    total, section, digit, last = 0, 0, None, 1
    zero = False
    for char in text:
        if char in _UNITS:
            unit = _UNITS[char]
            if unit == _UNITS["万"]:
                total, section = (total + section + (digit or 0) or 1) * unit, 0
            else:
                section += (1 if digit is None else digit) * unit
            digit, last, zero = None, unit, False
        elif char == "零":
            zero = True
        else:
            digit = _DIGITS[char]
    if digit is not None:
        section += digit if zero or last <= 10 else digit * last // 10
    return Decimal(total + section)
