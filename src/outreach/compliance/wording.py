"""The gate on words: what a message may not say, look like or be as long as.

What counts is data (``config/policies/wording.toml``), and a second reader that knows no phrases
(``likeness.py``). Where only one of the two objects, a person decides: over a text without a phrase
that reads like the unlawful, and over a phrase in one that does not.

A message differs from the last of its template by its figures, and now and then by a name: what was
found clean with its figures taken out (``skeleton``) is not read again. Neither reader looks at
figures, so nothing is lost by it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from pydantic import Field

from outreach.compliance.finding import Confidence, Effect, Finding
from outreach.compliance.likeness import likeness
from outreach.compliance.normal import (
    ENDS,
    SENTENCE,
    half,
    normal,
    place,
    simplified,
    skeleton,
    spelled,
)
from outreach.compliance.phrases import BadPhrase, Phrase, compiled, guards, phrases
from outreach.compliance.policy_file import Place, Table, read, wrong
from outreach.compliance.setting import Setting
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose

DOUBT = "L0"
"""The rule of what only the second reader objects to."""
NOBODY = "nobody"
GUARD = 14  # how far before or after a phrase, in characters, a guard may stand
KEPT = 4096  # skeletons remembered for one setting
STRETCH = 120  # bytes of a skeleton; 40 characters, longer than any phrase
LONGEST_KEPT = 8192  # bytes of a skeleton that is remembered

_BRACKETS = re.compile("[【】]")
_TWICE_NOT = re.compile("不[会得能可]不")  # says yes, so it guards nothing
_CLAUSE_END = re.compile(f"[{ENDS}]")
_MASK = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 15
_MARK = re.compile(r"[a-z][ -]?\d|[/+%]|加[ ]?[v薇威微]")


class _Rule(Table):
    title: str = ""
    source: str
    confidence: Confidence


class _Class(Table):
    title: str
    rules: dict[Jurisdiction, str]


class _Sms(Table):
    symbols: str
    flag_units: int
    max_units: int


class _PhraseTable(Table):
    reason: str
    match: tuple[str, ...] = Field(min_length=1)
    safe: str
    unless: tuple[str, ...] = ()
    unless_after: tuple[str, ...] = ()
    unless_near: tuple[str, ...] = ()
    places: tuple[Jurisdiction, ...] = tuple(Jurisdiction)
    rules: dict[Jurisdiction, str] = Field(default_factory=dict)
    agency: bool = False
    mandate: bool = False
    release: str = ""


class _RawTable(Table):
    reason: str
    name: str
    match: str
    needs: str
    safe: str
    places: tuple[Jurisdiction, ...] = tuple(Jurisdiction)


class _WordingTable(Table):
    alike: str = ""
    case_number: str
    words: dict[str, str] = Field(default_factory=dict)
    rules: dict[str, _Rule]
    classes: dict[str, _Class]
    sms: _Sms
    phrase: tuple[_PhraseTable, ...]
    raw: tuple[_RawTable, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    """A phrase with its entry of the list and the guards beside which it does not count."""

    order: int
    phrase: Phrase
    table: _PhraseTable
    before: str
    after: str
    near: str

    def hits(self, form: str) -> Iterator[tuple[int, int]]:
        """Where the phrase counts: begin and end in the normal form."""
        start, sober = 0, _TWICE_NOT.sub("之之之", form)
        pattern = compiled(self.phrase.regex)
        while hit := pattern.search(form, start):
            if self._guarded(sober, *hit.span()):
                start = hit.start() + 1
            else:
                yield hit.span()
                start = max(hit.end(), start + 1)

    def _guarded(self, form: str, start: int, end: int) -> bool:
        if self.before:
            clause = re.split(_CLAUSE_END, form[max(0, start - GUARD) : start])[-1]
            if compiled(self.before).search(clause):
                return True
        if self.after:
            clause = re.split(_CLAUSE_END, form[end : end + GUARD], maxsplit=1)[0]
            if compiled(self.after).search(clause):
                return True
        if self.near:
            first = form.rfind(SENTENCE, 0, start) + 1
            last = form.find(SENTENCE, end)
            return bool(compiled(self.near).search(form[first : last if last >= 0 else len(form)]))
        return False

    def counts(self, setting: Setting) -> bool:
        """Whether the entry concerns this setting at all; its place was asked before."""
        if self.table.agency and not setting.agency:
            return False
        mandated = setting.purpose is Purpose.LAWYER_LETTER and setting.mandate
        return not (self.table.mandate and mandated)


Index = Mapping[str, list[_Listed]]
_Found = tuple[_Listed, Finding]


@dataclass(frozen=True, slots=True)
class _Raw:
    pattern: re.Pattern[str]
    table: _RawTable


@dataclass(frozen=True, slots=True, repr=False)
class Wording:
    """The compiled word list."""

    index: Mapping[Jurisdiction, Index]  # phrases by key
    raws: Mapping[Jurisdiction, tuple[_Raw, ...]]
    fold: Mapping[int, int]
    case_number: re.Pattern[str]
    sms: _Sms
    rules: Mapping[str, _Rule]
    classes: Mapping[str, _Class]
    _clean: dict[Setting, dict[bytes, bool]] = field(default_factory=dict)

    def check_words(self, text: str, setting: Setting) -> tuple[Finding, ...]:
        """All objections to a rendered message, none hiding another.

        ``text`` is what the debtor would read; an SMS may begin with ``【signature】``. Values name
        the phrase of the list, ``at`` and ``length``, the span in ``text``: never the text.
        """
        bones = skeleton(text)
        clean = self._clean.get(setting)
        if clean is None:
            clean = self._clean[setting] = {}
        has_marks = clean.get(bones)
        found: list[Finding] = []
        if has_marks is None:
            found += self._read(text, bones, setting, clean)
            has_marks = _may_hold_marks(text)
            if not found:
                _remember(clean, bones, has_marks)
        if has_marks or _LONG in text.encode("utf-8", "surrogatepass").translate(_MASK, b" -"):
            found += self._raws(text, setting)
        if setting.channel is Channel.SMS:
            found += self._sms(text, setting.signature)
        return tuple(found)

    def remembered(self, setting: Setting) -> int:
        """How many skeletons of this setting are known to be clean."""
        return len(self._clean.get(setting, ()))

    def forget(self) -> None:
        """Read everything anew."""
        self._clean.clear()

    def _read(
        self, text: str, bones: bytes, setting: Setting, clean: dict[bytes, bool]
    ) -> list[Finding]:
        """Two stretches of lines at a time, those that were found clean before left out: no phrase
        is longer than a stretch. Where there are phrases, doubts add nothing.
        """
        form = partial(normal, fold=self.fold)
        found: dict[tuple[int, int], _Found] = {}
        doubts: dict[int, Finding] = {}
        for start, end, key in _windows(text, bones):
            if key in clean:
                continue
            part = text[start:end]
            said = form(part)
            mine = self._said(part, said, setting, form, start)
            if (read := spelled(said)) != said:
                mine |= self._said(part, read, setting, lambda t: spelled(form(t)), start)
            found |= mine
            if doubtful := likeness().doubtful(said):
                at, last = (place(part, index, form) for index in (doubtful[0], doubtful[1] - 1))
                doubts.setdefault(start + at, self._doubted(start + at, last + 1 - at))
            elif not mine:
                _remember(clean, key, True)
        if found:
            return self._asked(text, [found[key] for key in sorted(found)])
        return list(doubts.values())

    def _asked(self, text: str, found: list[_Found]) -> list[Finding]:
        """A person may set aside what the text as a whole does not read like."""
        agreed = likeness().agrees(normal(text, self.fold))
        return [
            finding
            if agreed or listed.table.release == NOBODY
            else replace(finding, releasable=True, release=_RELEASE)
            for listed, finding in found
        ]

    def _doubted(self, at: int, length: int) -> Finding:
        says = "没有已知的违规表述,但读起来与违规文字相近,最像的一段已标出;请改写或由人核对"
        return self._of(DOUBT, says, {"at": at, "length": length}, releasable=True)

    def _said(
        self, text: str, said: str, setting: Setting, form: Callable[[str], str], offset: int
    ) -> dict[tuple[int, int], _Found]:
        index = self.index[setting.place]
        solid = _CLAUSE_END.sub("", said)
        met = {*solid, *map(str.__add__, solid, solid[1:])}
        asked = {each.order: each for key in met & index.keys() for each in index[key]}
        found = {}
        for order, each in asked.items():
            if each.phrase.may_match(met) and each.counts(setting):
                for start, end in each.hits(said):
                    at = place(text, start, form)
                    span = (offset + at, place(text, end - 1, form) + 1 - at)
                    found[order, offset + at] = each, self._refused(each, text, setting, span)
        return found

    def _refused(
        self, each: _Listed, text: str, setting: Setting, span: tuple[int, int]
    ) -> Finding:
        table, name = each.table, each.phrase.name
        released = table.release == "person" or (
            table.release == "case number" and self.case_number.search(half(text)) is not None
        )
        return self._finding(
            table.reason,
            setting,
            f"含有“{name}”一类的表述;可改为:{table.safe}",
            {"phrase": name, "at": span[0], "length": span[1], "class": table.reason},
            releasable=released,
            rule=table.rules.get(setting.place),
        )

    def _raws(self, text: str, setting: Setting) -> Iterator[Finding]:
        plain = half(text)
        for raw in self.raws[setting.place]:
            table = raw.table
            if table.needs not in plain:
                continue
            for hit in raw.pattern.finditer(plain):
                at = place(text, hit.start(), half)
                length = place(text, hit.end() - 1, half) + 1 - at
                yield self._finding(
                    table.reason,
                    setting,
                    f"含有{table.name};可改为:{table.safe}",
                    {"phrase": table.name, "at": at, "length": length, "class": table.reason},
                )

    def _sms(self, text: str, signature: str) -> Iterator[Finding]:
        head = f"【{signature}】"
        body = text.removeprefix(head)
        if ("【" in body or "】" in body) and (second := _BRACKETS.search(body)):
            says = f"除开头的签名“{head}”外不得再有【】"
            yield self._of("M-02", says, {"at": len(text) - len(body) + second.start()})
        # nearly always none is there: asked one by one, they are looked for much faster
        for symbol in filter(text.__contains__, self.sms.symbols):
            for hit in re.finditer(re.escape(symbol), text):
                says = f"含有短信禁用符号“{symbol}”"
                yield self._of("M-04", says, {"symbol": symbol, "at": hit.start()})
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        limit, flag = self.sms.max_units, self.sms.flag_units
        values = {"units": units, "limit": limit}
        if units > limit:
            yield self._of("M-03", f"共 {units} 个字符,超过 {limit} 个", values)
        elif units > flag:
            says = f"共 {units} 个字符,超过两条的 {flag} 个"
            yield self._of("M-03", says, {"units": units, "limit": flag}, Effect.FLAG)

    def _finding(
        self,
        reason: str,
        setting: Setting,
        says: str,
        values: Mapping[str, str | int],
        releasable: bool = False,
        rule: str | None = None,
    ) -> Finding:
        about = self.classes[reason]
        rule = rule or about.rules[setting.place]
        return self._of(rule, says, values, title=about.title, releasable=releasable)

    def _of(
        self,
        rule: str,
        says: str,
        values: Mapping[str, str | int],
        effect: Effect = Effect.BLOCK,
        title: str = "",
        releasable: bool = False,
    ) -> Finding:
        about = self.rules[rule]
        return Finding(
            rule=rule,
            effect=effect,
            says=f"{title or about.title}:{says}",
            values=values,
            source=about.source,
            confidence=about.confidence,
            releasable=releasable,
            release=_RELEASE if releasable else "修改文字",
        )


def _remember(clean: dict[bytes, bool], bones: bytes, has_marks: bool) -> None:
    if len(bones) <= LONGEST_KEPT:
        if len(clean) >= KEPT:
            clean.clear()
        clean[bones] = has_marks


def _windows(text: str, bones: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Neighbouring stretches of lines: begin and end in ``text``, and their skeleton."""
    stretches: list[tuple[int, bytes]] = [(0, b"")]  # where each begins
    at = 0
    for line, bone in zip(text.split("\n"), bones.split(b"\n"), strict=True):
        begin, so_far = stretches[-1]
        if len(so_far) < STRETCH:
            stretches[-1] = (begin, so_far + bone + b"\n")
        else:
            stretches.append((at, bone + b"\n"))
        at += len(line) + 1
    begins = [begin for begin, _ in stretches] + [len(text)]
    if len(stretches) == 1:
        yield 0, len(text), stretches[0][1]
    for n in range(len(stretches) - 1):
        yield begins[n], begins[n + 2], stretches[n][1] + b"\n" + stretches[n + 1][1]


