"""Plots of a board as inline SVG: drawn in the page's own type and colours, without a library to load."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from colorhub._svg import round_step
from colorhub.space.models.scores import Board, Figure, Row

COLORS = 8  # of series in models.css, each with a shape of its own; then they come again with other shapes
_WIDTH, _HEIGHT = 380, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 14, 44
_ROW, _NAMES = 15, 126  # of the robustness plot: pixels a model, and for the variants' names
_SHAPES = (
    "M-5,0A5,5 0 1 0 5,0A5,5 0 1 0 -5,0Z",
    "M-4.4,-4.4H4.4V4.4H-4.4Z",
    "M0,-5.6L5.4,4.2H-5.4Z",
    "M0,-6L5,0L0,6L-5,0Z",
    "M0,5.6L5.4,-4.2H-5.4Z",
    "M-1.8,-5.4H1.8V-1.8H5.4V1.8H1.8V5.4H-1.8V1.8H-5.4V-1.8H-1.8Z",
    "M0,-5.8L5.5,-1.8L3.4,4.7H-3.4L-5.5,-1.8Z",
    "M-5,-3L0,-6L5,-3V3L0,6L-5,3Z",
)


@dataclass(frozen=True)
class Axis:
    """A scale from data to pixels, with its ticks. ``log``: equal steps are equal factors."""

    title: str
    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixels of a value."""
        low, high, value = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values from low to high."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            return [m * 10.0**p for p in powers for m in (1, 2, 5) if self.low <= m * 10.0**p <= self.high]
        step = round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Point:
    """A model's place in a plot. ``text``: what it says when pointed at."""

    series: int
    name: str
    x: Figure
    y: Figure
    text: str


def plots(board: Board) -> str:
    """The legend and every plot that the board has figures for; empty where it has too few for any."""
    series = {row.model: number for number, row in enumerate(board.rows)}
    kinds = (_speed, _colors, _robustness, _gain_curves, _distance_curves, _recognition_curves)
    drawn = [plot for draw in kinds if (plot := draw(board, series))]
    return f'{_legend(board, series)}<div class="plots">{"".join(drawn)}</div>' if drawn else ""


def _speed(board: Board, series: dict[str, int]) -> str:
    points = [
        Point(
            series[row.model], row.model, Figure(row.milliseconds), gain, f"{row.milliseconds:.0f} ms, {_in_db(gain)}"
        )
        for row, gain in _with(board.rows, "gain")
        if row.milliseconds
    ]
    devices = sorted({row.device for row in board.rows if row.milliseconds and row.device})
    if not points:
        return ""
    x = _x_axis(f"Time a picture, ms ({'; '.join(devices)})" if devices else "Time a picture, ms", points, log=True)
    y = _y_axis("Gain over grey, dB", points)
    return _figure("Quality against speed", "Further up is better, further left is faster.", _scatter(x, y, points))


def _colors(board: Board, series: dict[str, int]) -> str:
    points = [
        Point(series[row.model], row.model, gain, row.figures["colorfulness"], _both(gain, row.figures["colorfulness"]))
        for row, gain in _with(board.rows, "gain")
        if "colorfulness" in row.figures
    ]
    if not points:
        return ""
    originals = board.originals_colorfulness
    marks = [originals.mean] if originals else []
    x, y = _x_axis("Gain over grey, dB", points), _y_axis("Colourfulness", points, [0.0, *marks])
    line = _mark(y, originals.mean, f"the originals: {originals.mean:.1f}") if originals else ""
    return _figure(
        "Colourfulness against gain",
        "Further right is nearer to the true colours; the line is how colourful the originals are.",
        _scatter(x, y, points, line),
    )


def _robustness(board: Board, series: dict[str, int]) -> str:
    rows = [row for row in board.rows if row.robustness]
    variants = list(dict.fromkeys(name for row in rows for name in row.robustness))
    if not variants:
        return ""
    band = _ROW * len(rows) + 12
    bottom = _TOP + band * len(variants)
    figures = [figure for row in rows for figure in row.robustness.values()]
    low, high = _span([*_ends(figures), 0.0])
    x = Axis("Gain over grey, dB", low, high, _NAMES, _WIDTH - _RIGHT)
    parts = [_x_grid(x, _TOP, bottom)]
    for number, variant in enumerate(variants):
        top = _TOP + number * band
        parts.append(
            f'<text class="tick" x="{_NAMES - 8}" y="{top + band / 2 + 4}" text-anchor="end">{escape(variant)}</text>'
        )
        parts += [f'<line class="band" x1="0" x2="{_WIDTH}" y1="{top}" y2="{top}"/>'] if number else []
        for place, row in enumerate(rows):
            if (gain := row.robustness.get(variant)) is not None:
                y = top + 6 + _ROW * (place + 0.5)
                parts.append(
                    _dot(
                        series[row.model],
                        x(gain.mean),
                        y,
                        f"{row.model}, {variant}: {_in_db(gain)}",
                        x=_ends_on(x, gain),
                    )
                )
    return _figure(
        "Robustness to how the grey was made",
        "The same pictures, made grey in other ways than by their own lightness (lab).",
        _svg("".join(parts), bottom + _BOTTOM),
    )


