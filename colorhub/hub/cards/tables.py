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
    "blotchiness": ("blotchiness", 2),
    "recognition": ("recognised by Lite1", 3),
}
SET_METRICS = {
    "fid": "FID",
    "kid": "KID",
    "fid_hue_invariant": "FID, chroma scaled to the originals'",
    "kid-lite1": "KID-Lite1, x 1,000",
}
_BASELINES = {"grey": "without colour", "mean_color": "mean colour", "original": "originals"}
_BY_SIZE = ("gain", "colorfulness", "chroma_ratio")
_BY_GREY = ("gain", "colorfulness", "chroma_ratio", "ciede2000")
_ON_CURVE = ("colorfulness", "gain", "kid-lite1", "recognition", "blotchiness")
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
            yield (words, _with_ends(found), *(_plain(beside.get(key)) for key in _BASELINES))


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_ends(found: Mapping[str, Any]) -> str:
    ends = f" [{found['low']:.3f}, {found['high']:.3f}]" if "low" in found else ""
    return f"{found['value']:.3f}{ends}"


def not_computed(section: Mapping[str, Any]) -> list[str]:
    """A line for every figure that could not be computed, with the reason."""
    words = {metric: label for metric, (label, _) in METRICS.items()} | SET_METRICS
    return [f"{words.get(key, key)}: not computed: {why}." for key, why in section.get("not_computed", {}).items()]


def sizes_table(section: Mapping[str, Any]) -> str:
    """Figures at several working sizes, or nothing where only one was measured."""
    found = section.get("working_sizes") or {}
    rows = [(f"{size} px", *(interval(value.get(m), METRICS[m][1]) for m in _BY_SIZE)) for size, value in found.items()]
    return table(("working size", *(METRICS[metric][0] for metric in _BY_SIZE)), rows) if rows else ""


def curve_table(section: Mapping[str, Any]) -> str:
    """Figures with less and more colour, and where the answers are equally colourful; nothing where that was not
    measured."""
    curve = section.get("curve") or {}
    equal = [(f"for colourfulness {at}", point) for at, point in curve.get("at_colorfulness", {}).items()]
    rows = [(f"{point['vividness']:g}", point) for point in curve.get("points", [])] + equal
    shown = [metric for metric in _ON_CURVE if any(point and metric in point for _, point in rows)]
    head = ("vividness", *(METRICS[metric][0] if metric in METRICS else SET_METRICS[metric] for metric in shown))
    lines = [(words, *(_on_curve(point, metric) for metric in shown)) for words, point in rows]
    return table(head, lines) if lines else ""


def _on_curve(point: Value, metric: str) -> str:
    if point is None:
        return "not reached"
    value = point.get(metric) or {}
    return interval({**value, "mean": value.get("mean", value.get("value"))}, METRICS.get(metric, ("", 2))[1])


def recognition(section: Mapping[str, Any]) -> str:
    """How often a network that was trained on colour photographs still knows what is in a picture, as a sentence;
    nothing where that was not measured."""
    found = section.get("recognition")
    if not found:
        return ""
    answer, grey, original = (interval(found[key], 3) for key in ("answer", "grey", "original"))
    return (
        f"EfficientNet-Lite1 names what is in {found['answer']['n']:,} labelled pictures rightly in {answer} of these "
        f"answers, {grey} of the pictures without colour, {original} of the originals; answers over those without "
        f"colour, picture by picture: {_signed(found['over_grey'], 3)}. It may have seen these very pictures in colour "
        "while it was trained."
    )


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
    threads = "1 thread" if timing["threads"] == 1 else f"{timing['threads']} threads"
    return (
        f"{timing['milliseconds_per_picture']:.0f} ms a picture on {timing['device']}, {threads}"
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
    if not found or not found.get("bands"):
        return
    parts = []
    for one, constant in zip(found["bands"], found["one_color"], strict=True):
        if one["chroma_error"]["mean"] is not None:
            low, high = one["lightness"]
            plain = constant["hue_error"]["mean"]
            beside = f" (one colour for all skin: {plain:.1f})" if plain is not None else ""
            parts.append(
                f"L* {low} to {high}: hue off by {interval(one['hue_error'], 1)} degrees{beside}, chroma by "
                f"{_signed(one['chroma_error'])}"
            )
    if parts:
        yield f"Skin-coloured pixels by their lightness: {'; '.join(parts)}."


def _people(found: Value) -> Iterator[str]:
    if found:
        gains = {group: interval(found[group].get("gain"), 2) for group in ("with", "without")}
        yield f"Gain on pictures with people {gains['with']} dB, on scenes without {gains['without']} dB."


def _signed(value: Mapping[str, Any], digits: int = 1) -> str:
    if value["mean"] is None:
        return "-"
    middle, low, high = (f"{value[key]:+.{digits}f}" for key in ("mean", "low", "high"))
    return f"{middle} [{low}, {high}]"
