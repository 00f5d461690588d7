"""``colorhub study prereg``: the preregistration as Markdown."""

import typer

from colorhub.cli.study.opening import Name, study_endings


def prereg(name: Name) -> None:
    """Print a study's preregistration: hypotheses, design, stimuli, stopping, exclusions, analysis, hashes.

    It gives nothing away: the seed, the drawn photos and what is real stay in the manifest until the study has ended.
    """
    from colorhub.study.design.prereg import preregistration
    from colorhub.study.place import open_study

    with study_endings():
        typer.echo(preregistration(open_study(name).manifest), nl=False)
