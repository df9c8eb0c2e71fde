"""The gate on words: what a rendered message may not say, look like or be as long as.

Phrases are data (``config/policies/wording.toml``). One scan over the normalised text decides
whether anything is there at all; only then are the phrases asked one by one.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from outreach.compliance.finding import Confidence, Effect, Finding
from outreach.compliance.policy_file import Table, read, wrong
from outreach.domain.contact import Channel

CLAUSE_END = "。"
_ENDS = re.compile(r"[。.,、;:!?\n…]+")
_NOISE = re.compile(rf"[^\w{CLAUSE_END}]|_")
_BRACKETS = re.compile("[【】]")
_LOOK_BACK = 8


class _Reason(Table):
    title: str
    source: str
    confidence: Confidence


class _Sms(Table):
    symbols: str
    flag_units: int
    max_units: int


class _PhraseTable(Table):
    reason: str
    match: tuple[str, ...] = Field(min_length=1)
    safe: str
    unless: tuple[str, ...] = ()
    releasable: bool = False


class _RawTable(Table):
    reason: str
    name: str
    match: str
    safe: str


class _WordingTable(Table):
    traditional: str
    reasons: dict[str, _Reason]
    sms: _Sms
    phrase: tuple[_PhraseTable, ...]
    raw: tuple[_RawTable, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: re.Pattern[str]
    name: str
    unless: re.Pattern[str] | None
    table: _PhraseTable


@dataclass(frozen=True, slots=True)
class Wording:
    """The compiled word list."""

    any_phrase: re.Pattern[str]
    phrases: tuple[_Phrase, ...]
    raws: tuple[tuple[re.Pattern[str], _RawTable], ...]
    symbols: re.Pattern[str]
    sms: _Sms
    reasons: Mapping[str, _Reason]

    def check_words(self, text: str, channel: Channel, signature: str) -> tuple[Finding, ...]:
        """All objections to a rendered message, none hiding another.

        ``text`` is what the debtor would read; an SMS may begin with ``【signature】``. Values name
        the phrase of the list and ``at``, the place in ``text`` where it begins: never the text.
        """
        half = _half(text)
        found = [*self._phrases(text, _bare(half)), *self._raws(text, half)]
        if channel is Channel.SMS:
            found += self._sms(text, signature)
        return tuple(found)

    def _phrases(self, text: str, bare: str) -> Iterator[Finding]:
        if not self.any_phrase.search(bare):
            return
        for phrase in self.phrases:
            for hit in phrase.pattern.finditer(bare):
                clause = bare[: hit.start()].rpartition(CLAUSE_END)[2]
                if phrase.unless and phrase.unless.search(clause[-_LOOK_BACK:]):
                    continue
                yield self._finding(
                    phrase.table.reason,
                    f"含有“{phrase.name}”一类的表述;可改为:{phrase.table.safe}",
                    {"phrase": phrase.name, "at": _place(text, hit.start(), _bare)},
                    releasable=phrase.table.releasable,
                )

    def _raws(self, text: str, half: str) -> Iterator[Finding]:
        for pattern, table in self.raws:
            for hit in pattern.finditer(half):
                yield self._finding(
                    table.reason,
                    f"含有{table.name};可改为:{table.safe}",
                    {"phrase": table.name, "at": _place(text, hit.start(), _half)},
                )

    def _sms(self, text: str, signature: str) -> Iterator[Finding]:
        head = f"【{signature}】"
        body = text.removeprefix(head)
        if second := _BRACKETS.search(body):
            says = f"除开头的签名“{head}”外不得再有【】"
            yield self._finding("M-02", says, {"at": len(text) - len(body) + second.start()})
        for hit in self.symbols.finditer(text):
            says = f"含有短信禁用符号“{hit[0]}”"
            yield self._finding("M-04", says, {"symbol": hit[0], "at": hit.start()})
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        limit, flag = self.sms.max_units, self.sms.flag_units
        values = {"units": units, "limit": limit}
        if units > limit:
            yield self._finding("M-03", f"共 {units} 个字符,超过 {limit} 个", values)
        elif units > flag:
            says = f"共 {units} 个字符,超过两条的 {flag} 个"
            yield self._finding("M-03", says, {"units": units, "limit": flag}, Effect.FLAG)

    def _finding(
        self,
        reason: str,
        says: str,
        values: Mapping[str, str | int],
        effect: Effect = Effect.BLOCK,
        releasable: bool = False,
    ) -> Finding:
        about = self.reasons[reason]
        return Finding(
            rule=reason,
            effect=effect,
            says=f"{about.title}:{says}",
            values=values,
            source=about.source,
            confidence=about.confidence,
            releasable=releasable,
            release="修改文字",
        )


def _half(text: str) -> str:
    """Half width, lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def _bare(half: str) -> str:
    """Letters and digits only, each end of a clause as one ``。``."""
    return _NOISE.sub("", _ENDS.sub(CLAUSE_END, half))


