"""``--bag``: the folder of results is the payload of a BagIt bag."""

from pathlib import Path
from typing import TYPE_CHECKING

from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail

if TYPE_CHECKING:
    from colorhub.archive.places import Place
    from colorhub.folder.plan import FolderPlan

DECLARATION = "bagit.txt"


def payload_of(output: str | None) -> str:
    """Where a bag's results go: a folder, or an address."""
    from colorhub.folder.plan import file_named

    if output is None or file_named(Path(output)):
        raise fail("a bag needs a folder: name one with -o", WRONG_USAGE)
    return f"{output.rstrip('/')}/data"


def expect_no_bag(output: "Place") -> None:
    """A wrong call where results would go into a folder that is a bag, and not as its payload."""
    if output.size(DECLARATION) is not None:
        raise fail(
            f"the folder {output.name} is a BagIt bag: go on with it by --bag, or give another with -o", WRONG_USAGE
        )


def expect_unicode_names(plan: "FolderPlan") -> None:
    """Photos whose names are no UTF-8, as a bag's must be, become problems of the plan."""
    from colorhub.archive.rows import is_utf8
    from colorhub.folder.find import Problem

    for jobs in (plan.jobs, plan.done):
        odd = [job.source for job in jobs if not is_utf8(job.relative)]
        plan.problems += [Problem(path, "its name is no UTF-8, as all in a bag are: rename it") for path in odd]
        jobs[:] = [job for job in jobs if is_utf8(job.relative)]


def close_bag(payload: str) -> int:
    """Write the tag files, where the manifest is whole. Returns an exit code; it was said why."""
    from colorhub.archive.bag import write_bag
    from colorhub.archive.manifest import PARQUET, ManifestError, part_names
    from colorhub.archive.places import Place

    place = Place.of(payload)
    if part_names(place) or place.size(PARQUET) is None:
        echo_err("Note: the bag is closed by the run that ends last; until then it is no valid one.")
        return 0
    name = payload.removesuffix("/data")
    try:
        count = write_bag(Place.of(name))
    except (ManifestError, OSError) as error:
        return fail(error, FAILED).exit_code
    echo_err(f"{name} is a BagIt bag of {count} files.")
    return 0
