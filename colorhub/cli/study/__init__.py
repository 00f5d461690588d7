"""``colorhub study``: the real-or-fake study, from its size to its report. Each command is a module beside this one."""

import typer

from colorhub.cli.study import close as study_close
from colorhub.cli.study import create as study_create
from colorhub.cli.study import power as study_power
from colorhub.cli.study import prereg as study_prereg
from colorhub.cli.study import publish as study_publish
from colorhub.cli.study import report as study_report
from colorhub.cli.study import reproduce as study_reproduce
from colorhub.cli.study import restore as study_restore
from colorhub.cli.study import status as study_status
from colorhub.cli.study import withdraw as study_withdraw

app = typer.Typer(
    help="Real or fake? A user study of how often colours pass for real.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(study_power.power)
app.command()(study_create.create)
app.command()(study_prereg.prereg)
app.command()(study_status.status)
app.command()(study_close.close)
app.command()(study_withdraw.withdraw)
app.command()(study_publish.publish)
app.command()(study_restore.restore)
app.command()(study_report.report)
app.command("reproduce-004")(study_reproduce.reproduce_004)
