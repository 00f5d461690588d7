"""``colorhub study``: the real-or-fake study, from its size to its report."""

import typer

from colorhub.cli.study import create, manage, power, report

app = typer.Typer(
    help="Real or fake? A user study of how often colours pass for real.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for command in (power.power, create.create, create.prereg, manage.status, manage.close, manage.withdraw):
    app.command()(command)
for command in (manage.publish, manage.restore, report.report, report.reproduce_004):
    app.command()(command)
