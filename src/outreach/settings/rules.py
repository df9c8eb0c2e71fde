"""What must not be combined: pure checks over settings that are each valid on their own."""

import re
from collections.abc import Callable, Iterator

from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError
from outreach.settings.carriers import SmtpSettings, TwilioSettings
from outreach.settings.model import Settings

Rule = Callable[[Settings], Iterator[ConfigurationError]]


def broken(settings: Settings) -> list[ConfigurationError]:
    """Every rule that does not hold, the gravest first; empty means the process may start."""
    return [error for rule in _RULES for error in rule(settings)]


def fictional_creditors_stay_in_the_sandbox(settings: Settings) -> Iterator[ConfigurationError]:
    """Example data must never reach a real person or be taken for a real demand."""
    fictional = [c.id for c in settings.creditors if c.fictional]
    if not fictional:
        return
    if not settings.sandboxed:
        yield ConfigurationError(
            f"creditor {fictional[0]} is fictional and environment is production",
            f"remove config/creditors/{fictional[0]}.toml",
        )
    for carrier in settings.carriers:
        if carrier.real:
            yield ConfigurationError(
                f"creditor {fictional[0]} is fictional and carrier {carrier.name} is real",
                f"remove config/creditors/{fictional[0]}.toml, or point {carrier.name} at the "
                "sandbox in config/carriers.toml",
            )


def a_real_carrier_knows_one_time(settings: Settings) -> Iterator[ConfigurationError]:
    """A shifted clock would send at night what the rules allow by day."""
    for carrier in settings.carriers:
        if carrier.real and settings.clock_offset_seconds:
            yield ConfigurationError(
                f"clock_offset_seconds is not 0 and carrier {carrier.name} is real",
                "set clock_offset_seconds to 0: a shifted clock is for the sandbox",
            )


def a_rehearsal_names_its_recipients(settings: Settings) -> Iterator[ConfigurationError]:
    """Outside production a real carrier reaches nobody who is not listed."""
    for carrier in settings.carriers:
        if settings.sandboxed and carrier.real and not settings.allow_recipients:
            yield ConfigurationError(
                f"carrier {carrier.name} is real, environment is sandbox and allow_recipients is "
                "empty",
                "list the recipients you test with in allow_recipients",
            )
    for pattern in settings.allow_recipients:
        try:
            re.compile(pattern)
        except re.error as error:
            yield ConfigurationError(
                f"allow_recipients holds a pattern that is no regular expression: {error.msg}",
                "mend the pattern, and write a plain + as \\+",
            )


def production_is_complete(settings: Settings) -> Iterator[ConfigurationError]:
    if settings.sandboxed:
        return
    needed = ("database_url", "redis_url", "master_keys", "lookup_key", "log_keys")
    for name in needed:
        if getattr(settings, name) is None:
            yield ConfigurationError(
                f"environment is production and OUTREACH_{name.upper()} is not set",
                f"set OUTREACH_{name.upper()}; embedded servers and generated keys are for the "
                "sandbox",
            )
    if not settings.public_url.startswith("https://"):
        yield ConfigurationError(
            "environment is production and public_url is not https",
            "set public_url to the https address the carriers call",
        )


def production_has_real_carriers(settings: Settings) -> Iterator[ConfigurationError]:
    for carrier in settings.carriers:
        if not settings.sandboxed and not carrier.real:
            yield ConfigurationError(
                f"environment is production and carrier {carrier.name} is a sandbox",
                f"give {carrier.name} its real address in config/carriers.toml, or remove it",
            )


def carriers_have_their_secrets(settings: Settings) -> Iterator[ConfigurationError]:
    for carrier in settings.carriers:
        for name in carrier.secret_names:
            if carrier.real and name not in settings.secrets:
                yield ConfigurationError(
                    f"carrier {carrier.name} needs the environment variable {name}",
                    f"set {name} to the secret the carrier gave you",
                )
        if isinstance(carrier, SmtpSettings) and carrier.security == "none" and carrier.real:
            yield ConfigurationError(
                f"carrier {carrier.name}: security is none and its host is not this machine",
                'set security = "starttls" or "tls"',
            )


