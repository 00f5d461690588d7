"""``colorhub study power``: how many raters and images a study needs."""

from typing import Annotated, Literal

import typer

from colorhub.cli.console import WRONG_USAGE, leave, plain_endings

_Effect = Annotated[
    float,
    typer.Option(min=0.1, max=60, help="The smallest difference in realness worth finding, in percentage points."),
]
_Models = Annotated[int, typer.Option(min=1, max=50, help="Models that share the trials.")]
_Images = Annotated[int, typer.Option(min=2, max=100_000, help="Images of the study.")]
_PerRater = Annotated[
    int, typer.Option("--per-rater", min=2, max=1000, help="Trials of a rater, originals among them.")
]
_Raters = Annotated[
    int | None, typer.Option(min=2, max=100_000, help="Judge this number of raters instead of seeking.")
]
_Protocol = Annotated[Literal["realfake", "2afc"], typer.Option(help="One picture at a time, or pairs.")]
_Against = Annotated[Literal["model", "original"], typer.Option(help="What a model is compared with.")]
_Power = Annotated[float, typer.Option(min=0.5, max=0.999, help="Chance to find the effect if it is there.")]
_Margin = Annotated[float, typer.Option(min=0.1, max=60, help="Margin of equivalence, in percentage points.")]
_Image = Annotated[
    float, typer.Option("--image-sd", min=0, max=0.3, help="How much images differ within a model (SD).")
]
_Rater = Annotated[
    float, typer.Option("--rater-sd", min=0, max=0.3, help="How much raters differ within a model (SD).")
]
_Runs = Annotated[int, typer.Option("--simulate", min=0, max=100_000, help="Simulated studies to check by; 0: none.")]
_Seed = Annotated[int, typer.Option(help="Of the simulation.")]


def power(
    effect: _Effect = 5.0,
    models: _Models = 2,
    images: _Images = 400,
    per_rater: _PerRater = 40,
    raters: _Raters = None,
    protocol: _Protocol = "realfake",
    against: _Against = "model",
    power: _Power = 0.8,
    margin: _Margin = 5.0,
    image_sd: _Image = 0.15,
    rater_sd: _Rater = 0.05,
    simulate: _Runs = 200,
    seed: _Seed = 0,
) -> None:
    """Tell how many raters and images find an effect, and what a given design can find.

    Images limit precision as raters do: the answer is a table over numbers of images. A closed form seeks the numbers;
    simulated studies with yes-or-no votes check the design that comes out.

    Exit code: 0 there is a design, 1 this one does not reach the effect, 2 it cannot be judged.
    """
    from colorhub.study.design.power import PowerError, StudySize
    from colorhub.study.design.power_text import lines
    from colorhub.study.statistics.simulated import Spread

    design = StudySize(raters or 0, images, per_rater, models, protocol, against)
    spread = Spread(image_model=image_sd, rater_model=rater_sd)
    with plain_endings():
        try:
            reached = True
            for line, found in lines(design, effect, power, margin, spread, simulate, seed):
                typer.echo(line)
                reached &= found
        except PowerError as error:
            raise leave(error, WRONG_USAGE) from error
        if not reached:
            raise typer.Exit(1)
