"""The report's plots as SVG: light and dark by themselves, one ink for words, one for data, a text for screen readers.

Rows have their label above them, not beside: so they can be read on a phone.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from colorhub._svg import label, round_step

WIDTH = 440
LEFT, RIGHT = 16, 424
_ROW = 52
_STYLE = (
    ".p-ground{fill:#fff}.p-ink{fill:#1c2024}.p-quiet{fill:#515a66}.p-line{stroke:#515a66;fill:none}"
    ".p-grid{stroke:#d5dae1}.p-data{fill:#0b5cad;stroke:#0b5cad}.p-soft{fill:#a9cbee;stroke:#0b5cad}"
    "@media(prefers-color-scheme:dark){.p-ground{fill:#14171b}.p-ink{fill:#e7eaee}.p-quiet{fill:#a9b2be}"
    ".p-line{stroke:#a9b2be}.p-grid{stroke:#343b45}.p-data{fill:#6cb2ff;stroke:#6cb2ff}"
    ".p-soft{fill:#1f4469;stroke:#6cb2ff}}"
    "text{font:15px system-ui,sans-serif}"
)


@dataclass(frozen=True)
class Interval:
    """One row of :func:`intervals`: percent, ends may be not-a-number where there is no interval."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Times:
    """One row of :func:`spans`: the 10th, 25th, 50th, 75th and 90th percentile."""

    label: str
    percentiles: tuple[float, ...]


def intervals(title: str, rows: Sequence[Interval], reference: float | None, reference_label: str) -> str:
    """Points with intervals on a scale of 0 to 100 %, and a dashed line at a reference."""
    parts, said, height = [], [], 40 + _ROW * len(rows)
    parts += _scale(range(0, 101, 20), 100, height, "%")
    if reference is not None:
        x = _at(reference, 100)
        parts.append(f'<path class="p-line" stroke-dasharray="5 4" d="M{x} 24V{height - 24}"/>')
        parts.append(label(min(max(x, 70), WIDTH - 70), 18, reference_label, "p-quiet", "middle"))
    for number, row in enumerate(rows):
        top = 44 + _ROW * number
        y = top + 18
        ends = "" if np.isnan(row.low) else f" ({row.low:.1f} to {row.high:.1f})"
        said.append(f"{row.label}: {row.value:.1f} %{ends}")
        parts.append(label(LEFT, top, said[-1], "p-ink"))
        if ends:
            low, high = _at(row.low, 100), _at(row.high, 100)
            parts.append(
                f'<path class="p-data" stroke-width="3" d="M{low} {y}H{high}M{low} {y - 6}v12M{high} {y - 6}v12"/>'
            )
        parts.append(f'<circle class="p-data" cx="{_at(row.value, 100)}" cy="{y}" r="6"/>')
    return _svg(title, "; ".join(said), height, parts)


def histograms(title: str, rows: Sequence[tuple[str, Sequence[float]]], bins: int = 10) -> str:
    """For each row, how many images lie in each tenth of 0 to 100 %."""
    row_height, parts, said = 96, [], []
    height = 40 + row_height * len(rows)
    parts += _scale(range(0, 101, 20), 100, height, "%")
    for number, (name, values) in enumerate(rows):
        counts = np.histogram(values, bins=bins, range=(0, 100))[0]
        base = 30 + row_height * (number + 1) - 12
        most = max(int(counts.max()), 1)
        parts.append(label(LEFT, base - 66, f"{name}: {len(values)} images, at most {most} in a bar", "p-ink"))
        for bar, count in enumerate(counts):
            left, right = _at(100 * bar / bins, 100) + 1, _at(100 * (bar + 1) / bins, 100) - 1
            tall = round(56 * count / most, 1)
            if count:
                parts.append(
                    f'<rect class="p-soft" x="{left}" y="{base - tall}" width="{right - left:.1f}" height="{tall}"/>'
                )
        parts.append(f'<path class="p-line" d="M{LEFT} {base}H{RIGHT}"/>')
        said.append(f"{name}: {', '.join(f'{count} images' for count in counts)} in tenths from 0 to 100 %")
    return _svg(title, "; ".join(said), height, parts)


def spans(title: str, rows: Sequence[Times], unit: str) -> str:
    """For each row a line from 10th to 90th percentile, a box over the middle half and a mark at the median."""
    most = max((row.percentiles[-1] for row in rows), default=1.0) or 1.0
    step = round_step(most / 5)
    most = step * int(np.ceil(most / step))
    height = 30 + _ROW * len(rows) + 14
    parts = _scale(np.arange(0, most + step / 2, step), most, height, unit)
    for number, row in enumerate(rows):
        top = 24 + _ROW * number
        y = top + 20
        low, quarter, middle, upper, high = (_at(value, most) for value in row.percentiles)
        parts.append(label(LEFT, top, f"{row.label}: median {row.percentiles[2]:.1f} {unit}", "p-ink"))
        parts.append(f'<path class="p-line" d="M{low} {y}H{high}"/>')
        parts.append(f'<rect class="p-soft" x="{quarter}" y="{y - 8}" width="{upper - quarter:.1f}" height="16"/>')
        parts.append(f'<path class="p-data" stroke-width="3" d="M{middle} {y - 10}v20"/>')
    said = "; ".join(
        f"{row.label}: middle half {row.percentiles[1]:.1f} to {row.percentiles[3]:.1f} {unit}, "
        f"median {row.percentiles[2]:.1f}"
        for row in rows
    )
    return _svg(title, said, height, parts)


def flow(title: str, boxes: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Boxes from top to bottom, each with what left before the next one: ``(text, [what left, ...])``."""
    parts, y = [], 14
    for number, (text, left) in enumerate(boxes):
        parts.append(f'<rect class="p-soft" x="{LEFT}" y="{y}" width="{RIGHT - LEFT}" height="38" rx="6"/>')
        parts.append(label(LEFT + 14, y + 25, text, "p-ink"))
        y += 38
        if number < len(boxes) - 1:
            gap = max(26, 24 * len(left) + 14)
            parts.append(f'<path class="p-line" d="M40 {y}v{gap - 2}m-5 -7l5 7l5 -7"/>')
            parts += [label(62, y + 24 + 24 * line, note, "p-quiet") for line, note in enumerate(left)]
            y += gap
    said = "; ".join(" less ".join([text, *left]) for text, left in boxes)
    return _svg(title, said, y + 14, parts)


def _svg(title: str, said: str, height: int, parts: Sequence[str]) -> str:
    key = "".join(character for character in title.lower() if character.isalnum())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-labelledby="{key}-t {key}-d" style="max-width:100%;height:auto"><style>{_STYLE}</style>'
        f'<title id="{key}-t">{html.escape(title)}</title><desc id="{key}-d">{html.escape(said)}</desc>'
        f'<rect class="p-ground" width="{WIDTH}" height="{height}"/>' + "".join(parts) + "</svg>"
    )


def _scale(ticks: Iterable[float], most: float, height: int, unit: str) -> list[str]:
    parts = []
    for tick in ticks:
        x = _at(tick, most)
        parts.append(f'<path class="p-grid" d="M{x} 24V{height - 24}"/>')
        anchor = "start" if tick == 0 else "end" if tick >= 0.99 * most else "middle"
        parts.append(label(x, height - 6, f"{tick:g} {unit}", "p-quiet", anchor))
    return parts


def _at(value: float, most: float) -> float:
    return round(float(LEFT + (RIGHT - LEFT) * min(max(value / most, 0), 1)), 1)
