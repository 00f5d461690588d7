"""Blind comparison of two programs' answers to the same photos, by eyes that do not know which is whose.

    python benchmarks/blind.py pairs OUT natural=FOLDER unet=FOLDER [--seed 0]
    python benchmarks/blind.py count OUT.json ANSWERS.txt [ANSWERS.txt ...] [--keep FILE]

``pairs`` writes ``OUT/pair-NN.png``, two answers beside each other in random order, and beside OUT what stands where
(``OUT.json``: not for the judges). A judge writes a line a pair: ``NN left``, ``NN right`` or ``NN same``. ``count``
prints how often each was preferred, for all judges and for each, with Wilson's 95 % interval over answers;
answers of one judge, and to one photo, are not independent, so it is a description, not a test. ``--keep`` writes
the pairs' names and all answers, without pictures, to a file that can be counted again.
"""

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from statsmodels.stats.proportion import proportion_confint

_SIDE, _GAP = 620, 20
SAME = "same"


def make_pairs(out: Path, folders: Mapping[str, Path], seed: int) -> dict[str, dict[str, str]]:
    """Write pairs of the photos that both folders have, in random order. What stands where, by the pair's number."""
    rng = random.Random(seed)
    first, second = ({path.stem: path for path in folder.iterdir()} for folder in folders.values())
    names = sorted(first.keys() & second.keys())
    rng.shuffle(names)
    out.mkdir(parents=True, exist_ok=True)
    key = {}
    for number, name in enumerate(names):
        sides = list(zip(folders, (first[name], second[name]), strict=True))
        rng.shuffle(sides)
        _beside([path for _, path in sides]).save(out / f"pair-{number:02d}.png")
        key[f"{number:02d}"] = {"left": sides[0][0], "right": sides[1][0], "photo": name}
    return key


def _beside(paths: Sequence[Path]) -> Image.Image:
    left, right = (Image.open(path).convert("RGB") for path in paths)
    left.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    right = right.resize(left.size, Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (2 * left.width + _GAP, left.height), "white")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + _GAP, 0))
    return sheet


def read_answers(text: str, key: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Whom a judge preferred, by the pair's number; lines that answer nothing are left out."""
    lines = (line.split() for line in text.splitlines())
    said = {words[0]: words[1] for words in lines if len(words) > 1 and words[0] in key}
    return {number: key[number].get(side, SAME) for number, side in said.items() if side in ("left", "right", SAME)}


def summary(judges: Mapping[str, Mapping[str, str]], names: Sequence[str]) -> list[str]:
    """A line for all judges together, and one for each."""
    everything = {f"{judge} {number}": who for judge, answers in judges.items() for number, who in answers.items()}
    return [_line("all", everything, names), *(_line(judge, answers, names) for judge, answers in judges.items())]


def _line(label: str, answers: Mapping[str, str], names: Sequence[str]) -> str:
    votes = {name: sum(who == name for who in answers.values()) for name in (*names, SAME)}
    total = sum(votes.values())
    low, high = proportion_confint(votes[names[0]], total, method="wilson")
    counts = ", ".join(f"{name} {count}" for name, count in votes.items())
    return f"{label}: {counts}; {names[0]} {votes[names[0]] / total:.0%} [{low:.0%}, {high:.0%}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    pairs = commands.add_parser("pairs")
    pairs.add_argument("out", type=Path)
    pairs.add_argument("answers", nargs=2, metavar="NAME=FOLDER")
    pairs.add_argument("--seed", type=int, default=0)
    count = commands.add_parser("count")
    count.add_argument("key", type=Path)
    count.add_argument("answers", nargs="*", type=Path)
    count.add_argument("--keep", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "pairs":
        folders = {name: Path(folder) for name, folder in (text.split("=", 1) for text in given.answers)}
        record: dict[str, Any] = {"names": list(folders), "pairs": make_pairs(given.out, folders, given.seed)}
        given.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        print(len(record["pairs"]), "pairs")
        return 0
    record = json.loads(given.key.read_text())
    record.setdefault("judges", {}).update(
        {path.stem: read_answers(path.read_text(), record["pairs"]) for path in given.answers}
    )
    print("\n".join(summary(record["judges"], record["names"])))
    if given.keep:
        given.keep.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
