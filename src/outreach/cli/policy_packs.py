"""A pack as a person names it: a file, a place, or the beginning of a kept policy's digest."""

import re
from pathlib import Path

from outreach.compliance.pack import Pack, examine
from outreach.compliance.policy_file import contents
from outreach.compliance.stricter import kept
from outreach.db import policies
from outreach.db.pool import Connection
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import Conflict, NotFound
from outreach.life.parts import Parts

_DIGEST = re.compile(r"[0-9a-f]{4,64}")


async def pack_named(parts: Parts, conn: Connection, name: str) -> Pack:
    """Raises ``NotFound``, ``Conflict`` for a beginning of several, ``ConfigurationError``."""
    if name in tuple(Jurisdiction):
        return parts.policies.packs[Jurisdiction(name)]
    path = Path(name)
    if path.suffix == ".toml":
        pack = examine(path, contents(path))
        if isinstance(pack, list):
            raise pack[0]
        return pack
    if not _DIGEST.fullmatch(name):
        raise NotFound(
            f"no policy {name}",
            f"a .toml file, {', '.join(Jurisdiction)}, or a digest's first four letters or more",
        )
    found = {pack.version: pack for pack in parts.policies.all() if pack.version.startswith(name)}
    for row in await policies.find(conn, name):
        if row["digest"] not in found:
            found[row["digest"]] = kept(row["source"], row["digest"])
    if not found:
        raise NotFound(f"no policy that was ever used begins with {name}", "outreach policy check")
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} policies begin with {name}",
            ", ".join(version[:12] for version in found),
        )
    return next(iter(found.values()))
