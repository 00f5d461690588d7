"""``colorhub study``: the real-or-fake study, from its size to its report. Each command is a module beside this one."""

import typer

from colorhub.commands import (
    study_close,
    study_create,
    study_power,
    study_prereg,
    study_publish,
    study_report,
    study_reproduce,
    study_restore,
    study_status,
    study_withdraw,
)

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
