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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import TracebackType

import jinja2

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.context import Context
from outreach.templating.environment import BadValue, environment
from outreach.templating.quick import Render, in_one_piece, quick_way
from outreach.templating.sms import LONGEST, SmsLength, measure
from outreach.templating.variables import CONTEXT, unknown_variables

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
_values = attrgetter(*CONTEXT)


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
        self,
        key: Key,
        sources: Mapping[Path, str],
        compiled: Mapping[str, jinja2.Template],
        quick: Mapping[str, Render],
    ) -> None:
        self.channel, self.purpose, self.locale = key
        self.files = dict(sources)
        self.source = "".join(f"=== {path.as_posix()}\n{text}\n" for path, text in sources.items())
        self.digest = hashlib.sha256(self.source.encode()).hexdigest()
        self.path = next(iter(sources))
        self._compiled = compiled
        self._quick = quick

    def render(self, context: Context) -> Rendered:
        """Raise ``TemplateError`` rather than send words with a gap, a line break where none may
        be, or more than 500 characters of SMS.
        """
        variables = dict(zip(CONTEXT, _values(context), strict=True))
        try:
            parts = {name: render(variables) for name, render in self._quick.items()}
        except Exception:
            parts = self._plainly(variables)
        try:
            return _FINISH[self.channel](parts)
        except ValueError as error:
            raise TemplateError(f"{self.path}: {error}", "mend the template") from None

    def _plainly(self, variables: Mapping[str, object]) -> dict[str, str]:
        try:
            return {name: part.render(variables) for name, part in self._compiled.items()}
        except Exception as error:  # whatever fails inside a template is the template's fault
            raise self._explain(error) from None

    def _explain(self, error: Exception) -> TemplateError:
        file, line = _place(error.__traceback__)
        where = f"{file or self.path}:{line}" if line else f"{self.path}"
        if isinstance(error, jinja2.UndefinedError):
            return TemplateError(f"{where}: {error.message}", f"allowed: {', '.join(CONTEXT)}")
        if isinstance(error, BadValue):
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
            (locale, part == "html"): environment(locale, html=part == "html", load=self._frame)
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
        quick: dict[str, Render] = {}
        for path, (part, plain) in zip(sources, compiled.items(), strict=False):
            tree = in_one_piece(plain.environment, sources[path], sources.get(frame, ""))
            quick[part] = quick_way(plain.environment, tree, str(path)) if tree else plain.render
        return Template(key, sources, compiled, quick)

    def _frame(self, name: str) -> tuple[str, str, None] | None:
        path = FOLDERS[Channel.EMAIL] / FRAME
        return (_read(self.directory, path), str(path), None) if name == FRAME else None


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


def _join(text: str) -> str:
    return "".join(map(str.strip, text.splitlines()))


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
    text = parts["text"]
    if "\n\n\n" in text:
        text = re.sub(r"\n{3,}", "\n\n", text)
    return Rendered(text.strip() + "\n", subject=subject, html=parts["html"])


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
