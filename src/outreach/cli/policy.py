"""``outreach policy``: the rules looked at, explained, compared, and asked about what was sent."""

import typer

from outreach.cli.policy_audit import audit
from outreach.cli.policy_check import check
from outreach.cli.policy_diff import diff
from outreach.cli.policy_explain import explain
from outreach.cli.policy_forecast import forecast
from outreach.cli.policy_releases import releases

app = typer.Typer(
    help="Policies (合规规则): what may be sent, when, and why not.", no_args_is_help=True
)
app.command("check")(check)
app.command("explain")(explain)
app.command("forecast")(forecast)
app.command("diff")(diff)
app.command("audit")(audit)
app.command("releases")(releases)
