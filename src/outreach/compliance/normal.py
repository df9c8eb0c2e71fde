"""Text as the gate on words reads it, however it was written.

Half width, lower case, simplified, without symbols; a clause ends with ``,``, a sentence with
``。``; every number is ``0``. What was spelled in pinyin is read as well: each syllable as one
character of a private range, which no text holds.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

CLAUSE, SENTENCE = ",", "。"
ENDS = CLAUSE + SENTENCE

_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
_NOISE = re.compile(r"[^\w,;:.!?。…\n]|_")
_STOPS = re.compile(r"[,;:.!?。…\n]+")
_CHOPPED = re.compile(r"(?<![^,。])(?:[^,。][,。]){2,}[^,。](?![^,。])")
_PAUSES = frozenset(",;:")
_LETTERS = re.compile("[a-z]+")
_PRIVATE = 0xE000
# names that happen to read as something else
_NAMES = frozenset({"shanghai"})


def skeleton(text: str) -> bytes:
    """``text`` with every number as ``0``: what it says apart from its figures, and quickly.

    Texts of one skeleton have one normal form.
    """
    bones = b"|%b|" % text.encode("utf-8", "surrogatepass").translate(_DIGITS)
    bones = b"0".join(filter(None, bones.split(b"0")))
    while b"0,0" in bones or b"0.0" in bones:
        bones = bones.replace(b"0,0", b"0").replace(b"0.0", b"0")
    return bones


def half(text: str) -> str:
    """Half width, lower case; symbols and figures stay."""
    return unicodedata.normalize("NFKC", text).lower()


def normal(text: str, fold: Mapping[int, int]) -> str:
    """The normal form; ``fold`` takes a character to the one it is read as."""
    figures = _NUMBER.sub("0", half(text))
    form = _STOPS.sub(_end, _NOISE.sub("", figures.translate(fold)))
    return _CHOPPED.sub(_joined, form)


def spelled(form: str) -> str:
    """A normal form with each syllable of pinyin as one character; the same if it holds none."""
    return _LETTERS.sub(_syllables, form)


def spellings(char: str) -> str:
    """The private characters of the syllables ``char`` is spelled by."""
    return _sounds().get(char, "")


def place(text: str, index: int, form: Callable[[str], str]) -> int:
    """Where in ``text`` the character ``index`` of its ``form`` comes from."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if len(form(text[:middle])) > index:
            high = middle
        else:
            low = middle + 1
    return max(low - 1, 0)


def _end(stops: re.Match[str]) -> str:
    return CLAUSE if _PAUSES.issuperset(stops[0]) else SENTENCE


def _joined(chopped: re.Match[str]) -> str:
    """``坐。牢。吧``: three and more single characters between ends are one word."""
    return chopped[0][::2]


def _syllables(letters: re.Match[str]) -> str:
    word = letters[0]
    split = None if word in _NAMES else _split()(word)
    if split is None:
        return word
    return "".join(chr(_PRIVATE + _tables()[1][syllable]) for syllable in split)


@lru_cache(maxsize=1)
def _split() -> Callable[[str], list[str] | None]:
    """Cuts a word into syllables, or finds that it is not made of them."""
    longest_first = sorted(_tables()[1], key=lambda syllable: (-len(syllable), syllable))
    one = "|".join(longest_first)
    whole, each = re.compile(f"(?:{one})+"), re.compile(f"({one})(?=(?:{one})*$)")

    def split(word: str) -> list[str] | None:
        return each.findall(word) if whole.fullmatch(word) else None

    return split


def simplified() -> dict[int, int]:
    """A traditional or variant character: the simplified one it is read as."""
    return _tables()[0]


@lru_cache(maxsize=1)
def _sounds() -> dict[str, str]:
    sounds: dict[str, str] = {}
    for number, chars in enumerate(_tables()[2]):
        for char in chars:
            sounds[char] = sounds.get(char, "") + chr(_PRIVATE + number)
    return sounds


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[int, int], dict[str, int], list[str]]:
    """Traditional to simplified; syllables by number; the characters of each syllable."""
    text = (Path(__file__).parent / "characters.txt").read_text(encoding="utf-8")
    _, traditional, syllables = re.split(r"^\[\w+\]$", text, flags=re.MULTILINE)
    pairs = {ord(pair[0]): ord(pair[1]) for pair in traditional.split()}
    lines = [line.split() for line in syllables.strip().splitlines()]
    return pairs, {line[0]: n for n, line in enumerate(lines)}, [line[1] for line in lines]
