"""Where settings come from: the files of ``config/`` and the environment.

Every error names file, line and key, what was expected and how to mend it, and never repeats the
value: people paste secrets into the wrong place.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource

from outreach.domain.errors import ConfigurationError
from outreach.settings.carriers import KINDS

Values = dict[str, Any]

PREFIX = "OUTREACH_"
NOT_KEYS = ("config_dir", "carriers", "routes", "creditors", "secrets")  # not in outreach.toml
_SECRETS = ("database_url", "redis_url", "master_keys", "lookup_key", "log_keys")
_SECRET_WORDS = re.compile(r"(password|passwd|token|secret|salt|api_?key)$")
_FOLDERS = ("templates_dir", "data_dir")
_COPIED = "remove it (and change it: files are copied)"


@dataclass(frozen=True, slots=True)
class TomlFile:
    """One TOML file: where it is, what it says, and on which line."""

    path: Path
    text: str
    table: Values

    @classmethod
    def open(cls, path: Path) -> Self:
        try:
            text = path.read_text("utf-8-sig")
            return cls(path, text, tomllib.loads(text))
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be read: {error.strerror}",
                "take it from the project's config folder",
            ) from None
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"{path} is not UTF-8: byte {error.start} cannot be read", "save it as UTF-8"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(
                f"{path} is not valid TOML: {error}",
                'mend that line; text stands in quotes: key = "text"',
            ) from None

    def error(self, place: tuple[str, ...], what: str, remedy: str) -> ConfigurationError:
        """An error at a key, or, where the key is missing, at its table's head."""
        line = _line_of(self.text, place) or _line_of(self.text, place[:-1]) or 1
        return ConfigurationError(f"{self.path} line {line}, {'.'.join(place)}: {what}", remedy)

    def tables(self, key: str) -> Iterator[tuple[str, Values]]:
        """The tables ``[key.NAME]``, in order."""
        tables = self.table.get(key, {})
        if not isinstance(tables, dict):
            raise self.error((key,), "expected tables", f"write [{key}.NAME], one for each")
        for name, values in tables.items():
            if not isinstance(values, dict):
                raise self.error((key, name), "expected a table", f"write [{key}.{name}]")
            if "name" in values:
                raise self.error((key, name, "name"), "the head is its name", "remove that line")
            yield name, values


def _line_of(text: str, place: tuple[str, ...]) -> int | None:
    """The line (from 1) of a key or of a table's head; headers and keys at line starts only."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if head := re.match(r"\s*\[+([^\]]+)\]+", line):
            table = _words(head[1])
            if table == place:
                return number
        elif (key := re.match(r"\s*([\w.\"'-]+)\s*=", line)) and table + _words(key[1]) == place:
            return number
    return None


def _words(dotted: str) -> tuple[str, ...]:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))


def creditor_files(config: Path) -> list[Path]:
    return sorted((config / "creditors").glob("*.toml"))


class Files(TomlConfigSettingsSource):
    """``outreach.toml``, ``carriers.toml`` and ``creditors/*.toml``, put together.

    Refuses what no model can see: a secret in a file, a key in the wrong file, a second name.
    """

    def __init__(self, settings_cls: type[BaseSettings], config: Path) -> None:
        self._read = {config / "outreach.toml": _outreach, config / "carriers.toml": _carriers}
        files = [*self._read, *creditor_files(config)]
        for path in self._read:
            TomlFile.open(path)  # the library passes over a file that is missing
        super().__init__(settings_cls, files, deep_merge=True)

    def _read_file(self, file_path: Any) -> Values:
        return self._read.get(file_path, _creditor)(TomlFile.open(file_path))

    def __call__(self) -> Values:
        named = {key: tuple(self.toml_data.get(key, {}).values()) for key in _NAMED}
        return self.toml_data | named

    @property
    def variables(self) -> set[str]:
        """The variables that carriers' secrets may come from: named in a file, or by default."""
        carriers = self.toml_data.get("carriers", {}).values()
        given = {v for values in carriers for k, v in values.items() if k.endswith("_env")}
        fields = (item for model in KINDS.values() for item in model.model_fields.items())
        return given | {field.default for name, field in fields if name.endswith("_env")}


_NAMED = ("carriers", "routes", "creditors")


def _outreach(file: TomlFile) -> Values:
    for key in file.table:
        if key in NOT_KEYS:
            raise file.error((key,), "this has a file of its own", "see config/")
        if key in _SECRETS:
            remedy = f"{_COPIED} and set {PREFIX}{key.upper()}"
            raise file.error((key,), "a secret has no place in a file", remedy)
    return _placed({"templates_dir": "templates"} | file.table, file.path.parent.parent)


def _carriers(file: TomlFile) -> Values:
    for key in file.table.keys() - {"carriers", "routes"}:
        raise file.error((key,), "unknown table", nearest(key, ("carriers", "routes")))
    for name, values in file.tables("carriers"):
        for key in filter(_SECRET_WORDS.search, values):
            remedy = f"{_COPIED}; {key}_env names its variable"
            place = ("carriers", name, key)
            raise file.error(place, "a secret has no place in a file", remedy)
    return {
        key: {name: {"name": name} | values for name, values in file.tables(key)}
        for key in ("carriers", "routes")
    }


def _creditor(file: TomlFile) -> Values:
    name = file.path.stem
    if file.table.get("id", name) != name:
        raise file.error(("id",), "differs from the file's name", f'write id = "{name}"')
    return {"creditors": {name: file.table | {"id": name}}}


class Environment(EnvSettingsSource):
    """``OUTREACH_<FIELD>`` in the mapping that is handed in, and the carriers' secrets.

    An unknown ``OUTREACH_...`` is refused, not overlooked.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], environ: Mapping[str, str], secrets: set[str]
    ) -> None:
        self._given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        self._secrets = secrets
        fields = {PREFIX + name.upper() for name in settings_cls.model_fields}
        known = fields - {PREFIX + name.upper() for name in NOT_KEYS[1:]} | secrets
        for variable in self._given.keys() - known:
            raise ConfigurationError(
                f"environment variable {variable} is unknown", nearest(variable, known)
            )
        super().__init__(settings_cls, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._given.items() if value}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        """A list: words with blanks between them."""
        return tuple(value.split())

    def __call__(self) -> Values:
        secrets = {name: value for name, value in self._given.items() if name in self._secrets}
        values = _placed(super().__call__(), Path.cwd())
        return values | {"secrets": {name: value for name, value in secrets.items() if value}}


def _placed(values: Values, base: Path) -> Values:
    """Relative folders hang on the project's folder (files) or the current one (environment)."""
    placed = {
        name: base / Path(values[name]).expanduser()
        for name in _FOLDERS
        if isinstance(values.get(name), str)
    }
    return {**values, **placed}


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown word."""
    known = sorted(known)
    if near := difflib.get_close_matches(word, known, 1):
        return f"did you mean {near[0]}?"
    return f"known here: {', '.join(known)}"
