"""``colorhub convert``: an authors' file of weights to a model folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing, quiet_exits

if TYPE_CHECKING:
    from colorhub.hub.releases import Release
    from colorhub.models import Colorizer

_File = Annotated[Path, typer.Argument(metavar="FILE", help="Weights as their authors publish them.")]
_Architecture = Annotated[str, typer.Option("--arch", metavar="NAME", help="ddcolor, siggraph17 or eccv16.")]
_Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")]
_Release = Annotated[
    str | None,
    typer.Option("--release", metavar="NAME", help="Which release FILE is, where its name is another."),
]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="What weights do not tell: mask_center=0.5, working_size=256."),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the model of a folder that holds one.")]


@quiet_exits()
def convert(
    file: _File,
    architecture: _Architecture,
    output: _Folder,
    release: _Release = None,
    settings: _Set = None,
    overwrite: _Overwrite = False,
) -> None:
    """Convert other authors' weights, which are on this machine, into a folder that is a model for every command.

    FILE is .safetensors, or .pth, .pt, .bin: a state dict, by itself or under `params`. Only tensors are read of it, no
    code in it is run. A config.json of the authors beside it is checked, and so is the beginning of a hash in its name.
    DIR gets config.json, model.safetensors, card.toml with the authors, the licence and the source, and a card.

    SIGGRAPH17 that was trained with the authors' PyTorch code, and not converted from Caffe as their release is, needs
    --set mask_center=0.5.

    Exit code: 0 written, 1 FILE cannot be converted or DIR not be written, 2 wrong usage.
    """
    if (output / "config.json").exists() and not overwrite:
        raise fail(f"{output} holds a model: replace it with --overwrite, or choose another folder", WRONG_USAGE)
    keywords = _keywords(settings or [])
    found = _release(release, file, architecture)
    from colorhub.hub.cards import CardError, write_card
    from colorhub.hub.conversion import Origin, converted, expect_named_hash, sha256_of, write_folder
    from colorhub.models import WeightsError

    with failing(WRONG_USAGE, ValueError), failing(FAILED, WeightsError, CardError):
        try:
            digest = sha256_of(file)
            expect_named_hash(file.name, digest)
            model = converted(file, architecture, keywords)
            source = found.source if found else "an unknown source"
            write_folder(model, output, Origin(source, file.name, digest), found)
            write_card(output)
        except OSError as error:
            raise fail(f"{output} cannot be written: {error.strerror or error}", FAILED) from error
    typer.echo(f"{output}: {_about(model)}, licence {found.work.license if found else _UNKNOWN}")


_UNKNOWN = "unknown, because the name of the file is that of no release: --release tells which it is"


def _release(name: str | None, file: Path, architecture: str) -> "Release | None":
    from colorhub._text import did_you_mean
    from colorhub.hub.conversion import release_of
    from colorhub.hub.releases import RELEASES

    if name is None:
        return release_of(file, architecture)
    if name not in RELEASES or RELEASES[name].architecture != architecture:
        fitting = [known for known, release in RELEASES.items() if release.architecture == architecture]
        raise fail(f"There is no release {name!r} of {architecture}. {did_you_mean(name, fitting)}", WRONG_USAGE)
    return RELEASES[name]


def _keywords(settings: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            found[key.strip()] = json.loads(value)
        except ValueError as error:
            raise fail(f"--set takes KEY=VALUE with a number, got {setting!r}", WRONG_USAGE) from error
    return found


def _about(model: "Colorizer") -> str:
    count = sum(weight.numel() for weight in model.parameters())
    return f"{model.architecture}, {count:,} parameters, for a short side of {model.working_size} pixels"
