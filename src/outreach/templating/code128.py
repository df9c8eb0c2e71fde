"""Code 128 bars (ISO/IEC 15417) for the number of a letter: paper finds its record again."""

from itertools import pairwise

from outreach.domain.errors import TemplateError

_TABLE = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132"
    "122231113222123122123221223211221132221231213212223112312131311222321122321221312212"
    "322112322211212123212321232121111323131123131321112313132113132311211313231113231311"
    "112133112331132131113123113321133121313121211331231131213113213311213131311123311321"
    "331121312113312311332111314111221411431111111224111422121124121421141122141221112214"
    "112412122114122411142112142211241211221114413111241112134111111242121142121241114212"
    "124112124211411212421112421211212141214121412121111143111341131141114113114311411113"
    "411311113141114131311141411131211412211214211232"
)
_PATTERNS = tuple(_TABLE[at : at + 6] for at in range(0, len(_TABLE), 6))
_STOP = "2331112"
_TO_C, _TO_B = 99, 100
_START_B, _START_C = 104, 105


def widths(text: str) -> tuple[int, ...]:
    """Widths in modules: bar, gap, bar ... bar, without the quiet zones (10 modules each side).

    Printable ASCII only; raises ``TemplateError`` for anything else.
    """
    if not text or not all(" " <= char <= "~" for char in text):
        raise TemplateError(
            "a letter's number must be printable ASCII to be drawn as a barcode",
            "use letters, digits and hyphens in the number",
        )
    values = _values(text)
    check = (values[0] + sum(at * value for at, value in enumerate(values))) % 103
    bars = "".join(_PATTERNS[value] for value in [*values, check]) + _STOP
    return tuple(int(width) for width in bars)


def _values(text: str) -> list[int]:
    """Symbol values: set C (two digits a symbol) for runs of four digits or more, else set B."""
    values: list[int] = []
    compact = False
    for digits, piece in _runs(text):
        if digits is not compact or not values:
            switch = (_TO_C, _TO_B) if values else (_START_C, _START_B)
            values.append(switch[0] if digits else switch[1])
            compact = digits
        if digits:
            values += [int(piece[at : at + 2]) for at in range(0, len(piece), 2)]
        else:
            values += [ord(char) - 32 for char in piece]
    return values


def _runs(text: str) -> list[tuple[bool, str]]:
    """``text`` cut where set C pays: even runs of four digits and more, and what lies between."""
    marks = [0]
    at = 0
    while at < len(text):
        end = at
        while end < len(text) and "0" <= text[end] <= "9":
            end += 1
        if end - at >= 4:
            marks += [at + (end - at) % 2, end]
        at = max(end, at + 1)
    pieces = ((text[a:b], at % 2 == 1) for at, (a, b) in enumerate(pairwise([*marks, len(text)])))
    return [(digits, piece) for piece, digits in pieces if piece]
