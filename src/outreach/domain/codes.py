"""Case numbers, document numbers, codes: what may stand in the clear beside a person."""

import re

LONGEST = 120

_PERSONAL = re.compile(
    r"@"
    r"|(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d{9}(?![0-9A-Za-z])"  # a mainland mobile
    r"|(?<![0-9A-Za-z])\d{6}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)


def code(text: str, longest: int = LONGEST) -> str:
    """One line of a code, a number or a digest, stripped; raises ``ValueError``.

    What looks like a mailbox, a mobile or an ID number is refused: codes are kept unsealed.
    """
    text = text.strip()
    if not text:
        raise ValueError("empty")
    if len(text) > longest:
        raise ValueError(f"at most {longest} characters expected, found {len(text)}")
    if not text.isprintable():
        raise ValueError("one line without control characters expected")
    if _PERSONAL.search(text):
        raise ValueError(
            "holds what looks like a mailbox, a mobile or an ID number: give a case or document "
            "number instead, for this is kept in the clear"
        )
    return text
