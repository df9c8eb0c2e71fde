"""Whether a form is what a JSON schema of its fields allows; all its values are text."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit


def complaints(form: Mapping[str, str], schema: Mapping[str, Any]) -> Iterator[str]:
    """Everything the schema does not allow; nothing if the form is valid."""
    known = schema["properties"]
    for name in schema.get("required", ()):
        if name not in form:
            yield f"{name} is missing"
    for name, value in form.items():
        if name not in known:
            yield f"{name} is unknown"
        else:
            yield from (f"{name}: {why}" for why in _of(value, known[name]))


def _of(value: str, field: Mapping[str, Any]) -> Iterator[str]:
    kind = field.get("type", "string")
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", value):
            yield "no integer"
        elif not field.get("minimum", int(value)) <= int(value) <= field.get("maximum", int(value)):
            yield "out of range"
    elif kind == "boolean" and value not in ("true", "false"):
        yield "no boolean"
    if not field.get("minLength", 0) <= len(value) <= field.get("maxLength", len(value)):
        yield "of a wrong length"
    if "pattern" in field and not re.search(field["pattern"], value):
        yield "of a wrong shape"
    if "enum" in field and value not in field["enum"]:
        yield "none of the words"
    if field.get("format") == "uri" and urlsplit(value).scheme not in ("http", "https"):
        yield "no address"
