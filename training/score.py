"""Score models on held-out pictures: ``python -m training.score unet --data photos people --split test [--write]``.

Every picture goes through the same pipeline a user's photo goes through, from the grey that the protocol names. Figures
are means over pictures with a 95 % bootstrap interval, beside the answer without colour, the mean colour and the
originals. ``--predictions NAME=DIR`` scores pictures that any other program made. ``--write`` puts ``scores.json`` into
the models' folders. Started by ``accelerate launch`` or ``torchrun``, the pictures are split over the processes.
"""

import argparse
import json
import platform
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from colorhub._data import local_source
from colorhub._files import replacing
from colorhub.hub.loading import model_folder
from training.data.sources import DataError
from training.scoring.compare import compare
from training.scoring.curve import compare_at
from training.scoring.distances import kernel_differences
from training.scoring.entries import ModelEntry
from training.scoring.judging import KERNEL
from training.scoring.networks import Networks
from training.scoring.pictures import check_source, count_duplicates, load_pictures
from training.scoring.predictions import PredictionEntry
from training.scoring.protocol import DEFAULT, Protocol, load_protocol, protocol_names
from training.scoring.saving import GREY, Saver
from training.scoring.section import Entry, Scorer
from training.scoring.tables import table
from training.scoring.work import LIBRARIES, Work, device, is_main, shard


def main(arguments: Sequence[str] | None = None, networks: Networks | None = None) -> int:
    """The command line. Answers the exit code: 1 with one sentence when a model or the data cannot be used.

    ``networks``: used in place of the usual ones for LPIPS, FID and KID.
    """
    given = _parser().parse_intermixed_args(arguments)
    try:
        protocol = load_protocol(given.protocol)
        entries = _entries(given, protocol)
        scores, comparisons, works = _score(entries, given, protocol, networks or Networks())
        if is_main():
            _write(entries, scores, comparisons, given, protocol)
        for work in works:
            work.forget()
    except (LookupError, ValueError, OSError) as error:
        if is_main() or isinstance(error, OSError):  # a file that fails may fail for one process alone
            print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.score", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="names, folders or Hub ids")
    add("--predictions", nargs="+", default=[], metavar="NAME=DIR", help="pictures made by another program")
    add("--data", nargs="+", default=["photos"], help="roles under $COLORHUB_DATA, paths or Hub ids; DATA@SPLIT")
    add("--split", default="test")
    add("--image-column", default="image", help="the column that holds the pictures")
    add("--protocol", default=DEFAULT, metavar="NAME", help=f"one of {', '.join(protocol_names())}")
    add("--sizes", nargs="*", type=int, default=[], help="further working sizes to measure")
    add("--limit", type=int, help="take only the first pictures")
    add("--train-data", nargs="+", help="count pictures that are nearly in this training data")
    add("--train-split", default="train")
    add("--save", type=Path, metavar="DIR", help="write the grey pictures and all answers as PNG files")
    add("--output", type=Path, metavar="FILE", help="write all scores and their comparison to one JSON file")
    add("--write", action="store_true", help="put scores.json into the models' folders")
    return parser


def _entries(given: argparse.Namespace, protocol: Protocol) -> list[Entry]:
    entries: list[Entry] = [ModelEntry(name, protocol, device()) for name in given.models]
    for words in given.predictions:
        name, _, folder = words.partition("=")
        if not folder or not re.fullmatch(r"[\w.-]+", name) or name == GREY:
            raise DataError(f"--predictions {words}: expected NAME=DIR, the name of letters, digits, '.', '_' and '-'.")
        entries.append(PredictionEntry(name, Path(folder), protocol.pictures))
    if not entries:
        raise DataError("Nothing to score: name a model, or --predictions NAME=DIR.")
    names = [entry.name for entry in entries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"Two entries are named {twice!r}: their figures could not be told apart.")
    return entries


