"""Plots of a report as SVG: each claim's difference with its interval."""

from collections.abc import Sequence
from html import escape

from colorhub._svg import label
from training.reproduce.inference import Row, Verdict

_WIDTH, _LEFT, _RIGHT, _ROW = 640, 20, 620, 46
_STYLE = (
    ".ground{fill:#fff}.ink{fill:#1c2024}.quiet{fill:#515a66}.grid{stroke:#aab3bf;stroke-dasharray:5 4}"
    ".holds{fill:#1b7f3b;stroke:#1b7f3b}.fails{fill:#b3261e;stroke:#b3261e}.open{fill:#515a66;stroke:#515a66}"
    "text{font:14px system-ui,sans-serif}"
)
_CLASS = {Verdict.HOLDS: "holds", Verdict.FAILS: "fails"}


def forest(title: str, rows: Sequence[Row]) -> str:
    """Every contrast of every tested claim: the difference in units of half its interval's width from zero, on a scale
    of its own, so that different units fit into one plot; words beside it give the figures."""
    lines = [
        (row, pair, one)
        for row in rows
        for pair, one in zip(row.claim.contrasts, row.differences, strict=False)
        if one.error > 0
    ]
    height = 40 + _ROW * max(len(lines), 1)
    middle = (_LEFT + _RIGHT) / 2
    parts = [f'<path class="grid" d="M{middle} 30V{height - 6}"/>', label(_LEFT, 18, title, "ink")]
    for number, (row, (first, second), one) in enumerate(lines):
        y = 48 + _ROW * number
        low, high = one.interval
        reach = max(abs(low), abs(high))
        x, left, right = (middle + value / reach * (_RIGHT - middle) for value in (one.mean, low, high))
        kind = _CLASS.get(row.verdict, "open")
        words = f"{first} - {second}, {row.claim.metric}: {one.mean:+.3g} [{low:+.3g}, {high:+.3g}]"
        parts.append(label(_LEFT, y, words, "ink"))
        parts.append(f'<path class="{kind}" stroke-width="2" d="M{left:.1f} {y + 14}H{right:.1f}"/>')
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y + 14}" r="5"/>')
    box = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box}><title>{escape(title)}</title>'
        f'<style>{_STYLE}</style><rect class="ground" width="100%" height="100%"/>{"".join(parts)}</svg>\n'
    )
