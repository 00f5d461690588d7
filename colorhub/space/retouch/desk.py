"""The desk of the tab Retouch as HTML: the picture with its markers, and the colours beside it. retouch.js moves it."""

from html import escape

PALETTE = {
    "People": {
        "light skin": "#e3b99a",
        "medium skin": "#c18a66",
        "dark skin": "#7b4b34",
        "lips": "#b3565a",
        "blond hair": "#c6a368",
        "red hair": "#9c5230",
        "brown hair": "#5e3d2a",
        "blue eyes": "#6a8ea8",
    },
    "Nature": {
        "sky": "#86b4d9",
        "deep water": "#2f6079",
        "grass": "#73993f",
        "foliage": "#45693a",
        "straw": "#cdb164",
        "earth": "#7d5d40",
        "sandstone": "#c4a884",
        "stone": "#8f8b85",
    },
    "Things": {
        "brick": "#a4523e",
        "wood": "#8f6238",
        "denim": "#48658c",
        "uniform green": "#6d6b45",
        "cream": "#ecdfc0",
        "crimson": "#a32a3d",
        "mustard": "#c6982f",
        "plum": "#70446a",
    },
}
_START = "#b4553f"
INTRO = (
    '<p class="hint" id="retouch-intro">Say which colour a thing has: click on it, pick the colour, and see it spread '
    "to the edges of the thing. What you do not touch stays as the model coloured it.</p>"
)

_KEYS = """
<details class="retouch-keys"><summary>Keys</summary><dl>
<dt>Arrows</dt><dd>move the cross over the picture, or a hint that has the focus; with shift by little</dd>
<dt>Enter</dt><dd>chooses the place; once more gives it the last colour</dd>
<dt>1 to 9</dt><dd>take a suggested colour</dd>
<dt>Tab</dt><dd>goes from hint to hint</dd>
<dt>Delete</dt><dd>removes the hint</dd>
<dt>Escape</dt><dd>lets go of the place, the hint or the colour</dd>
<dt>Ctrl Z, Ctrl Y</dt><dd>undo, redo</dd></dl></details>
"""


def stage() -> str:
    """The picture."""
    label = "The photo in colour. Arrow keys move a cross over it, Enter chooses the place for a colour."
    return (
        '<div id="retouch-stage"><div class="mat">'
        f'<div id="retouch-picture" tabindex="0" role="application" aria-label="{label}">'
        '<img alt="" draggable="false"><span id="retouch-cursor" aria-hidden="true"></span>'
        '<span id="retouch-open" aria-hidden="true" hidden></span><div id="retouch-marks"></div></div></div></div>'
    )


def bar() -> str:
    """The buttons below the picture, and the line that says what was done."""
    return (
        '<div id="retouch-below"><div class="retouch-bar" role="group" aria-label="Hints">'
        f"{_tool('undo', 'Undo')}{_tool('redo', 'Redo')}{_tool('remove', 'Remove')}{_tool('clear', 'Clear all')}"
        f'<span class="gap"></span>{_toggle("compare", "Without hints")}{_toggle("hide", "Hide markers")}</div>'
        '<p class="hint retouch-line"><span id="retouch-count"></span>'
        '<span id="retouch-status" role="status"></span></p></div>'
    )


def tools() -> str:
    """The colours to choose from."""
    groups = "".join(_group(title, colors) for title, colors in PALETTE.items())
    return (
        f'<div id="retouch-tools" style="--dab: {_START}">'
        '<h2 id="retouch-likely-title">For this place</h2>'
        '<div id="retouch-likely" class="dabs" role="group" aria-labelledby="retouch-likely-title"></div>'
        f"{groups}"
        '<h2 id="retouch-own-title">Your own</h2>'
        '<div class="retouch-own" role="group" aria-labelledby="retouch-own-title">'
        f'<input type="color" id="retouch-color" value="{_START}" aria-label="Colour">'
        f'<input type="text" id="retouch-hex" value="{_START}" maxlength="7" spellcheck="false" autocomplete="off" '
        'aria-label="Colour as six signs">'
        f"{_toggle('dropper', 'From the picture')}{_toggle('keep', 'Keep for more places')}</div>{_KEYS}</div>"
    )


def _group(title: str, colors: dict[str, str]) -> str:
    name = title.lower()
    dabs = "".join(
        f'<button type="button" class="dab" data-color="{color}" style="--dab: {color}" title="{escape(words)}" '
        f'aria-label="{escape(words)}"></button>'
        for words, color in colors.items()
    )
    return (
        f'<h2 id="retouch-{name}">{title}</h2>'
        f'<div class="dabs" role="group" aria-labelledby="retouch-{name}">{dabs}</div>'
    )


def _tool(name: str, words: str) -> str:
    return (
        f'<button type="button" id="retouch-{name}" data-retouch="{name}" aria-disabled="true">{escape(words)}</button>'
    )


def _toggle(name: str, words: str) -> str:
    return (
        f'<button type="button" id="retouch-{name}" data-retouch="{name}" aria-pressed="false">{escape(words)}</button>'
    )