def load_wording(path: Path) -> Wording:
    """Read and compile the word list; raises ``ConfigurationError``."""
    table, data = read(path, _WordingTable)
    given = {
        "phrase": [entry.reason for entry in table.phrase],
        "raw": [entry.reason for entry in table.raw],
    }
    for kind, reasons in given.items():
        for index, reason in enumerate(reasons):
            if reason not in table.reasons:
                known = ", ".join(table.reasons)
                raise wrong(path, data, (kind, index, "reason"), f"one of {known}")
    forms = {group[0]: group for group in table.traditional.split()}
    phrases: list[_Phrase] = []
    for index, listed in enumerate(table.phrase):
        try:
            phrases += _compiled(listed, forms)
        except re.error as error:
            place = ("phrase", index, "match")
            expected = f"phrases that start with a character and hold ~, [ab] or ?; {error}"
            raise wrong(path, data, place, expected) from None
    return Wording(
        any_phrase=_any([phrase.pattern.pattern for phrase in phrases]),
        phrases=tuple(phrases),
        raws=tuple((re.compile(entry.match), entry) for entry in table.raw),
        symbols=re.compile(f"[{re.escape(table.sms.symbols)}]"),
        sms=table.sms,
        reasons=table.reasons,
    )


def _compiled(entry: _PhraseTable, forms: Mapping[str, str]) -> Iterator[_Phrase]:
    unless = "|".join(_regex(word, forms) for word in entry.unless)
    guard = re.compile(unless) if unless else None
    for phrase in entry.match:
        if not phrase[:1].isalnum():
            raise re.error(f"not {phrase!r}")
        yield _Phrase(re.compile(_regex(phrase, forms)), _shown(phrase), guard, entry)


def _regex(phrase: str, forms: Mapping[str, str]) -> str:
    """A phrase of the list as a regular expression on normalised text.

    A clause end slipped in between two characters does not hide the phrase.
    """
    parts: list[str] = []
    within = False
    for before, char in zip(" " + phrase, phrase, strict=False):
        if char == "~":
            parts.append(f"[^{CLAUSE_END}]{{0,6}}")
        elif char in "[]?":
            within = char == "["
            parts.append(char)
        else:
            slip = f"{CLAUSE_END}?" if not within and before.isalnum() else ""
            known = forms.get(char, char)
            parts.append(slip + (known if within or len(known) == 1 else f"[{known}]"))
    return "".join(parts)


def _shown(phrase: str) -> str:
    """The phrase as a person reads it, in its shortest form."""
    plain = re.sub(r"\[(.)[^]]*\]", r"\1", phrase)
    return re.sub(r".\?", "", plain).replace("~", "…")


def _any(sources: list[str]) -> re.Pattern[str]:
    """One expression for all, its branches told apart by a plain first character: ``re`` then
    skips quickly over the rest of the text.
    """
    tails: dict[str, list[str]] = {}
    for source in sources:
        firsts, _, tail = (
            source[1:].partition("]") if source[0] == "[" else (source[0], "", source[1:])
        )
        for first in firsts:
            tails.setdefault(first, []).append(tail)
    return re.compile("|".join(f"{first}(?:{'|'.join(ends)})" for first, ends in tails.items()))


def _place(text: str, index: int, form: Callable[[str], str]) -> int:
    """Where in ``text`` the character ``index`` of its normal form comes from."""
    ends = (len(form(_half(text[:end]))) for end in range(1, len(text) + 1))
    return next((place for place, end in enumerate(ends) if end > index), 0)
