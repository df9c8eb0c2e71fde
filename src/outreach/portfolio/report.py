"""What came of an import."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(slots=True)
class Report:
    """What came of an import, in rows.

    ``created``: a new account, part in one, or payment; ``unchanged`` may have brought a newer
    instant; ``stale``: an older balance than the one here, not used; ``settled``: accounts that
    payments of this file settled; ``shared_phones``: numbers of several debtors, the whole
    database over; ``ignored``: columns of the file that mean nothing to us.
    """

    kind: str
    file: Path
    dry_run: bool
    import_id: UUID
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0
    refused: int = 0
    settled: int = 0
    shared_phones: int | None = None
    bad_rows: Path | None = None
    ignored: tuple[str, ...] = ()

    @property
    def taken(self) -> int:
        return self.created + self.changed + self.unchanged + self.stale

    def as_dict(self) -> dict[str, object]:
        """For JSON; says nothing that does not apply."""
        fields: dict[str, object] = {
            name: getattr(self, name)
            for name in ("kind", "dry_run", "rows", "created", "changed", "unchanged", "stale")
        }
        fields |= {"refused": self.refused, "file": str(self.file)}
        fields["bad_rows"] = str(self.bad_rows) if self.bad_rows else None
        if self.kind == "payments":
            fields["settled"] = self.settled
        elif self.shared_phones is not None:
            fields["shared_phones"] = self.shared_phones
        return fields | ({} if self.dry_run else {"import": str(self.import_id)})