def _gain_curves(board: Board, series: dict[str, int]) -> str:
    words = "Each model with less and with more vividness: further up is better at equal colourfulness."
    return _curves(board, series, "gain", "Gain over grey, dB", "Gain at every colourfulness", words)


def _distance_curves(board: Board, series: dict[str, int]) -> str:
    words = "How far the set of answers is from the originals in the eyes of a network: further down is better."
    return _curves(board, series, "kid-lite1", "KID-Lite1, \N{MULTIPLICATION SIGN} 1,000", "Believability", words)


def _recognition_curves(board: Board, series: dict[str, int]) -> str:
    words = "Part of the pictures whose content a network names rightly: further up is better."
    return _curves(board, series, "recognition", "Recognised by Lite1", "Recognition", words)


def _curves(board: Board, series: dict[str, int], metric: str, label: str, title: str, words: str) -> str:
    """A metric against colourfulness, a line a model; the models' names are in the legend."""
    lines = {row.model: _line_of(row, series[row.model], metric) for row in board.rows}
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    x = _x_axis("Colourfulness", [replace(point, x=Figure(point.x.mean)) for point in points])
    y = _y_axis(label, points)
    parts = [_x_grid(x, _TOP, _HEIGHT - _BOTTOM), _y_grid(y)]
    for line in filter(None, lines.values()):
        places = [(x(point.x.mean), y(point.y.mean)) for point in line]
        path = "L".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(f'<path class="line series-{line[0].series % COLORS}" d="M{path}"/>')
        parts += [
            _dot(point.series, *place, f"{point.name}: {point.text}", y=_ends_on(y, point.y))
            for point, place in zip(line, places, strict=True)
        ]
    return _figure(title, words, _svg("".join(parts), _HEIGHT))


def _line_of(row: Row, series: int, metric: str) -> list[Point]:
    found = [(point["colorfulness"], point[metric]) for point in row.curve if {"colorfulness", metric} <= {*point}]
    words = [f"{value.mean:.2f}{_interval(value, 2)} at colourfulness {along.mean:.1f}" for along, value in found]
    return [Point(series, row.model, *pair, text) for pair, text in zip(found, words, strict=True)]


# Parts of a plot.


def _scatter(x: Axis, y: Axis, points: Sequence[Point], below: str = "") -> str:
    parts = [_x_grid(x, _TOP, _HEIGHT - _BOTTOM), _y_grid(y), below]
    taken = [(x(point.x.mean), y(point.y.mean)) for point in points]
    boxes: list[tuple[float, float, float, float]] = [(px - 6, py - 6, px + 6, py + 6) for px, py in taken]
    for point, (px, py) in zip(points, taken, strict=True):
        text = f"{point.name}: {point.text}"
        parts.append(_dot(point.series, px, py, text, _ends_on(x, point.x), _ends_on(y, point.y)))
    for point, (px, py) in zip(points, taken, strict=True):
        parts.append(_label(point.name, px, py, boxes))
    return _svg("".join(parts), _HEIGHT)


def _dot(
    series: int,
    px: float,
    py: float,
    text: str,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
) -> str:
    whiskers = f'<path class="whisker" d="M{x[0]:.1f},{py:.1f}H{x[1]:.1f}"/>' if x else ""
    whiskers += f'<path class="whisker" d="M{px:.1f},{y[0]:.1f}V{y[1]:.1f}"/>' if y else ""
    shape = f'<path class="dot" transform="translate({px:.1f} {py:.1f})" d="{_shape(series)}"/>'
    return f'<g class="series-{series % COLORS}"><title>{escape(text)}</title>{whiskers}{shape}</g>'