def routes_lead_somewhere(settings: Settings) -> Iterator[ConfigurationError]:
    carriers = {carrier.name: carrier for carrier in settings.carriers}
    creditors = {creditor.id for creditor in settings.creditors}
    for route in settings.routes:
        for unknown in sorted(set(route.creditors) - creditors):
            yield ConfigurationError(
                f"route {route.name} is for the creditor {unknown}, which has no configuration",
                f"creditors are: {', '.join(sorted(creditors)) or 'none'}",
            )
        for name in route.carriers:
            carrier = carriers.get(name)
            if carrier is None:
                yield ConfigurationError(
                    f"route {route.name} names the carrier {name}, which does not exist",
                    f"carriers are: {', '.join(sorted(carriers)) or 'none'}",
                )
            elif carrier.channel is not route.channel:
                yield ConfigurationError(
                    f"route {route.name} is for {route.channel.value}, its carrier {name} "
                    f"carries {carrier.channel.value}",
                    "name a carrier of the route's channel",
                )


def data_leaves_the_mainland_on_a_basis(settings: Settings) -> Iterator[ConfigurationError]:
    """A mainland debtor's number and words go to Twilio only with a recorded basis, and templates
    registered (PIPL 38, 39; M-04).
    """
    abroad = {c.name: c for c in settings.carriers if isinstance(c, TwilioSettings) and c.real}
    for creditor in settings.creditors:
        if creditor.jurisdiction is not Jurisdiction.MAINLAND:
            continue
        for route in settings.routes:
            for name in route.carriers.keys() & abroad.keys():
                if not route.serves(creditor.id, creditor.jurisdiction):
                    continue
                if creditor.transfer is None:
                    yield ConfigurationError(
                        f"creditor {creditor.id} is of the mainland, and route {route.name} may "
                        f"take its debtors' numbers abroad, to {name}, on no recorded basis",
                        f"add [transfer] to config/creditors/{creditor.id}.toml, or name in the "
                        "route the jurisdictions it is for",
                    )
                elif not abroad[name].files_templates:
                    yield ConfigurationError(
                        f"carrier {name} may carry to debtors of the mainland, where templates "
                        "are registered first",
                        f"set files_templates = true for {name}",
                    )


def a_batch_has_one_mail_house(settings: Settings) -> Iterator[ConfigurationError]:
    """Letters wait in a batch that is one mail house's, so there is nothing to choose between."""
    for route in settings.routes:
        if route.channel is Channel.LETTER and len(route.carriers) > 1:
            yield ConfigurationError(
                f"route {route.name} is for letters and names {len(route.carriers)} mail houses",
                f"leave one: carriers = {{ {route.first} = 1 }}",
            )


def urls_are_of_the_right_kind(settings: Settings) -> Iterator[ConfigurationError]:
    for name, value, kinds in (
        ("OUTREACH_DATABASE_URL", settings.database_url, ("postgresql",)),
        ("OUTREACH_REDIS_URL", settings.redis_url, ("redis", "rediss", "unix")),
    ):
        if value and value.get_secret_value().partition("://")[0] not in kinds:
            yield ConfigurationError(
                f"{name} does not begin with {' or '.join(f'{kind}://' for kind in kinds)}",
                "only PostgreSQL and a Redis-compatible server will do",
            )


_RULES: tuple[Rule, ...] = (
    fictional_creditors_stay_in_the_sandbox,
    a_real_carrier_knows_one_time,
    a_rehearsal_names_its_recipients,
    production_has_real_carriers,
    production_is_complete,
    carriers_have_their_secrets,
    routes_lead_somewhere,
    data_leaves_the_mainland_on_a_basis,
    a_batch_has_one_mail_house,
    urls_are_of_the_right_kind,
)
