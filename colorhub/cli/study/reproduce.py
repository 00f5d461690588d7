"""``colorhub study reproduce-004``: report 004's user study, its own test and the right one."""

import typer

from colorhub.cli.console import quiet_exits


def reproduce_004() -> None:
    """Print report 004's table and its p-value from the published counts, then what the data can say."""
    from colorhub.study.report.reproduce import text

    with quiet_exits():
        typer.echo(text())
