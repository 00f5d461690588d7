"""``colorhub check``: whether a model class keeps the contract of the hub."""

from typing import Annotated

import typer

from colorhub.cli.console import FAILED, WRONG_USAGE, failing, quiet_exits


@quiet_exits()
def check(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="An architecture, or package.module:Class.")],
) -> None:
    """Hold a model class to the contract that every model of the hub keeps, and print what passed and what failed.

    TARGET is one of colorhub's architectures, one that an installed package registers (entry point group
    colorhub.models), or package.module:Class. The class is tried at the size of its tiny().
    """
    from colorhub.hub.contract import run, subject

    with failing(WRONG_USAGE, ValueError):
        subjected = subject(target)
    results = []
    for sentence, reason in run(subjected):
        results.append(reason is None)
        typer.echo(f"passed  {sentence}" if reason is None else f"FAILED  {sentence}: {reason}")
    typer.echo(f"{target}: {sum(results)} of {len(results)} passed.")
    if not all(results):
        raise typer.Exit(FAILED)
