"""``colorhub study power``: how many raters and images a study needs."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from colorhub.cli.console import WRONG_USAGE, fail, quiet_exits

if TYPE_CHECKING:
    from colorhub.study.design.power import Checked, StudySize
    from colorhub.study.statistics.simulated import Spread

_AGAINST = {
    ("realfake", "model"): "two models on the same images",
    ("realfake", "original"): "a model and the originals of the same images",
    ("2afc", "model"): "two models on the same images, in pairs with the originals",
    ("2afc", "original"): "a model and one half, the rate of fakes that nobody can tell",
}
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
    from colorhub.study.statistics.simulated import Spread

    design = StudySize(raters or 0, images, per_rater, models, protocol, against)
    spread = Spread(image_model=image_sd, rater_model=rater_sd)
    with quiet_exits():
        try:
            reached = _tell(design, effect, power, margin, spread, simulate, seed)
        except PowerError as error:
            raise fail(error, WRONG_USAGE) from error
        if not reached:
            raise typer.Exit(1)


def _tell(
    design: "StudySize", effect: float, power: float, margin: float, spread: "Spread", runs: int, seed: int
) -> bool:
    """Print the numbers that are needed, what they find, and a check by simulation; whether the effect is within reach.

    ``design`` has 0 raters where they are to be found.
    """
    from colorhub.study.design import power as planner

    planner.checked(replace(design, raters=design.raters or planner.MOST_RATERS))
    _tell_assumptions(design, effect, power, spread)
    if not design.raters:
        _tell_choices(design, effect, power, spread)
        found = planner.raters_needed(effect, design, power, spread)
        if found is None:
            typer.echo(
                f"With {design.images} images, not even {planner.MOST_RATERS} raters are enough: take more images."
            )
            return False
        design = replace(design, raters=found)
    smallest = planner.smallest_effect(design, power, spread=spread)
    typer.echo(
        f"{design.raters} raters, {design.images} images: {design.votes:.0f} votes a model, "
        f"standard error of the difference {planner.difference_error(design, spread):.2f} points, "
        f"power {planner.power_of(design, effect, spread):.0%} for {effect:g} points."
    )
    typer.echo(f"The smallest difference this design finds with {power:.0%} power: {smallest:.1f} points.")
    typer.echo(
        f"It shows two models without any difference to be equivalent within {margin:g} points "
        f"in {planner.equivalence_power(design, margin, spread):.0%} of studies."
    )
    if runs:
        _tell_simulated(planner.simulated_power(design, effect, spread, runs, seed))
    return smallest <= effect


def _tell_assumptions(design: "StudySize", effect: float, power: float, spread: "Spread") -> None:
    compared = _AGAINST[design.protocol, design.against]
    typer.echo(
        f"A difference of {effect:g} points between {compared}, found with {power:.0%} power (two-sided test at 5 %)."
    )
    typer.echo(
        f"Assumed: standard deviation {100 * spread.image_model:g} points between images and "
        f"{100 * spread.rater_model:g} between raters within a model, realness near one half."
    )


def _tell_simulated(result: "Checked") -> None:
    typer.echo(
        f"Simulated: {result.power:.1%} of {result.runs} such studies found it (Monte-Carlo standard error "
        f"{100 * result.error:.1f} points). Plan more raters for drop-outs and exclusions."
    )


def _tell_choices(design: "StudySize", effect: float, power: float, spread: "Spread") -> None:
    from colorhub.study.design import power as planner

    typer.echo(f"{'images':>8}{'raters':>10}   ({design.per_rater} trials each, {design.models} models)")
    for images, raters in planner.choices(effect, design, power, spread):
        typer.echo(f"{images:8}{f'> {planner.MOST_RATERS}' if raters is None else raters:>10}")
    if design.protocol == "2afc" and design.against == "original":
        votes = planner.chance_votes_needed(effect, power)
        typer.echo(f"If all votes were independent, {votes} a model would do: no study of fewer can.")