def _score(
    entries: Sequence[Entry], given: argparse.Namespace, protocol: Protocol, networks: Networks
) -> tuple[dict[str, Any], list[dict[str, Any]], list[Work]]:
    """Every entry's scores, the comparison of entries on each source, and the files kept meanwhile."""
    sections: dict[str, list[dict[str, Any]]] = {entry.name: [] for entry in entries}
    comparisons, works = [], []
    for source, split in _checked_sources(given):
        pictures = load_pictures(source, split, protocol.pictures, given.limit, shard(), given.image_column)
        for entry in entries:
            if isinstance(entry, PredictionEntry):
                entry.check(pictures)
        works.append(Work(pictures, {"protocol": protocol.sha256, "names": pictures.names, "labels": pictures.labels}))
        saver = None if given.save is None else Saver(given.save, protocol.grey.protocol)
        if saver is not None:
            saver.save_greys(pictures)
        scorer = Scorer(protocol, pictures, works[-1], networks, given.sizes, saver)
        found = {entry.name: scorer.section(entry) for entry in entries}
        if not is_main():
            continue
        if given.train_data:
            near = count_duplicates(pictures.names, pictures.hashes, given.train_data, given.train_split)
            for section, _ in found.values():
                section["data"]["duplicates"] = near
        rows = compare({name: figures for name, (_, figures) in found.items()}, scorer.metrics)
        comparisons.append({"source": source, "split": split, "metrics": rows, **_further(scorer, protocol)})
        print("\n".join(table({name: section for name, (section, _) in found.items()}, protocol, rows)), flush=True)
        for name, (section, _) in found.items():
            sections[name].append(section)
    scores = {entry.name: _whole(entry, sections[entry.name], protocol) for entry in entries} if is_main() else {}
    return scores, comparisons, works


def _checked_sources(given: argparse.Namespace) -> list[tuple[str, str]]:
    """The sources and their splits. What is missing is said before hours of work with the others."""
    sources = [_source(words, given.split) for words in given.data]
    for source, split in sources:
        check_source(source, split, given.image_column)
    for source in given.train_data or ():
        check_source(source, given.train_split)
    return sources


def _source(words: str, split: str) -> tuple[str, str]:
    """A source and its split: that of ``DATA@SPLIT``, or the usual one."""
    source, _, own = words.rpartition("@")
    return (source, own) if source and own and local_source(words) is None else (words, split)


def _further(scorer: Scorer, protocol: Protocol) -> dict[str, Any]:
    """What a protocol with a judge and a curve compares beside the metrics."""
    found: dict[str, Any] = {}
    if KERNEL in protocol.set_metrics:
        found["set_metrics"] = {KERNEL: kernel_differences(scorer.kernels)}
    if protocol.curve is not None:
        found["at_colorfulness"] = {f"{at:g}": compare_at(scorer.curves, at) for at in protocol.curve.at}
    return found


def _whole(entry: Entry, sections: list[dict[str, Any]], protocol: Protocol) -> dict[str, Any]:
    """One entry's scores.json: the first source at the top, further ones under ``also``."""
    return {
        "protocol": protocol.name,
        "protocol_sha256": protocol.sha256,
        "definitions": {name: metric.definition for name, metric in protocol.metrics.items()} | protocol.set_metrics,
        "model": entry.facts,
        **sections[0],
        "also": sections[1:],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def _write(
    entries: Sequence[Entry],
    scores: dict[str, Any],
    comparisons: list[dict[str, Any]],
    given: argparse.Namespace,
    protocol: Protocol,
) -> None:
    if given.write:
        name = "scores.json" if protocol.name == DEFAULT else f"scores.{protocol.name}.json"
        for entry in entries:
            if isinstance(entry, ModelEntry):
                _write_json(Path(model_folder(entry.source)) / name, scores[entry.name])
    if given.output is not None:
        all_of_it = {"protocol": protocol.name, "entries": scores, "comparisons": comparisons}
        given.output.parent.mkdir(parents=True, exist_ok=True)
        _write_json(given.output, all_of_it)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
