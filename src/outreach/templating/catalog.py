"""The templates there are: compiled once, rendered, and kept by version.

``templating/files.py`` says where their files lie.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from types import TracebackType

import jinja2

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.frozen import frozen
from outreach.domain.notice import Purpose
from outreach.templating.context import Context, CreditorWords
from outreach.templating.environment import BadValue, environment
from outreach.templating.files import FRAME, VARIANT, Key, join, keys, read, split
from outreach.templating.quick import Render, filled_in, in_one_piece, quick_way
from outreach.templating.sms import LONGEST, SmsLength, measure
from outreach.templating.variables import CONTEXT, unknown_variables

FITTED = 512
"""As how many creditors' a template is kept with their words in it."""

_values = attrgetter(*CONTEXT)


@frozen
class Rendered:
    """The words, ready to send. ``text`` is always there, the rest as the channel has it."""

    text: str
    subject: str = ""
    html: str | None = None
    title: str = ""
    paragraphs: tuple[str, ...] = ()
    sms: SmsLength | None = None


class Template:
    """One purpose's words on one channel in one locale, or a variant. ``digest`` is its version.

    ``source`` is all the digest covers: every file under a heading line, in a fixed order.
    """

    def __init__(
        self,
        key: Key,
        sources: Mapping[Path, str],
        compiled: Mapping[str, jinja2.Template],
        quick: Callable[[CreditorWords, bool, bool], Mapping[str, Render]],
    ) -> None:
        """``quick``: each part's quick way when this creditor writes, itself or by an agency, to
        guarantors or not.
        """
        self.key = key
        self.channel, self.purpose, self.locale, self.variant = key
        self.files = dict(sources)
        self.source = join(sources)
        self.digest = _digest(self.source)
        self.path = next(iter(sources))
        self._compiled = compiled
        self._quick = quick

    def render(self, context: Context) -> Rendered:
        """Raise ``TemplateError`` rather than send words with a gap, a line break where none may
        be, or more than 500 characters of SMS.
        """
        variables = dict(zip(CONTEXT, _values(context), strict=True))
        try:
            quick = self._quick(context.creditor, context.agency is None, context.guarantor)
            parts = {name: render(variables) for name, render in quick.items()}
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
        self._templates: dict[tuple[Channel, Purpose, Locale, str], Template] = {}
        self._versions: dict[str, Template] = {}
        self.keys = keys(directory)
        """Channel, purpose, locale and variant of every template there is, in a fixed order."""

    def get(
        self, channel: Channel, purpose: Purpose, locale: Locale, variant: str = ""
    ) -> Template:
        """``TemplateError`` if there is none such; nothing else is taken in its place."""
        key = (channel, purpose, locale, variant)
        if (template := self._templates.get(key)) is None:
            template = self._templates[key] = self._load(Key(*key))
        return template

    def all(self) -> list[Template]:
        return [self.get(*key) for key in self.keys]

    def variants(self, channel: Channel, purpose: Purpose) -> tuple[str, ...]:
        """Those that exist in any locale, sorted; the plain one, ``""``, comes first."""
        return tuple(sorted({key.variant for key in self.keys if key[:2] == (channel, purpose)}))

    def version(self, digest: str) -> Template | None:
        """The template of this digest, if ``get`` or ``kept`` has given it before."""
        return self._versions.get(digest)

    def kept(self, source: str) -> Template:
        """The template whose ``source`` was this, whatever the directory holds by now.

        ``TemplateError`` for a text that is none, or that this version of the product no longer
        understands.
        """
        digest = _digest(source)
        if template := self._versions.get(digest):
            return template
        key, sources = split(source)
        try:
            return self._remember(key, sources)
        except TemplateError as error:
            raise TemplateError(
                f"kept version {digest[:12]} of {error.message}", error.remedy
            ) from None

    def _load(self, key: Key) -> Template:
        if key not in self.keys:
            raise self._none_such(key)
        return self._remember(key, read(self.directory, key))

    def _none_such(self, key: Key) -> TemplateError:
        if key.variant and not re.fullmatch(VARIANT, key.variant):
            return TemplateError(
                f"{key.variant!r} is no name of a variant", "1 to 20 of the characters a-z, 0-9, -"
            )
        missing = f"no template for {key.purpose} by {key.channel} in {key.locale}"
        like = [other for other in self.keys if other == key._replace(locale=other.locale)]
        exist = ", ".join(other.locale for other in like) or "no locale"
        return TemplateError(
            f"{missing}, variant {key.variant}" if key.variant else missing,
            f"exists in: {exist}; add {', '.join(map(str, key.files().values()))}",
        )

    def _remember(self, key: Key, sources: Mapping[Path, str]) -> Template:
        template = _template(key, sources)
        return self._versions.setdefault(template.digest, template)


def _template(key: Key, sources: Mapping[Path, str]) -> Template:
    """Compile; ``sources`` are the only files it will ever read."""
    frame = key.frame()
    framing = sources.get(frame) if frame else None

    def load(name: str) -> tuple[str, str, None] | None:
        return (framing, str(frame), None) if name == FRAME and framing is not None else None

    text, html = (environment(key.locale, html=html, load=load) for html in (False, True))
    if frame and framing:
        _compile(html, frame, framing)  # its own faults
    around = {part: html if part == "html" else text for part in key.files()}
    compiled = {
        part: _compile(around[part], path, sources[path]) for part, path in key.files().items()
    }

    # by what few values there are of: creditors are as many as are configured, agencies may not be
    @lru_cache(maxsize=FITTED)
    def quick(creditor: CreditorWords, itself: bool, guarantor: bool) -> Mapping[str, Render]:
        known: dict[str, object] = {"creditor": creditor, "guarantor": guarantor}
        if itself:
            known["agency"] = None
        ways: dict[str, Render] = {}
        for part, path in key.files().items():
            tree = in_one_piece(around[part], sources[path], framing or "")
            if tree is None:
                ways[part] = compiled[part].render
            else:
                filled = filled_in(around[part], tree, known)
                ways[part] = quick_way(around[part], filled, str(path))
        return ways

    return Template(key, sources, compiled, quick)


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


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
