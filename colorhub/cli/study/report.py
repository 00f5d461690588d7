"""``colorhub study report``: what a finished study found."""

from pathlib import Path
from typing import Annotated

import typer

from colorhub.cli.console import FAILED, fail
from colorhub.cli.study.opening import Name, opened_store, study_endings

_Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Where to write; default: report/ in the study's folder."),
]
_Trials = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Table of trials (CSV) instead of the votes in the database.")
]
_Draws = Annotated[int, typer.Option(min=100, max=1_000_000, help="Resamples of raters and images.")]
_Mixed = Annotated[bool, typer.Option("--mixed/--no-mixed", help="Fit the mixed model too, which takes the longest.")]


def report(
    name: Name, output: _Output = None, trials: _Trials = None, draws: _Draws = 4000, mixed: _Mixed = True
) -> None:
    """Write the report of a study that has ended: HTML, Markdown with plots, the trials and all figures as CSV, and an
    R script.

    How often each model passes for real, beside how often originals do, with intervals that hold for new raters and new
    images; with the preregistered exclusions and without any.
    """
    with study_endings():
        from colorhub.study.report.report import finished_trials, make_report, published_trials, write_report
        from colorhub.study.report.sections import between, name_of, percent
        from colorhub.study.studies import open_study

        study = open_study(name)
        if trials is None:
            with opened_store(name) as (store, _):
                table, ending = finished_trials(store, name)
        else:
            table, ending = published_trials(trials, name), None
        made = make_report(study.manifest.data, table, ending, draws, mixed)
        try:
            paths = write_report(made, output or study.folder / "report")
        except OSError as error:
            raise fail(error, FAILED) from error
        for result in made.kept.results:
            interval = between(result.interval, 100, " %")
            typer.echo(
                f"{name_of(result.name):24}{percent(result.realness.value):>8}  {interval}  {result.votes} votes"
            )
        if not made.kept.votes:
            typer.echo("No vote counts: the study's exclusions left none, or there were none. The report says which.")
        typer.echo(f"Written: {paths[0]} and {len(paths) - 1} more files beside it.")


def reproduce_004() -> None:
    """Print report 004's table and its p-value from the published counts, then what the data can say. In a
    clone, ``python -m training.reproduce 004`` does so for all that the report claims."""
    from colorhub.study.report.reproduce import text

    with study_endings():
        typer.echo(text())
