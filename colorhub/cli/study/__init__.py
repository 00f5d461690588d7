"""``colorhub study``: the real-or-fake study, from its size to its report."""

import typer

from colorhub._extras import MissingExtraError, require
from colorhub.cli.console import WRONG_USAGE, failing
from colorhub.cli.study import create, manage, power, report

app = typer.Typer(
    help="Real or fake? A user study of how often colours pass for real.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _needs() -> None:
    with failing(WRONG_USAGE, MissingExtraError):
        require("app")


app.command()(power.power)
app.command()(create.create)
app.command()(create.prereg)
app.command()(manage.status)
app.command()(manage.close)
app.command()(manage.withdraw)
app.command()(manage.publish)
app.command()(manage.restore)
app.command()(report.report)
app.command(deprecated=True)(report.reproduce_004)
