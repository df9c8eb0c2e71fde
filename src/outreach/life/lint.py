"""The gate on words over whole templates, once for each version: fixed words with sample values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outreach.compliance.content import Content, load_content
from outreach.compliance.contents import Contents, load_contents
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.setting import Setting
from outreach.compliance.wording import Wording, load_wording
from outreach.domain.debtor import Jurisdiction, Locale
from outreach.templating.catalog import Catalog, Template
from outreach.templating.check import Problem
from outreach.templating.context import Context
from outreach.templating.samples import samples

PLACES = dict(zip(Locale, Jurisdiction, strict=True))
"""Where a locale is written."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The word list, the rules on content and the required contents of ``config/policies``."""

    wording: Wording
    content: Content
    contents: Contents


def load_policies(directory: Path) -> Policies:
    """Raises ``ConfigurationError``."""
    return Policies(
        load_wording(directory / "wording.toml"),
        load_content(directory / "content.toml"),
        load_contents(directory / "contents.toml"),
    )


def lint(catalog: Catalog, policies: Policies) -> list[Problem]:
    """All the gate would refuse of the templates with sample values, and what they do not say."""
    found = (problem for each in catalog.all() for problem in _wrong(each, policies))
    return list(dict.fromkeys(found))


def _wrong(template: Template, policies: Policies) -> Iterator[Problem]:
    path = str(template.path)
    for file, source in template.files.items():
        if file.suffix == ".txt" and not file.name.endswith(".subject.txt"):
            for item, message in policies.contents.missing(
                source, template.purpose, template.channel
            ):
                trust = f"{item.source}; {item.confidence.label}"
                yield Problem(str(file), f"{message} ({item.id} {item.title}; {trust})")
    for name, context in samples(template.purpose, template.locale).items():
        rendered = template.render(context)
        text = f"{rendered.subject}\n{rendered.text}" if rendered.subject else rendered.text
        setting = _setting(template, context)
        findings: tuple[Finding, ...] = (
            *policies.wording.check_words(text, setting),
            *policies.content.check_content(text, setting),
        )
        for each in findings:
            if each.effect is Effect.BLOCK:
                trust = f"{each.source}; {each.confidence.label}"
                yield Problem(path, f"{each.says} ({each.rule}; {trust}; sample: {name})")


def _setting(template: Template, context: Context) -> Setting:
    creditor = context.creditor
    return Setting(
        channel=template.channel,
        purpose=template.purpose,
        place=PLACES[template.locale],
        signature=creditor.signature,
        creditor=creditor.name,
        agency=context.agency or "",
        phones=(creditor.hotline, creditor.complaint_line),
        payees=(creditor.payee_account,),
        mandate="sample",
    )
