"""``colorhub verify``: whether an output is what its manifest says."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub._system import cores
from colorhub.cli import options
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing, printable, quiet_exits
from colorhub.cli.objects import place_of

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

    Exit code: 0 all is sound, 1 something is not (it is listed), 2 wrong usage, or there is no manifest.
    """
    from colorhub.archive.manifest import ManifestError
    from colorhub.archive.verify import Verification

    with failing(WRONG_USAGE, ManifestError, ImportError):
        checked = Verification(_place(output), _place(source) if source else None, sample, jobs or cores())
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


def _place(address: str) -> "Place":
    """A folder or address that is there. Of a bag it is the payload."""
    place = place_of(address)
    with failing(FAILED, OSError):
        there = bool(place.fs.isdir(place.root))
    if not there:
        raise fail(f"{address} is no folder that can be read", WRONG_USAGE)
    return place_of(f"{address.rstrip('/')}/data") if place.size("bagit.txt") is not None else place


def _sentence(verdict: "Verdict") -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(verdict.kinds.items()))
    failed = f" {verdict.failed} photos had failed and have no result." if verdict.failed else ""
    looked = f"{verdict.rows} rows, {verdict.hashed} results hashed, {verdict.opened} opened"
    return f"{looked}: {f'{verdict.findings} findings ({kinds})' if verdict.findings else 'all sound'}.{failed}"
