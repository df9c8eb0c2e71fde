"""The gate on words: what a rendered message may not say, look like or be as long as.

Phrases are data (``config/policies/wording.toml``). Each is first looked for by its key, a
character that no match can do without and lawful notices rarely hold; a phrase that has none, by
its first character with the rest behind it. Two scans so clear most texts; only what they meet is
asked for in full.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_SYMBOLS = r"[\W_]*+"
_GAP = r"(?:\w[\W_]*+){0,6}"
_LOOK_BACK = 8
# what every text is full of: replaced first, it leaves NFKC nothing to do, which it does quickly
_WIDE = tuple((wide, unicodedata.normalize("NFKC", wide)) for wide in "，：；！？（）\u3000")


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
    needs: str = ""
    safe: str


class _WordingTable(Table):
    traditional: str
    usual: str = ""
    reasons: dict[str, _Reason]
    sms: _Sms
    phrase: tuple[_PhraseTable, ...]
    raw: tuple[_RawTable, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: re.Pattern[str]
    keys: str  # the forms of one character, one of which every match holds
    rest: str  # what then follows in a text full of symbols; empty where the key says enough
    name: str
    unless: re.Pattern[str] | None
    table: _PhraseTable


@dataclass(frozen=True, slots=True)
class Wording:
    """The compiled word list."""

    rare_keys: re.Pattern[str]
    usual_keys: re.Pattern[str]
    phrases: Mapping[str, list[tuple[int, _Phrase]]]  # by key, with their places in the list
    raws: tuple[tuple[re.Pattern[str], _RawTable], ...]
    sms: _Sms
    reasons: Mapping[str, _Reason]

    def check_words(self, text: str, channel: Channel, signature: str) -> tuple[Finding, ...]:
        """All objections to a rendered message, none hiding another.

        ``text`` is what the debtor would read; an SMS may begin with ``【signature】``. Values name
        the phrase of the list and ``at``, the place in ``text`` where it begins: never the text.
        """
        half = _half(text)
        found = [*self._phrases(text, half), *self._raws(text, half)]
        if channel is Channel.SMS:
            found += self._sms(text, signature)
        return tuple(found)

    def _phrases(self, text: str, half: str) -> Iterator[Finding]:
        keys = {*self.rare_keys.findall(half), *self.usual_keys.findall(half)}
        if not keys:
            return
        bare = _bare(half)
        asked = dict(entry for key in keys for entry in self.phrases[key])
        for _, phrase in sorted(asked.items()):
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
            if table.needs not in half:
                continue
            for hit in pattern.finditer(half):
                yield self._finding(
                    table.reason,
                    f"含有{table.name};可改为:{table.safe}",
                    {"phrase": table.name, "at": _place(text, hit.start(), _half)},
                )

    def _sms(self, text: str, signature: str) -> Iterator[Finding]:
        head = f"【{signature}】"
        body = text.removeprefix(head)
        if ("【" in body or "】" in body) and (second := _BRACKETS.search(body)):
            says = f"除开头的签名“{head}”外不得再有【】"
            yield self._finding("M-02", says, {"at": len(text) - len(body) + second.start()})
        # nearly always none is there: asked one by one, they are looked for much faster
        for symbol in filter(text.__contains__, self.sms.symbols):
            for hit in re.finditer(re.escape(symbol), text):
                says = f"含有短信禁用符号“{symbol}”"
                yield self._finding("M-04", says, {"symbol": symbol, "at": hit.start()})
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
    for wide, narrow in _WIDE:
        text = text.replace(wide, narrow)
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
            phrases += _compiled(listed, forms, table.usual)
        except re.error as error:
            place = ("phrase", index, "match")
            expected = f"phrases that start with a character and hold ~, [ab] or ?; {error}"
            raise wrong(path, data, place, expected) from None
    by_key: dict[str, list[tuple[int, _Phrase]]] = {}
    for entry in enumerate(phrases):
        for key in entry[1].keys:
            by_key.setdefault(key, []).append(entry)
    return Wording(
        rare_keys=_any(phrase for phrase in phrases if not phrase.rest),
        usual_keys=_any(phrase for phrase in phrases if phrase.rest),
        phrases=by_key,
        raws=tuple((re.compile(entry.match), entry) for entry in table.raw),
        sms=table.sms,
        reasons=table.reasons,
    )


def _compiled(entry: _PhraseTable, forms: Mapping[str, str], usual: str) -> Iterator[_Phrase]:
    unless = "|".join(_regex(word, forms) for word in entry.unless)
    guard = re.compile(unless) if unless else None
    for phrase in entry.match:
        if not phrase[:1].isalnum():
            raise re.error(f"not {phrase!r}")
        pattern = re.compile(_regex(phrase, forms))
        yield _Phrase(pattern, *_seek(phrase, forms, usual), _shown(phrase), guard, entry)


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


def _seek(phrase: str, forms: Mapping[str, str], usual: str) -> tuple[str, str]:
    """``keys`` and ``rest`` of a phrase, for half width text with all its symbols."""
    first, *others = re.findall(r"~|(?:\[[^]]*\]|.)\??", phrase)
    for unit in (first, *others):
        keys = forms.get(unit, unit)
        if unit.isalnum() and not any(key in usual for key in keys):
            return keys, ""
    if not first.isalnum():
        raise re.error(f"not {phrase!r}")
    rest = (_GAP if unit == "~" else _regex(unit, forms) for unit in others)
    return forms.get(first, first), "".join(_SYMBOLS + unit for unit in rest)


def _any(phrases: Iterable[_Phrase]) -> re.Pattern[str]:
    """Finds the keys. Each branch begins with a plain character: ``re`` then skips quickly over the
    rest of the text.
    """
    rests: dict[str, list[str]] = {}
    for phrase in phrases:
        for key in phrase.keys:
            rests.setdefault(key, []).extend([phrase.rest] if phrase.rest else ())
    branches = [f"{key}(?={'|'.join(rest)})" if rest else key for key, rest in rests.items()]
    return re.compile("|".join(branches) or "(?!)")


def _place(text: str, index: int, form: Callable[[str], str]) -> int:
    """Where in ``text`` the character ``index`` of its normal form comes from."""
    ends = (len(form(_half(text[:end]))) for end in range(1, len(text) + 1))
    return next((place for place, end in enumerate(ends) if end > index), 0)
