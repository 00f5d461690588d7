"""``colorhub export``: a model as an ONNX file, and the composition as another."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing, quiet_exits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from colorhub.export import Difference
    from colorhub.models import Colorizer

_Model = Annotated[
    str | None,
    typer.Argument(metavar="MODEL", help="Name (see colorhub models), folder or Hub id.", show_default=False),
]
_Target = Annotated[Path | None, typer.Argument(metavar="OUT.onnx", help="The file to write.", show_default=False)]
_Half = Annotated[
    bool, typer.Option("--fp16", help="Half precision inside: a file half as large, faster on graphics cards.")
]
_Check = Annotated[bool, typer.Option("--check", help="Compare with torch at three sizes before writing.")]
_Composition = Annotated[
    Path | None,
    typer.Option(
        "--compose", metavar="OUT.onnx", help="Also, or only, write what puts colours onto a full-size photo."
    ),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
_UNITS = {"ab": "CIELAB units", "rgb": "8-bit levels"}  # of the outputs whose distance from torch's is promised


@quiet_exits()
def export(
    model: _Model = None,
    target: _Target = None,
    half: _Half = False,
    check: _Check = False,
    compose: _Composition = None,
    overwrite: _Overwrite = False,
) -> None:
    """Write a model as an ONNX file, for onnxruntime in any language.

    It takes L (B, 1, H, W), CIELAB lightness in 0..100, of any size, and gives ab (B, 2, H, W) in CIELAB units; models
    that predict a distribution also give logits. All are float32. colorhub colorize --model OUT.onnx uses it.

    The file of --compose takes grey (B, 1, H, W), gamma-encoded in 0..1, the L a model was given and the ab it answered
    at any size, and vividness; it gives rgb (B, 3, H, W), sRGB in 0..1, with the grey's own lightness.

    Exit code: 0 written, 1 it cannot be exported, written or differs from torch, 2 wrong usage.
    """
    if (model is None) != (target is None) or (model is None and compose is None):
        raise fail("give MODEL and OUT.onnx, or --compose OUT.onnx, or both", WRONG_USAGE)
    if target is not None and target == compose:
        raise fail(f"the model and the composition cannot both be {target}: give them two names", WRONG_USAGE)
    for path in filter(None, (target, compose)):
        _check_target(path, overwrite)
    from colorhub.models import ModelNotFoundError

    with failing(WRONG_USAGE, ModelNotFoundError), failing(FAILED, ValueError):  # cannot be exported, loaded or written
        if model is not None and target is not None:
            _export_model(model, target, half, check, overwrite)
        if compose is not None:
            _export_composition(compose, check, overwrite)


def _export_model(name: str, target: Path, half: bool, check: bool, overwrite: bool) -> None:
    from colorhub.export import export_model, model_differences, write
    from colorhub.hub.loading import load

    model = load(name)
    content = export_model(model, Path(name).name, half=half)
    if check:
        _compare(model_differences(content, model), target, must_hold=not half)
    write(content, target, overwrite=overwrite)
    typer.echo(f"{target}: {_about(model)}, {'fp16' if half else 'fp32'}, {len(content) / 1e6:.1f} MB")


def _export_composition(target: Path, check: bool, overwrite: bool) -> None:
    from colorhub.export import composition_differences, export_composition, write

    content = export_composition()
    if check:
        _compare(composition_differences(content), target, must_hold=True)
    write(content, target, overwrite=overwrite)
    typer.echo(f"{target}: the composition, {len(content) / 1e6:.1f} MB")


def _check_target(path: Path, overwrite: bool) -> None:
    """Say at once what would otherwise fail after half a minute of work."""
    if path.suffix != ".onnx":
        raise fail(f"{path} must end in .onnx: that is how an exported model is recognized", WRONG_USAGE)
    if path.is_dir():
        raise fail(f"{path} is a folder: give the name of a file in it", WRONG_USAGE)
    if path.exists() and not overwrite:
        raise fail(f"{path} exists already: replace it with --overwrite, or choose another name", WRONG_USAGE)
    if not path.parent.is_dir():
        raise fail(f"{path} cannot be written: there is no folder {path.parent}", FAILED)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise fail(f"{path} cannot be written: there is no permission to write to {path.parent}", FAILED)


def _about(model: "Colorizer") -> str:
    context = f" and {model.context_size}" if model.context_size else ""
    return f"{model.architecture} for a short side of {model.working_size}{context} pixels"


def _compare(differences: "Iterable[Difference]", target: Path, must_hold: bool) -> None:
    """Print how far the outputs are from torch's. Leaves where they are farther than promised."""
    failed = False
    for one in differences:
        batch, _, height, width = (*one.shape, 1, 1)[:4]
        unit = _UNITS.get(one.output)
        far = f"{one.worst:.2g}, {one.mean:.2g} on average" + (f" ({unit})" if unit else "")
        typer.echo(f"check {batch} x {height}x{width}: {one.output} differs by at most {far}")
        failed |= unit is not None and not one.holds
    if failed and must_hold:
        raise fail(f"{target} was not written: its answers differ from torch's by more than promised", FAILED)
