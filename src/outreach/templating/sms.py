"""How long an SMS is, and where it breaks into parts (M-03).

Chinese text travels as UCS-2, counted in UTF-16 code units: 70 in a message of one part, 67 in
each part of a longer one (3GPP TS 23.040 section 9.2.3.24.1, six octets of header). GSM-7 is left
out on purpose: domestic billing counts every character 1, Latin or not, and our texts are Chinese.
"""

from outreach.domain.frozen import frozen

ALONE = 70
EACH = 67
LONGEST = 500


@frozen
class SmsLength:
    """``units`` of UTF-16, ``parts`` as carried and billed."""

    units: int
    parts: int


def measure(text: str) -> SmsLength:
    """Length of the whole message, signature included; an empty one has no parts."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units <= ALONE:
        return SmsLength(units, 1 if units else 0)
    if units == len(text):  # no surrogate pairs: every part but the last is full
        return SmsLength(units, -(-units // EACH))
    return SmsLength(units, len(split(text)))


def split(text: str) -> list[str]:
    """The parts in order; a surrogate pair never straddles two of them."""
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 <= ALONE:
        return [text] if text else []
    parts: list[str] = []
    start = filled = 0
    for at, char in enumerate(text):
        units = 2 if char > "\uffff" else 1
        if filled + units > EACH:
            parts.append(text[start:at])
            start, filled = at, 0
        filled += units
    return [*parts, text[start:]]
