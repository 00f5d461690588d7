"""Write README.md's table of scores and the cards of all bundled models: ``python -m training.readme [--check]``."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from colorhub.hub.cards import card_documents
from colorhub.hub.cards.tables import interval, mean, pictures, table
from colorhub.hub.loading import words_of
from colorhub.settings import DEFAULT_MODEL
from training.scoring.protocol import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- models -->", "<!-- /models -->"
_HEAD = (
    "model",
    "file",
    "crops trained on",
    "scored on",
    "PSNR, dB",
    "gain, dB",
    "colourfulness (originals)",
    "chroma ratio",
    "ab-AuC",
    "ab-AuC rebalanced",
    "time a picture",
)


_SHORT_HEAD = ("model", "what it is", "file", "gain, dB", "colourfulness (originals)")


def models_table(root: Path = ROOT) -> str:
    """The table as Markdown: a row for every model under ``model_cards``, on the first set of pictures it is scored on,
    and what all are held against. Figures of different protocols never share a table."""
    return _tables(root, _HEAD, _row, _baselines)


def short_table(root: Path = ROOT) -> str:
    """README.md's: what each model is, how good and how colourful; the default first, models of reports last."""
    return _tables(root, _SHORT_HEAD, _short_row)


def _tables(
    root: Path,
    head: Sequence[str],
    row: Callable[[Path], tuple[str, ...]],
    below: Callable[[Path, str], list[tuple[str, ...]]] | None = None,
) -> str:
    """A table for every protocol."""
    tables: dict[str, list[tuple[str, ...]]] = {}
    for folder in sorted(model_folders(root), key=_rank):
        tables.setdefault(_protocol(folder), []).append(row(folder))
    if below:
        for name, rows in tables.items():
            rows += below(root, name)
    if len(tables) == 1:
        return table(head, *tables.values())
    parts = (f"Protocol `{name}`:\n\n{table(head, rows)}" for name, rows in tables.items())
    return "\n\n".join(parts) or "No weights are bundled."


def _rank(folder: Path) -> tuple[bool, str, str]:
    return folder.name != DEFAULT_MODEL, words_of(folder, "group"), folder.name


def model_folders(root: Path = ROOT) -> list[Path]:
    """The folders of all bundled weights."""
    return sorted(path.parent for path in (root / "model_cards").glob("*/model.safetensors"))


def documents(root: Path = ROOT) -> dict[Path, str]:
    """Every file that is written from the models' files, and its text as it should be."""
    readme = root / "README.md"
    wanted = {readme: with_table(readme.read_text(encoding="utf-8"), short_table(root))}
    for folder in model_folders(root):
        wanted |= card_documents(folder)
    return wanted


def with_table(text: str, table: str) -> str:
    """``text`` with ``table`` between the markers. Raises ``ValueError`` where it does not hold each once, in order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(
            f"A README must hold {BEGIN} and after it {END}, once each: the tables of scores go between them."
        )
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _protocol(folder: Path) -> str:
    return _read(folder / "scores.json").get("protocol", DEFAULT)


def _row(folder: Path) -> tuple[str, ...]:
    size = (folder / "model.safetensors").stat().st_size
    stages = _read(folder / "training.json").get("stages", [])
    seen = f"{sum(stage['pictures'] for stage in stages):,}" if stages else "not said"
    start = (folder.name, f"{size / 1e6:.1f} MB", seen)
    scores = _read(folder / "scores.json")
    return (*start, *_figures(scores)) if scores else (*start, "not scored", *[""] * (len(_HEAD) - 4))


def _short_row(folder: Path) -> tuple[str, ...]:
    size = (folder / "model.safetensors").stat().st_size
    scores = _read(folder / "scores.json")
    start = (f"`{folder.name}`", words_of(folder, "summary"), f"{size / 1e6:.1f} MB")
    if not scores:
        return (*start, "not scored", "")
    return (*start, interval(scores["metrics"]["gain"], 2), _colorfulness(scores))


def _colorfulness(section: dict[str, Any]) -> str:
    original = section["baselines"]["original"]["colorfulness"]["mean"]
    return f"{interval(section['metrics']['colorfulness'], 1)} ({original:.1f})"


def _baselines(root: Path, protocol: str) -> list[tuple[str, ...]]:
    """What every model is held against, from the first scored folder: the same for all on the same pictures."""
    scored = (folder for folder in model_folders(root) if _protocol(folder) == protocol)
    section = next(filter(None, (_read(folder / "scores.json") for folder in scored)), None)
    if section is None:
        return []
    words = {"grey": "*without colour*", "mean_color": "*mean colour everywhere*"}
    found = section["baselines"]
    return [
        (words[name], "", "", *_figures({**section, "metrics": found[name], "timing": None}))
        for name in words
        if name in found
    ]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _figures(section: dict[str, Any]) -> tuple[str, ...]:
    metrics, timing = section["metrics"], section["timing"]
    speed = (
        f"{timing['milliseconds_per_picture']:.0f} ms, {timing['device']}, {timing['threads']} threads"
        if timing
        else ""
    )
    return (
        pictures(section),
        mean(metrics["psnr"], 2),
        interval(metrics["gain"], 2),
        _colorfulness(section),
        interval(metrics["chroma_ratio"], 2),
        mean(metrics["ab_auc"], 3),
        mean(metrics["ab_auc_rebalanced"], 3),
        speed,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. With ``--check`` nothing is written, and the exit code is 1 where a file is out of date."""
    parser = argparse.ArgumentParser(prog="python -m training.readme", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only tell whether they are up to date")
    given = parser.parse_args(arguments)
    try:
        wanted = documents()
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if given.check and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        print(f"Out of date: {names}. Run: python -m training.readme", file=sys.stderr)
        return 1
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