def _may_hold_marks(text: str) -> bool:
    """Whether there may be what ``raw`` looks for, were the figures any others."""
    odd = any(char.isdigit() and not char.isascii() for char in text)
    return odd or _MARK.search(half(text)) is not None


def load_wording(path: Path) -> Wording:
    """Read the word list, once a process while it stays the same; raises ``ConfigurationError``."""
    return _load(path, path.read_bytes() if path.is_file() else b"")


@lru_cache(maxsize=4)
def _load(path: Path, _: bytes) -> Wording:
    table, data = read(path, _WordingTable)
    _check_names(path, data, table)
    alike = {ord(char): ord(group[0]) for group in table.alike.split() for char in group[1:]}
    fold = {wide: alike.get(plain, plain) for wide, plain in simplified().items()} | alike
    words = {name: tuple(said.split()) for name, said in table.words.items()}
    listed: list[_Listed] = []
    for number, entry in enumerate(table.phrase):
        key = "unless"
        try:
            before, after, near = (
                guards(each, words, fold)
                for each in (entry.unless, entry.unless_after, entry.unless_near)
            )
            key = "match"
            for text in entry.match:
                for phrase in phrases(text, words, fold):
                    listed.append(_Listed(len(listed), phrase, entry, before, after, near))
        except (BadPhrase, re.error) as error:
            raise wrong(path, data, ("phrase", number, key), f"a phrase; {error}") from None
    return Wording(
        index={place: _index(listed, place) for place in Jurisdiction},
        raws={
            place: tuple(
                _Raw(re.compile(entry.match), entry) for entry in table.raw if place in entry.places
            )
            for place in Jurisdiction
        },
        fold=fold,
        case_number=re.compile(table.case_number),
        sms=table.sms,
        rules=table.rules,
        classes=table.classes,
    )


