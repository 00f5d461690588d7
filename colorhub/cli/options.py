"""The options of ``colorhub colorize``, as annotated types. Those that are settings say what :mod:`colorhub.settings`
says; one that is not given is ``None``, so that a settings file can give it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from colorhub.settings import DEFAULT_MODEL, FIELDS, FieldInfo


def _setting(name: str, *names: str, **keywords: Any) -> Any:
    """The option of a setting."""
    info = FIELDS[name]
    keywords.setdefault("show_default", str(info.default))
    if info.choices:
        keywords |= {"parser": _one_of(info), "metavar": "|".join(map(str, info.choices))}
    elif info.kind in (int, float) and "parser" not in keywords:
        keywords |= {"min": info.low, "max": info.high}
    return typer.Option(*names, help=info.help, **keywords)


def _one_of(info: FieldInfo) -> Callable[[str], Any]:
    def parsed(text: str) -> Any:
        found = {str(choice): choice for choice in info.choices}
        if text not in found:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(found)}.")
        return found[text]

    return parsed


def _size(text: str) -> int | str:
    """Pixels; ``auto`` is the word of version 0.1 for three views."""
    low, high = FIELDS["size"].low, FIELDS["size"].high
    if text != "auto" and not (text.isdecimal() and low <= int(text) <= high):  # type: ignore[operator]
        raise typer.BadParameter(f"{text!r} is no number of pixels from {low:g} to {high:g}.")
    return text if text == "auto" else int(text)


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, folders, or patterns in quotes such as 'scans/**/*.tif'; or one address such as s3://bucket/scans.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder for the results, which keep their names and the folders they are in; or, for one photo, the "
        "result's own name, such as colour.png. An address (s3://, gs://, az://) keeps a manifest.",
        metavar="DIR|FILE",
        show_default="beside the photo, as NAME.color.jpg",
    ),
]
Model = Annotated[str | None, _setting("model", metavar="NAME", show_default=DEFAULT_MODEL)]
Size = Annotated[Any, _setting("size", metavar="PIXELS", parser=_size, show_default="the model's own")]
Views = Annotated[Any, _setting("views")]
Restore = Annotated[bool | None, _setting("restore", "--restore/--no-restore", show_default="restore")]
Vividness = Annotated[float | None, _setting("vividness", metavar="FACTOR")]
Temperature = Annotated[float | None, _setting("temperature", metavar="NUMBER", show_default="the model's own")]
InColor = Annotated[Any, _setting("in_color", "--in-color")]
Format = Annotated[str | None, _setting("format", metavar="FORMAT", show_default="the photo's own")]
Quality = Annotated[int | None, _setting("quality", metavar="NUMBER", show_default="95")]
Record = Annotated[bool | None, _setting("record", "--record/--no-record", show_default="record")]
LoadSettings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="Take the settings from a file that --save-settings wrote; options given beside it win.",
        metavar="FILE",
    ),
]
SaveSettings = Annotated[
    Path | None,
    typer.Option(
        "--save-settings",
        help="Write the settings in effect (--model to --record) into a file for --settings.",
        metavar="FILE",
    ),
]
# The words of version 0.1: still taken, and warned of.
Normalize = Annotated[bool | None, typer.Option("--normalize/--no-normalize", help="Now --restore.", hidden=True)]
Recolor = Annotated[bool, typer.Option("--recolor", help="Now --in-color recolor.", hidden=True)]
NoProvenance = Annotated[bool, typer.Option("--no-provenance", help="Now --no-record.", hidden=True)]
Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Also the folders inside folders.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Colour again what has its result already.")]
Hints = Annotated[
    str | None,
    typer.Option(
        "--hints",
        help="Say which colours things in one photo have: a JSON file as colorhub.save_hints writes it.",
        metavar="FILE",
    ),
]
Sidecars = Annotated[
    bool,
    typer.Option("--sidecars", help="Take the photos' XMP sidecars (scan.jpg.xmp, scan.xmp) along with the results."),
]
Device = Annotated[
    str | None, typer.Option(help="cuda, mps or cpu.", metavar="DEVICE", show_default="the fastest there is")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "-j", "--jobs", help="Photos in work at once.", metavar="N", min=1, show_default="one a core, and one more"
    ),
]
ShardOf = Annotated[
    str | None,
    typer.Option(
        help="Only part I (from 0) of N of the files, for several processes or machines.",
        metavar="I/N",
        show_default="RANK and WORLD_SIZE, where a launcher sets them",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="local|auto|HOST:PORT",
        help="Work by Ray Data: on this machine alone, on the cluster it is part of, or on the one with its head at an "
        "address. Wants one folder or address, and -o; keeps a manifest.",
    ),
]
Bag = Annotated[
    bool,
    typer.Option(
        "--bag", help="Make -o a BagIt bag (RFC 8493): results and manifest in its data/, their digests beside it."
    ),
]
C2pa = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--c2pa",
        metavar="CERTIFICATES KEY",
        help="Sign results with Content Credentials (C2PA): a chain of certificates and its private key, both PEM.",
    ),
]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers", help="Keep only the colour layers, in the folder -o; colorhub compose makes results of them."
    ),
]
Manifest = Annotated[
    bool,
    typer.Option(
        "--manifest",
        help="Keep colorhub-manifest.parquet with the results: one row a photo, with sizes, SHA-256, model and "
        "settings. It then says what is done. With --shard and -o it is always kept.",
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit",
        help="With a manifest or --ray: a photo that takes longer is taken for one that hangs, and given up after "
        "three tries.",
        metavar="SECONDS",
        min=1,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Write nothing: say what there is to colour, how long it takes here and how large the results are, "
        "measured on 8 photos.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a file on stdout, then a summary.")]
MaxPixels = Annotated[
    int, typer.Option(help="Larger photos are refused before they are decoded.", metavar="PIXELS", min=1)
]
