"""``colorhub verify``: whether an output is what its manifest says."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub._system import cores
from colorhub.cli import options
from colorhub.cli.archive.bag import DECLARATION
from colorhub.cli.archive.objects import network, place_of
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing, printable, quiet_exits

if TYPE_CHECKING:
    from colorhub.archive.places import Place
    from colorhub.archive.verify import Verdict

_Output = Annotated[str, typer.Argument(metavar="OUT", help="A folder or address of results, with their manifest.")]
_Source = Annotated[
    str | None, typer.Option("--source", metavar="SRC", help="Where the photos are: they are compared, too.")
]
_Sample = Annotated[
    int | None,
    typer.Option(
        "--sample", metavar="N", min=0, help="Open only so many results, drawn anew each time.", show_default="all"
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a finding on stdout, then a summary.")]


@quiet_exits()
def verify(
    output: _Output, source: _Source = None, sample: _Sample = None, jobs: options.Jobs = None, as_json: _Json = False
) -> None:
    """Hash all results anew and hold them to their manifest; open them, and hold them to the photos they are of.

    Says what is missing, altered or truncated, what no row tells of, and which rows are wrong; with --source also which
    photos have changed or have no row, and where a result differs from its photo in size, lightness or metadata.
    Nothing is written.

    Exit code: 0 all is sound, 1 something is not (it is listed), 2 nothing can be said: wrong usage, no manifest that
    can be read, or a storage that does not answer.
    """
    from colorhub.archive.manifest import ManifestError
    from colorhub.archive.verify import Verification

    results = place_of(output, code=WRONG_USAGE)
    photos = place_of(source, code=WRONG_USAGE) if source else None
    with network(photos or results, results, WRONG_USAGE), failing(WRONG_USAGE, ManifestError, ImportError):
        for place in (results, photos):
            _expect_folder(place)
        checked = Verification(_payload(results), photos, sample, jobs or cores())
        for finding in checked.findings():
            told = printable(finding.reason)
            typer.echo(
                json.dumps(asdict(finding)) if as_json else f"{printable(finding.path)}: {told} [{finding.kind}]"
            )
    verdict = checked.verdict
    code = FAILED if verdict.findings else 0
    if as_json:
        typer.echo(json.dumps({"summary": {**asdict(verdict), "exit_code": code}}))
    echo_err(_sentence(verdict))
    raise typer.Exit(code)


def _expect_folder(place: "Place | None") -> None:
    if place and not place.fs.isdir(place.root):
        raise fail(f"there is no folder {place.name} that can be read", WRONG_USAGE)


def _payload(place: "Place") -> "Place":
    """Where the results of a bag are, also of one that is not closed yet; of anything else the place itself."""
    from colorhub.archive.bag import PAYLOAD
    from colorhub.archive.manifest import PREFIX

    payload = place_of(f"{place.name.rstrip('/')}/{PAYLOAD}")
    is_bag = place.size(DECLARATION) is not None or (not place.names(PREFIX) and payload.names(PREFIX))
    return payload if is_bag else place


def _sentence(verdict: "Verdict") -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(verdict.kinds.items()))
    failed = f" {verdict.failed} photos had failed and have no result." if verdict.failed else ""
    looked = f"{verdict.rows} rows, {verdict.hashed} results hashed, {verdict.opened} opened"
    return f"{looked}: {f'{verdict.findings} findings ({kinds})' if verdict.findings else 'all sound'}.{failed}"
