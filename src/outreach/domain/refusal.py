"""Why something stated cannot be taken: a value, for a file holds many rows."""

from outreach.domain.frozen import frozen


@frozen
class Refusal:
    """``field`` is the one to mend; ``reason`` tells shapes and places, never what a cell says."""

    field: str
    reason: str
    remedy: str = ""
