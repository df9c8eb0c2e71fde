"""The templates of ``templates/<folder>/<purpose>/<locale>.*``: found, compiled once, rendered.

============  ==========================================================================
``sms``       ``<locale>.txt``; line breaks in the file are layout only
``email``     ``<locale>.subject.txt`` (one line), ``<locale>.txt``, ``<locale>.html``,
              which may extend ``templates/email/frame.html``
``letters``   ``<locale>.txt``: a title, then paragraphs, with blank lines between them;
              the paragraph marks are those of ``templating/letter.py``
============  ==========================================================================
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating import words
from outreach.templating.context import Context
from outreach.templating.sms import LONGEST, SmsLength, measure
from outreach.templating.variables import CONTEXT, WORDS, unknown_variables

FILES: dict[Channel, dict[str, str]] = {
    Channel.SMS: {"text": ".txt"},
    Channel.EMAIL: {"subject": ".subject.txt", "text": ".txt", "html": ".html"},
    Channel.LETTER: {"text": ".txt"},
}
FOLDERS: dict[Channel, Path] = {
    Channel.SMS: Path("sms"),
    Channel.EMAIL: Path("email"),
    Channel.LETTER: Path("letters"),
}
FRAME = "frame.html"

Key = tuple[Channel, Purpose, Locale]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words, ready to send. ``text`` is always there, the rest as the channel has it."""

    text: str
    subject: str = ""
    html: str | None = None
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    sms: SmsLength | None = None


class Template:
    """One purpose's words on one channel in one locale. ``digest`` is its version.

    ``source`` is all the digest covers: every file under a heading line, in a fixed order.
    """

    def __init__(
        self, key: Key, sources: Mapping[Path, str], compiled: Mapping[str, jinja2.Template]
    ) -> None:
        self.channel, self.purpose, self.locale = key
        self.files = dict(sources)
        self.source = "".join(f"=== {path.as_posix()}\n{text}\n" for path, text in sources.items())
        self.digest = hashlib.sha256(self.source.encode()).hexdigest()
        self.path = next(iter(sources))
        self._compiled = compiled

    def render(self, context: Context) -> Rendered:
        """Raise ``TemplateError`` rather than send words with a gap, a line break where none may
        be, or more than 500 characters of SMS.
        """
        variables = {name: getattr(context, name) for name in CONTEXT}
        try:
            parts = {name: part.render(variables) for name, part in self._compiled.items()}
        except Exception as error:  # whatever fails inside a template is the template's fault
            raise self._explain(error) from None
        try:
            return _FINISH[self.channel](parts)
        except ValueError as error:
            raise TemplateError(f"{self.path}: {error}", "mend the template") from None

    def _explain(self, error: Exception) -> TemplateError:
        file, line = _place(error.__traceback__)
        where = f"{file or self.path}:{line}" if line else f"{self.path}"
        if isinstance(error, jinja2.UndefinedError):
            return TemplateError(f"{where}: {error.message}", f"allowed: {', '.join(CONTEXT)}")
        if isinstance(error, _BadValue):
            return TemplateError(
                f"{where}: {error}", "mend the value at its source, then import it again"
            )
        # the message of any other error may quote data
        return TemplateError(
            f"{where}: {type(error).__name__} while rendering", "mend the template"
        )