def _shape(series: int) -> str:
    return _SHAPES[(series + 3 * (series // COLORS)) % len(_SHAPES)]


def _label(name: str, px: float, py: float, boxes: list[tuple[float, float, float, float]]) -> str:
    """The name beside its point, where there is room; the legend names it in any case."""
    width = 6.6 * len(name)
    for left, top in ((px + 9, py - 14), (px - 9 - width, py - 14), (px + 9, py + 2), (px - 9 - width, py + 2)):
        box = (left, top, left + width, top + 13)
        inside = left >= _LEFT and box[2] <= _WIDTH and top >= 0 and box[3] <= _HEIGHT - _BOTTOM
        if inside and not any(_overlap(box, other) for other in boxes):
            boxes.append(box)
            return f'<text class="label" x="{left:.1f}" y="{top + 10.5:.1f}">{escape(name)}</text>'
    return ""


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _x_grid(axis: Axis, top: float, bottom: float) -> str:
    lines = [
        f'<line class="grid" x1="{axis(tick):.1f}" x2="{axis(tick):.1f}" y1="{top}" y2="{bottom}"/>'
        f'<text class="tick" x="{axis(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{_round(tick)}</text>'
        for tick in axis.ticks
    ]
    middle = (axis.start + axis.end) / 2
    place = f'x="{middle}" y="{bottom + 36}" text-anchor="middle"'
    return f'{"".join(lines)}<text class="axis" {place}>{escape(axis.title)}</text>'


def _y_grid(axis: Axis) -> str:
    lines = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{axis(tick):.1f}" y2="{axis(tick):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{axis(tick) + 4:.1f}" text-anchor="end">{_round(tick)}</text>'
        for tick in axis.ticks
    ]
    middle = (axis.start + axis.end) / 2
    place = f'transform="translate(12 {middle}) rotate(-90)" text-anchor="middle"'
    return f'{"".join(lines)}<text class="axis" {place}>{escape(axis.title)}</text>'


def _mark(axis: Axis, value: float, words: str) -> str:
    y = axis(value)
    return (
        f'<line class="mark" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="label" x="{_LEFT + 4}" y="{y - 5:.1f}">{escape(words)}</text>'
    )


def _legend(board: Board, series: dict[str, int]) -> str:
    keys = "".join(
        f'<li class="series-{series[row.model] % COLORS}"><svg viewBox="-8 -8 16 16" aria-hidden="true">'
        f'<path class="dot" d="{_shape(series[row.model])}"/></svg>{escape(row.model)}</li>'
        for row in board.rows
    )
    return f'<ul class="legend">{keys}</ul>'


def _figure(title: str, words: str, drawing: str) -> str:
    named = drawing.replace(
        "<svg ", f'<svg role="img" aria-label="{escape(title)}: the figures stand in the table" ', 1
    )
    return f'<figure class="plot"><figcaption><b>{title}</b><span>{words}</span></figcaption>{named}</figure>'


def _svg(inside: str, height: float) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}">{inside}</svg>'


# Scales.


def _x_axis(title: str, points: Sequence[Point], log: bool = False) -> Axis:
    values = list(_ends(point.x for point in points))
    if log:
        return Axis(title, min(values) / 1.7, max(values) * 1.7, _LEFT, _WIDTH - _RIGHT, log=True)
    return Axis(title, *_span(values), _LEFT, _WIDTH - _RIGHT)


def _y_axis(title: str, points: Sequence[Point], also: Iterable[float] = ()) -> Axis:
    return Axis(title, *_span([*_ends(point.y for point in points), *also]), _HEIGHT - _BOTTOM, _TOP)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """From below the smallest to above the largest, never of no length."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or max(0.5, 0.1 * abs(high))
    return low - (room if low else 0.0), high + room


def _ends(figures: Iterable[Figure]) -> Iterator[float]:
    for figure in figures:
        yield from (value for value in (figure.mean, figure.low, figure.high) if value is not None)


def _ends_on(axis: Axis, figure: Figure) -> tuple[float, float] | None:
    return None if figure.low is None or figure.high is None else (axis(figure.low), axis(figure.high))


def _round(value: float) -> str:
    return f"{round(value, 6):g}".replace("-", "\N{MINUS SIGN}")


# Words.


def _with(rows: Sequence[Row], metric: str) -> Iterator[tuple[Row, Figure]]:
    return ((row, row.figures[metric]) for row in rows if metric in row.figures)


def _in_db(gain: Figure) -> str:
    return f"{gain.mean:.2f} dB{_interval(gain, 2)}"


def _both(gain: Figure, colorfulness: Figure) -> str:
    return f"{_in_db(gain)}; colourfulness {colorfulness.mean:.1f}{_interval(colorfulness, 1)}"


def _interval(figure: Figure, digits: int) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"
