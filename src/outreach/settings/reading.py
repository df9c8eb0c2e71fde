"""Reads settings and tells what is wrong with them: in which file and line, or which variable."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from outreach.domain.errors import ConfigurationError
from outreach.settings.carriers import KINDS, CarrierSettings, MailHouseSettings, RouteSettings
from outreach.settings.keys import sandbox_secrets
from outreach.settings.model import CreditorSettings, PayeeSettings, Settings
from outreach.settings.rules import broken
from outreach.settings.source import NOT_KEYS, PREFIX, TomlFile, creditor_files, nearest

_MODELS: dict[str, type[BaseModel]] = {
    "routes": RouteSettings,
    "creditors": CreditorSettings,
    "payee": PayeeSettings,
    **KINDS,
}
"""The model behind a part of the way to a value, as pydantic gives it."""


def load(env: Mapping[str, str] = os.environ, config_dir: Path | None = None) -> Settings:
    """Settings complete with keys, checked against each other; raises ``ConfigurationError``.

    In the sandbox, keys and carriers' secrets that the environment lacks are made once and kept in
    ``<data_dir>/keys.env``.
    """
    settings = with_keys(read(env, config_dir))
    for error in broken(settings):
        raise error
    return settings


def read(env: Mapping[str, str] = os.environ, config_dir: Path | None = None) -> Settings:
    """What files and environment say, each value checked by itself; writes nothing."""
    config = (config_dir or Path(env.get("OUTREACH_CONFIG_DIR") or "config")).absolute()
    if not config.is_dir():
        raise ConfigurationError(
            f"there is no folder {config}",
            "run in the project's folder, or set OUTREACH_CONFIG_DIR to its config folder",
        )
    _settings({}, config)  # a key is judged where it was written, though a variable may hide it
    return _with_folders(_settings(env, config))


def _settings(environ: Mapping[str, str], config: Path) -> Settings:
    given: dict[str, Any] = {"environ": environ, "config_dir": config}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"{PREFIX}{str(first['loc'][0]).upper()}"
        if environ.get(variable):
            raise ConfigurationError(
                f"environment variable {variable}: {_expected(first)}",
                "mend it, or unset it to use the default",
            ) from None
        raise _wrong(first, config) from None


def _wrong(error: Any, config: Path) -> ConfigurationError:
    """What pydantic found, in the words and at the place of the file it was written in."""
    file, place = _written(config, error["loc"])
    match error["type"]:
        case "extra_forbidden":
            ways = (_MODELS[part] for part in reversed(error["loc"][:-1]) if part in _MODELS)
            known = next(ways, Settings).model_fields.keys() - {*NOT_KEYS, "name", "id"}
            return file.error(place, "unknown key", nearest(place[-1], known))
        case "missing":
            return file.error(place, "missing", f"add a line: {place[-1]} = ...")
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = f"kinds are: {', '.join(KINDS)}"
            return file.error((*place, "kind"), "unknown or missing", kinds)
    return file.error(place, _expected(error), "mend that line")


def _written(config: Path, way: tuple[str | int, ...]) -> tuple[TomlFile, tuple[str, ...]]:
    """The file and the place in it that pydantic's way to a value leads to."""
    match way:
        case "creditors", int(number), *rest:
            return TomlFile.open(creditor_files(config)[number]), tuple(map(str, rest))
        case ("carriers" | "routes") as key, int(number), *rest:
            file = TomlFile.open(config / "carriers.toml")
            rest = rest[1:] if key == "carriers" else rest  # pydantic names the kind there
            return file, (key, list(file.table[key])[number], *map(str, rest))
    return TomlFile.open(config / "outreach.toml"), tuple(map(str, way))


def _expected(error: Any) -> str:
    """What a value should have been, in pydantic's words; the value itself is left out."""
    said: str = error["msg"]
    return said.replace("Input should be", "expected").replace("tuple", "list")


def _with_folders(settings: Settings) -> Settings:
    """A mail house's folders hang on the data folder."""

    def placed(carrier: CarrierSettings) -> CarrierSettings:
        if not isinstance(carrier, MailHouseSettings):
            return carrier
        folders = {"outbox": carrier.outbox, "inbox": carrier.inbox}
        return carrier.model_copy(update={k: settings.data_dir / v for k, v in folders.items()})

    return settings.model_copy(update={"carriers": tuple(map(placed, settings.carriers))})


def with_keys(settings: Settings) -> Settings:
    """In the sandbox: the keys and secrets that are not given are made, once, and kept."""
    wanted = [name for c in settings.carriers if not c.real for name in c.secret_names]
    given = settings.master_keys and settings.lookup_key and settings.log_keys
    if not settings.sandboxed or (given and settings.secrets.keys() >= set(wanted)):
        return settings
    made = {k: SecretStr(v) for k, v in sandbox_secrets(settings.data_dir, wanted).items()}
    return settings.model_copy(
        update={
            "master_keys": settings.master_keys or made["OUTREACH_MASTER_KEYS"],
            "lookup_key": settings.lookup_key or made["OUTREACH_LOOKUP_KEY"],
            "log_keys": settings.log_keys or made["OUTREACH_LOG_KEYS"],
            "secrets": {k: made[k] for k in wanted} | dict(settings.secrets),
        }
    )
