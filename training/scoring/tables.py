"""Scores as lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colorhub._text import listed
from training.scoring.compare import ranks
from training.scoring.protocol import Protocol

_BASELINES = {"grey": "(no colour)", "mean_color": "(mean colour)", "original": "(originals)"}
_WIDTH = 22


def table(
    sections: Mapping[str, dict[str, Any]], protocol: Protocol, rows: Mapping[str, Sequence[Any]]
) -> Iterator[str]:
    """One source's figures of all entries. ``rows``: the comparisons of :func:`~training.scoring.compare.compare`."""
    first = next(iter(sections.values()))
    data = first["data"]
    yield f"{data['source']}/{data['split']}, {data['pictures']} pictures, protocol {protocol.name}"
    if (wanted := data["protocol_pictures"]) and data["pictures"] < wanted:
        yield f"  ONLY A PART: the protocol asks for {wanted:,} pictures; these figures stand for no published ones"
    yield from _left_out(data)
    for metric, described in protocol.metrics.items():
        if metric in first["not_computed"]:
            continue
        better = described.better
        placed = ranks(rows[metric], better) if better != "none" and rows.get(metric) else {}
        yield f"  {metric}" + (f" ({better} is better)" if better != "none" else "")
        for name, section in sections.items():
            yield _line(name, section["metrics"][metric], placed.get(name))
        for name, words in _BASELINES.items():
            yield _line(words, first["baselines"][name][metric], None)
    yield from _sets(sections)
    yield from (f"  {metric}: not computed: {reason}" for metric, reason in first["not_computed"].items())
    for name, section in sections.items():
        yield from _details(name, section)
    if len(sections) > 1:
        yield (
            "  A rank is one more than the number of entries that are better by a paired test with Holm's correction "
            "(p < 0.05): entries of equal rank cannot be told apart on these pictures."
        )


def _left_out(data: Mapping[str, Any]) -> Iterator[str]:
    for key, words in (("grey", "grey pictures skipped"), ("broken", "broken pictures skipped")):
        if data[key]:
            yield f"  {len(data[key])} {words}: {listed(data[key])}"
    if found := data.get("duplicates"):
        near = f": {listed([one['name'] for one in found['pictures']])}" if found["pictures"] else ""
        yield f"  {found['count']} nearly in the training data {', '.join(found['train_data'])}{near}"


def _line(name: str, value: Mapping[str, Any], rank: int | None) -> str:
    if value["mean"] is None:
        return f"    {name:{_WIDTH}s} not computed: no picture has a finite value"
    placed = "" if rank is None else f"  rank {rank}"
    return f"    {name:{_WIDTH}s} {value['mean']:9.3f}  [{value['low']:.3f}, {value['high']:.3f}]{placed}"


def _sets(sections: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    for metric in next(iter(sections.values()))["set_metrics"]:
        for name, section in sections.items():
            if value := section["set_metrics"][metric]:
                interval = f"  [{value['low']:.4f}, {value['high']:.4f}]" if "low" in value else ""
                yield f"  {metric} {name}: {value['value']:.4f}{interval}"


def _details(name: str, section: Mapping[str, Any]) -> Iterator[str]:
    for key, files in section.get("predictions", {}).items():
        if files:
            yield f"  {name}: {len(files)} {key}: {listed(files)}"
    if section["robustness"]:
        for variant, found in section["robustness"]["variants"].items():
            yield f"  {name}, grey by {variant}: {_means(found)}"
    if curve := section.get("curve"):
        for at, found in curve["at_colorfulness"].items():
            words = _means(_compared(found)) if found else "its curve does not reach"
            yield f"  {name} at colourfulness {at}: {words}"
    for size, found in section.get("working_sizes", {}).items():
        yield f"  {name} at {size} pixels: {_means(found)}"
    if failed := section["failures"]:
        rate = failed["grey_collapse"]["rate"]["mean"]
        yield f"  {name}: " + (
            "no collapse rate" if rate is None else f"{100 * rate:.1f} % of answers collapsed to grey"
        )
    if timing := section.get("timing"):
        memory = timing["peak_memory_mb"]
        yield f"  {name}: {timing['milliseconds_per_picture']:.1f} ms a picture" + (f", {memory} MB" if memory else "")


def _compared(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point of a curve without what it is placed by."""
    values = {key: value for key, value in point.items() if isinstance(value, Mapping) and key != "colorfulness"}
    return {key: {"mean": value["value"]} if "value" in value else value for key, value in values.items()}


def _means(found: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {'-' if value['mean'] is None else format(value['mean'], '.3f')}" for key, value in found.items()
    )
