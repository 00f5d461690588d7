"""The options of ``colorhub colorize``, as annotated types: what --help says of each."""

from pathlib import Path
from typing import Annotated, Any

import typer


def _option(help: str, *names: str, **keywords: Any) -> Any:
    """An option; ``show_default`` says in words what happens without one that has no value to show."""
    return typer.Option(*names, help=help, **keywords)


def _size(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdecimal() or not 16 <= int(text) <= 4096:
        raise typer.BadParameter(f"{text!r} is neither a number of pixels from 16 to 4096, nor auto.")
    return int(text)


Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files, folders, or patterns in quotes such as 'scans/**/*.tif'."),
]
Output = Annotated[
    Path | None,
    _option(
        "Folder for the results, which keep their names and the folders they are in.",
        "-o",
        "--output",
        metavar="DIR",
        show_default="beside the photo, as NAME.color.jpg",
    ),
]
Model = Annotated[str, _option("Name (see colorhub models), folder or Hub id.", metavar="NAME")]
Size = Annotated[
    Any,
    _option(
        "Short side in pixels the network works at; auto takes what three of them agree on.",
        metavar="PIXELS|auto",
        parser=_size,
        show_default="the model's own",
    ),
]
Normalize = Annotated[
    bool,
    _option("Let the network see faded prints in full tones and without their border.", "--normalize/--no-normalize"),
]
Vividness = Annotated[float, _option("Factor on the strength of the colours.", metavar="FACTOR", min=0, max=4)]
Format = Annotated[
    str | None,
    _option("File format of the results, such as png.", metavar="FORMAT", show_default="the photo's own"),
]
Recursive = Annotated[bool, _option("Also the folders inside folders.", "-r", "--recursive")]
Overwrite = Annotated[bool, _option("Colour again what has its result already.", "--overwrite")]
Hints = Annotated[
    Path | None,
    _option("Colours that things in one photo have, as JSON; see the README.", "--hints", metavar="FILE"),
]
Recolor = Annotated[bool, _option("Colour photos that are in colour from their lightness.", "--recolor")]
Device = Annotated[str | None, _option("cuda, mps or cpu.", metavar="DEVICE", show_default="the fastest there is")]
Jobs = Annotated[
    int | None,
    _option(
        "Photos in work at once.",
        "-j",
        "--jobs",
        metavar="N",
        min=1,
        show_default="one a core, and one more",
    ),
]
ShardOf = Annotated[
    str | None,
    _option(
        "Only part I (from 0) of N of the files, for several processes or machines.",
        metavar="I/N",
        show_default="RANK and WORLD_SIZE, where a launcher sets them",
    ),
]
AsJson = Annotated[bool, _option("One JSON object a file on stdout, then a summary.", "--json")]
NoProvenance = Annotated[
    bool, _option("Do not record in the results that a model invented their colours.", "--no-provenance")
]
MaxPixels = Annotated[int, _option("Larger photos are refused before they are decoded.", metavar="PIXELS", min=1)]