class Catalog:
    """All templates under one directory; each is compiled when first asked for, then kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._templates: dict[Key, Template] = {}
        self._environments = {
            (locale, part == "html"): _environment(directory, locale, html=part == "html")
            for locale in Locale
            for part in ("text", "html")
        }
        self.keys: tuple[Key, ...] = tuple(_keys(directory))
        """Channel, purpose and locale of every template there is, in a fixed order."""

    def get(self, channel: Channel, purpose: Purpose, locale: Locale) -> Template:
        key = (channel, purpose, locale)
        if (template := self._templates.get(key)) is None:
            template = self._templates[key] = self._load(key)
        return template

    def all(self) -> list[Template]:
        return [self.get(*key) for key in self.keys]

    def _load(self, key: Key) -> Template:
        channel, purpose, locale = key
        if key not in self.keys:
            exist = [str(other[2]) for other in self.keys if other[:2] == key[:2]]
            raise TemplateError(
                f"no template for {purpose} by {channel} in {locale}",
                f"exists in: {', '.join(exist) or 'no locale'}; "
                f"add {FOLDERS[channel] / purpose / (locale + FILES[channel]['text'])}",
            )
        sources: dict[Path, str] = {}
        compiled: dict[str, jinja2.Template] = {}
        for part, suffix in FILES[channel].items():
            path = FOLDERS[channel] / purpose / (locale + suffix)
            sources[path] = _read(self.directory, path)
            compiled[part] = _compile(
                self._environments[locale, part == "html"], path, sources[path]
            )
        frame = FOLDERS[channel] / FRAME
        if "html" in compiled and (self.directory / frame).exists():
            sources[frame] = _read(self.directory, frame)
            _compile(self._environments[locale, True], frame, sources[frame])  # its own faults
        return Template(key, sources, compiled)


def _keys(directory: Path) -> Iterator[Key]:
    if not directory.is_dir():
        raise TemplateError(
            f"no directory of templates at {directory}", "set OUTREACH_TEMPLATES_DIR to where it is"
        )
    for channel in Channel:
        for purpose in Purpose:
            for locale in Locale:
                if any(
                    (directory / FOLDERS[channel] / purpose / (locale + suffix)).exists()
                    for suffix in FILES[channel].values()
                ):
                    yield channel, purpose, locale


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way to our own fields: they hold plain data and are read most."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) in WORDS and not attribute.startswith("_"):
            try:
                return getattr(obj, attribute)
            except AttributeError:
                pass  # the sandbox has the right complaint
        return super().getattr(obj, attribute)


def _environment(directory: Path, locale: Locale, *, html: bool) -> ImmutableSandboxedEnvironment:
    def frame(name: str) -> tuple[str, str, None] | None:
        path = FOLDERS[Channel.EMAIL] / FRAME
        return (_read(directory, path), str(path), None) if name == FRAME else None

    environment = _Sandbox(
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(frame) if html else None,
        auto_reload=False,
    )
    del environment.filters["safe"]  # nothing a debtor is called becomes markup
    environment.filters |= {
        "figures": words.figures,
        "short_day": words.short_day,
        "amount": partial(words.amount, locale=locale),
        "capitals": partial(words.capitals, locale=locale),
        "currency": partial(words.currency_name, locale=locale),
        "day": partial(words.day, locale=locale),
        "tail": partial(words.tail, locale=locale),
        "masked_name": partial(words.masked_name, locale=locale),
    }
    return environment


def _read(directory: Path, path: Path) -> str:
    try:
        return (directory / path).read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise TemplateError(f"{path}: this file of the template is missing", "add it") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: not UTF-8", "save the file as UTF-8") from None


def _compile(environment: jinja2.Environment, path: Path, source: str) -> jinja2.Template:
    try:
        tree = environment.parse(source, str(path), str(path))
        for unknown in unknown_variables(tree):
            raise TemplateError(
                f"{path}:{unknown.line}: unknown variable {unknown.name}",
                f"allowed: {', '.join(unknown.allowed)}",
            )
        code = environment.compile(tree, str(path), str(path))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}:{error.lineno}: {error.message}", "mend the syntax") from None
    return jinja2.Template.from_code(environment, code, environment.make_globals(None))


def _place(traceback: TracebackType | None) -> tuple[str, int]:
    """File and line of the innermost template frame (Jinja rewrites its frames to the source's)."""
    file, line = "", 0
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.endswith((".txt", ".html")):
            file, line = name, traceback.tb_lineno
        traceback = traceback.tb_next
    return file, line


class _BadValue(ValueError):
    """A value that must not enter any message."""


def _clean(value: object) -> object:
    """Refuse what could break a line, a header or the direction of writing (RFC 5322, UAX 9)."""
    if isinstance(value, str) and not value.isprintable():
        for char in value:
            if _breaks(char):
                raise _BadValue(f"a value holds the control character U+{ord(char):04X}")
    return value


def _breaks(char: str) -> bool:
    if char.isprintable() or char == "\u3000":
        return False
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(
        char
    ) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def _join(text: str) -> str:
    return "".join(line.strip() for line in text.splitlines())


def _finish_sms(parts: Mapping[str, str]) -> Rendered:
    text = _join(parts["text"])
    length = measure(text)
    if length.units > LONGEST:
        raise ValueError(f"{length.units} characters, more than the {LONGEST} of an SMS (M-03)")
    return Rendered(text, sms=length)


def _finish_email(parts: Mapping[str, str]) -> Rendered:
    subject = parts["subject"].strip()
    if "\r" in subject or "\n" in subject:
        raise ValueError("a subject is one line")
    text = re.sub(r"\n{3,}", "\n\n", parts["text"]).strip() + "\n"
    return Rendered(text, subject=subject, html=parts["html"])


def _finish_letter(parts: Mapping[str, str]) -> Rendered:
    blocks = [_join(block) for block in parts["text"].split("\n\n")]
    title, *paragraphs = [block for block in blocks if block]
    if not paragraphs:
        raise ValueError("a letter is a title and paragraphs, with blank lines between them")
    text = "\n\n".join([title, *paragraphs]) + "\n"
    return Rendered(text, title=title, paragraphs=tuple(paragraphs))


_FINISH: dict[Channel, Callable[[Mapping[str, str]], Rendered]] = {
    Channel.SMS: _finish_sms,
    Channel.EMAIL: _finish_email,
    Channel.LETTER: _finish_letter,
}
