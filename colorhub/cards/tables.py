"""Figures of ``scores.json`` as Markdown tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# metric -> words, digits
METRICS = {
    "psnr": ("PSNR, dB", 2),
    "gain": ("gain over no colour, dB", 2),
    "ssim": ("SSIM", 3),
    "lpips": ("LPIPS", 3),
    "ciede2000": ("CIEDE2000", 2),
    "colorfulness": ("colourfulness", 1),
    "chroma_ratio": ("chroma ratio", 2),
    "ab_auc": ("ab-AuC", 3),
    "ab_auc_rebalanced": ("ab-AuC, rebalanced", 3),
    "bleeding": ("bleeding over edges", 2),
}
SET_METRICS = {"fid": "FID", "kid": "KID", "fid_hue_invariant": "FID, chroma scaled to the originals'"}
_BASELINES = {"grey": "without colour", "mean_color": "mean colour", "original": "originals"}
_BY_SIZE = ("gain", "colorfulness", "chroma_ratio")
_BY_GREY = ("gain", "colorfulness", "chroma_ratio", "ciede2000")
_GREYS = {"lab": "exact lightness", "luma": "luma (Rec. 601)", "fading": "faded print", "white border": "white border"}

NOT_COMPUTED = "not computed"

Value = Mapping[str, Any] | None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ("---",) * len(head), *rows))


def mean(value: Value, digits: int, missing: str = NOT_COMPUTED) -> str:
    """The mean alone."""
    return missing if not value or value.get("mean") is None else _number(value["mean"], digits)


def interval(value: Value, digits: int) -> str:
    """The mean with its 95 % interval."""
    if not value or value.get("mean") is None:
        return NOT_COMPUTED
    middle, low, high = (_number(value[key], digits) for key in ("mean", "low", "high"))
    return f"{middle} [{low}, {high}]"


def _number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero


def pictures(section: Mapping[str, Any]) -> str:
    """How many pictures of what."""
    data = section["data"]
    return f"{data['pictures']:,} of {data['source']}/{data['split']}"


def metrics_table(section: Mapping[str, Any], name: str) -> str:
    """All metrics of one source: the model beside the answer without colour, the mean colour and the originals."""
    baselines = section.get("baselines", {})
    rows = [
        (
            words,
            interval(section["metrics"][metric], digits),
            *(mean(baselines.get(key, {}).get(metric), digits, missing="-") for key in _BASELINES),
        )
        for metric, (words, digits) in METRICS.items()
        if (section["metrics"].get(metric) or {}).get("mean") is not None
    ]
    return table(("", name, *_BASELINES.values()), [*rows, *_set_rows(section)])


def _set_rows(section: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for metric, words in SET_METRICS.items():
        if found := section.get("set_metrics", {}).get(metric):
            beside = found.get("baselines", {})
            yield (words, f"{found['value']:.3f}", *(_plain(beside.get(key)) for key in _BASELINES))


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def not_computed(section: Mapping[str, Any]) -> list[str]:
    """A line for every figure that could not be computed, with the reason."""
    words = {metric: label for metric, (label, _) in METRICS.items()} | SET_METRICS
    return [f"{words.get(key, key)}: not computed: {why}." for key, why in section.get("not_computed", {}).items()]


def sizes_table(section: Mapping[str, Any]) -> str:
    """Figures at several working sizes, or nothing where only one was measured."""
    found = section.get("working_sizes") or {}
    rows = [(f"{size} px", *(interval(value.get(m), METRICS[m][1]) for m in _BY_SIZE)) for size, value in found.items()]
    return table(("working size", *(METRICS[metric][0] for metric in _BY_SIZE)), rows) if rows else ""


def robustness_table(section: Mapping[str, Any]) -> str:
    """Figures where the grey was made otherwise, or nothing where that was not measured."""
    variants = (section.get("robustness") or {}).get("variants", {})
    rows = [
        (_GREYS.get(variant, variant), *(interval(found.get(metric), METRICS[metric][1]) for metric in _BY_GREY))
        for variant, found in variants.items()
    ]
    return table(("grey", *(METRICS[metric][0] for metric in _BY_GREY)), rows) if rows else ""


def speed(section: Mapping[str, Any]) -> str:
    """How long a picture took and how much memory, or nothing where that was not measured."""
    timing = section.get("timing")
    if not timing:
        return ""
    memory = timing.get("peak_memory_mb")
    return (
        f"{timing['milliseconds_per_picture']:.0f} ms a picture on {timing['device']}, {timing['threads']} threads"
        f"{f'; {memory:.0f} MB of memory for weights and picture' if memory else ''}."
    )


def failures(section: Mapping[str, Any]) -> list[str]:
    """Measured failures as sentences."""
    found = section.get("failures") or {}
    return [*_collapse(found.get("grey_collapse")), *_skin(found.get("skin")), *_people(found.get("people"))]


def _collapse(found: Value) -> Iterator[str]:
    if found and (rate := found["rate"])["mean"] is not None:
        low, high = (f"{100 * rate[key]:.1f}" for key in ("low", "high"))
        yield f"{100 * rate['mean']:.1f} % [{low}, {high}] of answers are nearly grey ({found['definition']})."


def _skin(found: Value) -> Iterator[str]:
    if found and found.get("tertiles"):
        parts = [
            f"{one['name']} {_signed(one['a_error'])} a*, {_signed(one['b_error'])} b*" for one in found["tertiles"]
        ]
        yield f"Signed error on skin-coloured pixels, by lightness: {'; '.join(parts)}."


def _people(found: Value) -> Iterator[str]:
    if found:
        gains = {group: interval(found[group].get("gain"), 2) for group in ("with", "without")}
        yield f"Gain on pictures with people {gains['with']} dB, on scenes without {gains['without']} dB."


def _signed(value: Mapping[str, Any]) -> str:
    return "-" if value["mean"] is None else f"{value['mean']:+.1f} [{value['low']:+.1f}, {value['high']:+.1f}]"
