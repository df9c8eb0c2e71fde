"""Check codes (验真码): by one a debtor can ask whether a message is ours.

A code is the notice's number, enciphered so that neighbours have nothing in common: eight letters
and figures that cannot be taken for one another (Crockford's base 32). A code thought up at random
is one of ours once in a trillion divided by how many notices there ever were.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import product

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_PAIRS = tuple(map("".join, product(_LETTERS, repeat=2)))
_HALF = 1 << 20
"""Two halves of 20 bits, mixed with one another four times (Luby and Rackoff, 1988)."""
_ROUNDS = range(4)
_MISTAKEN = str.maketrans("OIL", "011", " -\u3000")


@dataclass(frozen=True, slots=True)
class CheckCodes:
    key: bytes = field(repr=False)

    def mint(self, number: int) -> str:
        """The code of a notice's number, which is less than 2^40."""
        left, right = divmod(number, _HALF)
        for turn in _ROUNDS:
            left, right = right, left ^ self._mix(turn, right)
        return _PAIRS[left >> 10] + _PAIRS[left & 1023] + _PAIRS[right >> 10] + _PAIRS[right & 1023]

    def read(self, text: str) -> int | None:
        """The number it would be of, None for no code; small letters, blanks, dashes, O, I do."""
        code = text.strip().upper().translate(_MISTAKEN)
        if len(code) != _LENGTH or not set(code) <= set(_LETTERS):
            return None
        value = 0
        for letter in code:
            value = value * len(_LETTERS) + _LETTERS.index(letter)
        left, right = divmod(value, _HALF)
        for turn in reversed(_ROUNDS):
            left, right = right ^ self._mix(turn, left), left
        return left * _HALF + right

    def _mix(self, turn: int, half: int) -> int:
        mixed = blake2b((turn << 20 | half).to_bytes(3), digest_size=3, key=self.key).digest()
        return int.from_bytes(mixed) % _HALF
