"""Where a template's files lie, ``templates/<folder>/<purpose>/<locale>.*``, and how they are kept
together as one text.

A variant of a template lies beside it: ``<locale>@<variant>.*``, all files of the channel anew.

============  ==========================================================================
``sms``       ``<locale>.txt``; line breaks in the file are layout only
``email``     ``<locale>.subject.txt`` (one line), ``<locale>.txt``, ``<locale>.html``,
              which may extend ``templates/email/frame.html``
``letters``   ``<locale>.txt``: a title, then paragraphs, with blank lines between them;
              the paragraph marks are those of ``templating/letter.py``
============  ==========================================================================
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose

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

VARIANT = "[a-z0-9-]{1,20}"
_FILE = re.compile(
    r"(?P<folder>[a-z]+)/(?P<purpose>[a-z_]+)/"
    rf"(?P<locale>[a-zA-Z-]+)(@(?P<variant>{VARIANT}))?(?P<suffix>\.[a-z.]+)"
)
_HEADING = re.compile(r"^=== (.*)\n", re.MULTILINE)
_CHANNELS = {folder.as_posix(): channel for channel, folder in FOLDERS.items()}
_ORDER = {part: at for kind in (Channel, Purpose, Locale) for at, part in enumerate(kind)}
_RESTORE = "restore its row of template_versions: the digest is the SHA-256 of the source"


class Key(NamedTuple):
    """Which template: there is one of each. The plain one's ``variant`` is empty."""

    channel: Channel
    purpose: Purpose
    locale: Locale
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.channel}.{self.purpose}.{self.stem}"

    @property
    def stem(self) -> str:
        """How its files' names begin: ``zh-CN`` or ``zh-CN@b``."""
        return f"{self.locale}@{self.variant}" if self.variant else str(self.locale)

    def files(self) -> dict[str, Path]:
        """Its files by what they hold, relative to the directory of templates, in a fixed order."""
        folder = FOLDERS[self.channel] / self.purpose
        return {part: folder / (self.stem + suffix) for part, suffix in FILES[self.channel].items()}

    def frame(self) -> Path | None:
        """What its page may extend."""
        return FOLDERS[self.channel] / FRAME if "html" in FILES[self.channel] else None


def keys(directory: Path) -> tuple[Key, ...]:
    """Every template that has at least one file, in a fixed order."""
    if not directory.is_dir():
        raise TemplateError(
            f"no directory of templates at {directory}", "set OUTREACH_TEMPLATES_DIR to where it is"
        )
    found = {key for path in _within(directory) if (key := _owner(path))}
    return tuple(sorted(found, key=lambda key: ([_ORDER[part] for part in key[:3]], key.variant)))


def strays(directory: Path) -> list[Path]:
    """Texts that lie where templates do and belong to none: their names are not as they must be."""
    return sorted(
        path
        for path in _within(directory)
        if path.suffix in {".txt", ".html"} and not path.name.startswith(".") and not _owner(path)
    )


def read(directory: Path, key: Key) -> dict[Path, str]:
    """The text of each file of a template, the frame last where there is one."""
    sources = {path: _read(directory, path) for path in key.files().values()}
    frame = key.frame()
    if frame and (directory / frame).exists():
        sources[frame] = _read(directory, frame)
    return sources


def join(sources: Mapping[Path, str]) -> str:
    """What ``read`` gave as one text: every file under a heading line."""
    return "".join(f"=== {path.as_posix()}\n{text}\n" for path, text in sources.items())


def split(whole: str) -> tuple[Key, dict[Path, str]]:
    """Undo ``join``; raise ``TemplateError`` for a text it cannot have made."""
    before, *pieces = _HEADING.split(whole)
    paths, texts = [Path(name) for name in pieces[::2]], pieces[1::2]
    key = _owner(paths[0]) if paths else None
    if before or key is None:
        raise TemplateError("a kept template does not begin with the name of its file", _RESTORE)
    files = list(key.files().values())
    if paths not in (files, [*files, key.frame()]) or not all(
        text.endswith("\n") for text in texts
    ):
        raise TemplateError(
            f"{files[0]}: a kept version does not hold each of its files once, in order", _RESTORE
        )
    return key, {path: text[:-1] for path, text in zip(paths, texts, strict=True)}


def _within(directory: Path) -> Iterator[Path]:
    for folder in FOLDERS.values():
        for path in (directory / folder).glob("*/*"):
            yield path.relative_to(directory)


def _owner(path: Path) -> Key | None:
    """Of which template this is a file."""
    match = _FILE.fullmatch(path.as_posix())
    if match is None or (channel := _CHANNELS.get(match["folder"])) is None:
        return None
    if match["suffix"] not in FILES[channel].values():
        return None
    try:
        return Key(
            channel, Purpose(match["purpose"]), Locale(match["locale"]), match["variant"] or ""
        )
    except ValueError:
        return None


def _read(directory: Path, path: Path) -> str:
    try:
        text = (directory / path).read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise TemplateError(f"{path}: this file of the template is missing", "add it") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: not UTF-8", "save the file as UTF-8") from None
    if heading := _HEADING.search(text + "\n"):
        line = text.count("\n", 0, heading.start()) + 1
        raise TemplateError(
            f"{path}:{line}: a line begins with `=== `, as the headings of kept versions do",
            "begin it in another way",
        )
    return text
