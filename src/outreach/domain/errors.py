"""Every error a user can meet, in one tree.

::

    OutreachError                 what, where, how to mend it; never a name, number or message text
    ├── InvalidInput              the caller's fault
    ├── NotFound                  no such account, debtor, notice ...
    │   └── NoPolicy              a debtor of a place that no policy speaks of
    ├── Conflict                  not possible in this state
    ├── TemplateError             missing variable, wrong locale, forbidden symbol
    └── CallbackRejected          a carrier's callback that is forged, stale or unreadable
    ConfigurationError            a root of its own: the process must not start
    └── Rewound                   the database forgot what was committed: nothing may be sent

What a carrier answers is not an error but an outcome: see ``channels.base``.
"""


class OutreachError(Exception):
    """A refusal a person reads: ``message`` says what and where, ``remedy`` how to mend it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n  → {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class InvalidInput(OutreachError):
    """A request, file or argument that cannot be taken as it is."""


class NotFound(OutreachError):
    """The thing named does not exist."""


class NoPolicy(NotFound):
    """A debtor without a known jurisdiction: nobody can say what is lawful, so nothing goes."""


class Conflict(OutreachError):
    """The thing exists, but its state does not allow this."""


class TemplateError(OutreachError):
    """A template that cannot be rendered; says which file and which line."""


class CallbackRejected(OutreachError):
    """A callback whose signature, shape or size does not hold; nothing of it is applied."""


class ConfigurationError(Exception):
    """The process must not start. Not an ``OutreachError``: nothing that retries may swallow it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n  → {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class Rewritten(ConfigurationError):
    """The log does not hold what a checkpoint signed."""


class Rewound(ConfigurationError):
    """The database is not the one that was sent from: what went out may look unsent in it."""
