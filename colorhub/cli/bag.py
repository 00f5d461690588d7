"""``--bag``: the folder of results is the payload of a BagIt bag."""

from pathlib import Path

from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing


def payload_of(output: str | None) -> str:
    """Where a bag's results go: a folder, or an address."""
    from colorhub.folder.plan import file_named

    if output is None or file_named(Path(output)):
        raise fail("a bag needs a folder: name one with -o", WRONG_USAGE)
    return f"{output.rstrip('/')}/data"


def close_bag(payload: str) -> None:
    """Write the tag files, where the manifest is whole."""
    from colorhub.archive.bag import write_bag
    from colorhub.archive.manifest import PARQUET, ManifestError, part_names
    from colorhub.archive.places import Place

    place = Place.of(payload)
    if part_names(place) or place.size(PARQUET) is None:
        echo_err("Note: the bag is closed by the run that ends last; until then it is no valid one.")
        return
    name = payload.removesuffix("/data")
    with failing(FAILED, ManifestError, OSError):
        count = write_bag(Place.of(name))
    echo_err(f"{name} is a BagIt bag of {count} files.")