def _index(listed: list[_Listed], where: Jurisdiction) -> Index:
    index: dict[str, list[_Listed]] = {}
    for each in listed:
        if where in each.table.places:
            for key in each.phrase.keys:
                index.setdefault(key, []).append(each)
    return index


def _check_names(path: Path, data: bytes, table: _WordingTable) -> None:
    """Every class and rule that is named is there, and every class has a rule in every place."""

    def known(key: Place, name: str, of: Mapping[str, object]) -> None:
        if name not in of:
            raise wrong(path, data, key, f"one of {', '.join(of)}")

    for name, about in table.classes.items():
        for where in Jurisdiction:
            known(("classes", name), about.rules.get(where, ""), table.rules)
    for number, entry in enumerate(table.phrase):
        known(("phrase", number, "reason"), entry.reason, table.classes)
        for rule in entry.rules.values():
            known(("phrase", number, "rules"), rule, table.rules)
        known(("phrase", number, "release"), entry.release, _RELEASES)
    for number, raw in enumerate(table.raw):
        known(("raw", number, "reason"), raw.reason, table.classes)
    for rule in (DOUBT, "M-02", "M-03", "M-04"):
        known(("rules", rule), rule, table.rules)


_RELEASE = "核对属实后由有权人员放行,或修改文字"
_RELEASES = {"": None, NOBODY: None, "person": None, "case number": None}
