"""``colorhub study create``: draw photos, colour them, freeze the design."""

from pathlib import Path
from typing import Annotated

import typer

from colorhub.cli.console import echo_err
from colorhub.cli.study.opening import Name, study_endings

_Photos = Annotated[
    str, typer.Option(metavar="DATASET|FOLDER", help="Where photos are drawn from; 'packaged' for a try.")
]
_Models = Annotated[str, typer.Option(metavar="A,B,C", help="Models, by name, folder or Hub id.")]
_Images = Annotated[int | None, typer.Option(metavar="N", help="Images in trials.", show_default="400")]
_PerRater = Annotated[int | None, typer.Option(metavar="N", help="Trials of a rater.", show_default="40")]
_Raters = Annotated[int | None, typer.Option(metavar="N", help="Raters after whom it ends.", show_default="100")]
_Seed = Annotated[int | None, typer.Option(metavar="N", help="Decides which photos are drawn.", show_default="chance")]
_Size = Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the square stimuli.", show_default="256")]
_Protocol = Annotated[
    str | None,
    typer.Option(metavar="realfake|2afc", help="One picture or two side by side.", show_default="realfake"),
]
_Exposure = Annotated[
    int | None, typer.Option(metavar="MS", help="How long a picture is shown.", show_default="until the answer")
]
_Split = Annotated[str | None, typer.Option(metavar="NAME", help="Split of a dataset.", show_default="test, if any")]
_Config = Annotated[Path | None, typer.Option(metavar="study.toml", help="Texts, rules, links; see docs/study.md.")]
_Demonstration = Annotated[bool, typer.Option("--demonstration", help="Mark it: its results are no evidence.")]


def create(
    name: Name,
    photos: _Photos,
    models: _Models,
    images: _Images = None,
    per_rater: _PerRater = None,
    raters: _Raters = None,
    seed: _Seed = None,
    size: _Size = None,
    protocol: _Protocol = None,
    exposure: _Exposure = None,
    split: _Split = None,
    config: _Config = None,
    demonstration: _Demonstration = False,
) -> None:
    """Make a study: all of it, or nothing is left behind.

    Photos are drawn at random, those that are not surely in colour are passed over. Options given here win over those
    in study.toml. The manifest is frozen and hashed: colorhub study prereg prints it for a preregistration.
    """
    from colorhub.study.container import check_lasting
    from colorhub.study.create import create_study
    from colorhub.study.design.config import load_config

    with study_endings():
        check_lasting("COLORHUB_STUDY_BACKUP")
        given = {"images": images, "per_rater": per_rater, "size": size, "protocol": protocol, "exposure_ms": exposure}
        resolved = load_config(config).with_design(raters, str(config or "the options"), **given)
        words = [word.strip() for word in models.split(",") if word.strip()]
        study = create_study(
            name, photos, words, resolved, split=split, seed=seed, demonstration=demonstration, say=echo_err
        )
        passed = study.manifest.data["photos"]["passed_over"]
        skipped = ", ".join(f"{count} {reason}" for reason, count in passed.items())
        typer.echo(
            f"{study.folder}: {len(study.manifest.stimuli)} stimuli, {len(study.manifest.sequences)} sequences"
            f"{f'; passed over: {skipped}' if skipped else ''}."
        )
        typer.echo(f"manifest {study.manifest.sha256}")
        missing = [key for key in ("organizer", "contact") if not getattr(resolved, key)]
        if missing and not resolved.texts:
            echo_err(
                f"It names no {' and no '.join(missing)}: raters see a dash there. Another study.toml can name them."
            )


def prereg(name: Name) -> None:
    """Print a study's preregistration: hypotheses, design, stimuli, stopping, exclusions, analysis, hashes.

    It gives nothing away: the seed, the drawn photos and what is real stay in the manifest until the study has ended.
    """
    from colorhub.study.design.prereg import preregistration
    from colorhub.study.studies import open_study

    with study_endings():
        typer.echo(preregistration(open_study(name).manifest), nl=False)
