"""``colorhub static-site``: a folder of static files that colours photos in the visitor's browser."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing, quiet_exits
from colorhub.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from colorhub.export.static_site.writing import SiteModel

_Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder to write: a new or an empty one.", show_default=False)
]
_Models = Annotated[
    str, typer.Option("--models", metavar="NAMES", help="The models to offer, with commas; the first is the default.")
]
_Ort = Annotated[
    Path | None,
    typer.Option(
        "--ort",
        metavar="FOLDER",
        help="Where the tarball of onnxruntime-web is; fetched with npm when not given.",
        show_default=False,
    ),
]


@quiet_exits()
def static_site(folder: _Folder, models: _Models = DEFAULT_MODEL, ort: _Ort = None) -> None:
    """Write a page that colours photos in the visitor's own browser: nothing is uploaded.

    Any web server can serve the folder, also a free static Space (colorhub publish --static-space). Nothing in it asks
    another host for anything, and after the first visit it works without network.

    Exit code: 0 written, 1 it cannot be exported, fetched or written, 2 wrong usage.
    """
    from colorhub.export.static_site.writing import expect_free, write_site
    from colorhub.export.writing import ExportError

    with failing(FAILED, ExportError):
        expect_free(folder)
        sizes = write_site(folder, site_models(models), ort)
    typer.echo(f"{folder}: {parts_said(sizes)}")


def parts_said(sizes: Mapping[str, int]) -> str:
    """What a site weighs, and each of its parts. ``sizes``: bytes by path."""
    weights = {Path(path).stem: size for path, size in sizes.items() if path.startswith("models/")}
    weights["onnxruntime-web"] = sum(size for path, size in sizes.items() if path.startswith("engine/ort/"))
    weights["tables"] = sum(size for path, size in sizes.items() if path.endswith((".safetensors", ".bin")))
    weights["licences"] = sizes["LICENSES.txt"]
    weights["the page"] = sum(sizes.values()) - sum(weights.values())
    listed = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in weights.items())
    return f"{len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB ({listed})"


def site_models(names: str) -> "list[SiteModel]":
    """The models of ``--models``, loaded. Ends the command where there is none of that name."""
    from colorhub.export.static_site.writing import SiteModel
    from colorhub.hub.loading import list_models, load
    from colorhub.models import ModelNotFoundError

    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        raise fail("--models names no model: give one or more names with commas between them", WRONG_USAGE)
    infos = {info.name: info for info in list_models()}
    found = []
    with failing(WRONG_USAGE, ModelNotFoundError), failing(FAILED, ValueError):
        for name in wanted:
            info = infos.get(name)
            label = (info.label or info.summary) if info else ""
            found.append(SiteModel(Path(name).name, load(name), label, _notice(name)))
    return found


def _notice(name: str) -> str:
    """What a model's folder says of where its weights come from; empty for one that is not on this machine."""
    from colorhub.hub.loading import model_folder
    from colorhub.models import ModelNotFoundError

    with suppress(ModelNotFoundError, OSError):
        return (model_folder(name) / "NOTICE").read_text(encoding="utf-8")
    return ""
