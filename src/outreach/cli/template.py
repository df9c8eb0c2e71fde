"""``outreach template``: what templates there are, whether they are right, how they read."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.notice import Purpose
from outreach.life.lint import lint, load_policies
from outreach.templating.catalog import Catalog, Rendered
from outreach.templating.check import check, longest_sms
from outreach.templating.letter import Letter, LetterPress
from outreach.templating.samples import sample_address, samples

app = typer.Typer(
    no_args_is_help=True, help="Templates (模板): list them, check them, preview them."
)

Directory = Annotated[
    Path,
    typer.Option("--templates", envvar="OUTREACH_TEMPLATES_DIR", help="Where the templates are."),
]
TEMPLATES = Path("templates")
POLICIES = Path("config") / "policies"


@app.command("list")
def list_templates(templates: Directory = TEMPLATES) -> None:
    """Every template with its version; an SMS with the longest it gets."""
    table = Table("channel", "purpose", "locale", "version", "longest SMS", box=None)
    for template in Catalog(templates).all():
        length = longest_sms(template) if template.channel is Channel.SMS else None
        table.add_row(
            template.channel,
            template.purpose,
            template.key.stem,
            template.digest[:12],
            f"{length.units} units, {length.parts} parts" if length else "",
        )
    Console().print(table)


@app.command("check")
def check_templates(
    templates: Directory = TEMPLATES,
    policies: Annotated[Path, typer.Option(help="Where the policies are.")] = POLICIES,
) -> None:
    """Render everything with sample data; exit code 1 if anything is wrong.

    What the gate on words refuses is wrong too, and what a template of its purpose must say.
    """
    catalog = Catalog(templates)
    if not (problems := check(catalog)):
        problems = lint(catalog, load_policies(policies))
    for problem in problems:
        typer.echo(f"{problem.where}: {problem.message}")
    if problems:
        typer.echo(f"{len(problems)} problems", err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(catalog.keys)} templates, nothing wrong")


@app.command()
def preview(
    purpose: Annotated[Purpose, typer.Option(help="Why we write.")],
    channel: Annotated[Channel, typer.Option(help="How it goes.")] = Channel.SMS,
    locale: Annotated[Locale, typer.Option(help="Whose Chinese.")] = Locale.ZH_CN,
    variant: Annotated[str, typer.Option(help="Which variant; without it the plain one.")] = "",
    sample: Annotated[str, typer.Option(help="Which sample data.")] = "one account",
    out: Annotated[Path | None, typer.Option(help="Where to write a letter's PDF.")] = None,
    templates: Directory = TEMPLATES,
) -> None:
    """The words with sample data; a letter also as PDF."""
    contexts = samples(purpose, locale)
    if sample not in contexts:
        raise typer.BadParameter(f"one of: {', '.join(contexts)}", param_hint="--sample")
    context = contexts[sample]
    template = Catalog(templates).get(channel, purpose, locale, variant)
    rendered = template.render(context)
    typer.echo(f"{template.path}  version {template.digest[:12]}\n")
    _print(rendered)
    if channel is Channel.LETTER:
        letter = LetterPress().press(Letter(rendered, context, sample_address(context), locale))
        if out:
            out.write_bytes(letter.pdf)
        typer.echo(f"\n{letter.pages} pages" + (f" in {out}" if out else "; --out FILE.pdf"))


def _print(rendered: Rendered) -> None:
    if rendered.subject:
        typer.echo(f"Subject: {rendered.subject}\n")
    typer.echo(rendered.text)
    if rendered.sms:
        typer.echo(f"\n{rendered.sms.units} UTF-16 units, {rendered.sms.parts} parts")
