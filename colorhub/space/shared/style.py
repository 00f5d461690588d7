"""How the page looks: a quiet print room by day, a darkroom with its red safelight by night. Fonts are local."""

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import Font, LocalFont

from colorhub._project import packaged

TITLE = "colorhub: colour a black-and-white photo"
_SPACE = packaged("space")
CSS = [_SPACE / room / f"{room}.css" for room in ("shared", "compare", "retouch", "models", "study")]
SCRIPTS = [_SPACE / name for name in ("shared/page.js", "compare/viewer.js", "retouch/retouch.js", "models/gallery.js")]

# From the lightest to the darkest, as gradio wants them.
_PAPER = "#fbf9f6 #f4f0ea #e9e3da #d9d0c4 #b3a798 #7d7267 #655b51 #4a423b #2b2622 #1c1916 #131110"
_SAFELIGHT = "#fdf4f1 #fae4de #f4c8bd #eba595 #e0846f #c4573f #a23f2a #863322 #6b2a1d #55231a #2f110b"

HEADER = """
<header class="masthead">
  <p class="wordmark"><span class="swatch" aria-hidden="true"></span>colorhub</p>
  <h1>Give a black-and-white photo <em>colours</em>.</h1>
  <p class="lead">A neural network proposes believable colours. Size, sharpness, format and metadata stay as they are.
  </p>
</header>
"""

FOOTNOTE = """
<p class="footnote">The colours are a plausible guess, not a record of what was there. The file says so in its metadata.
Uploads are deleted within a few hours; no photo is kept or sent elsewhere.</p>
"""

# gradio's variables by day and by night: shades of the paper (neutral) and of the safelight (primary).
_VARIABLES = {
    "body_background_fill": ("*neutral_100", "*neutral_950"),
    "body_text_color": ("*neutral_800", "*neutral_100"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_400"),
    "background_fill_primary": ("*neutral_50", "*neutral_900"),
    "background_fill_secondary": ("*neutral_100", "*neutral_800"),
    "block_background_fill": ("*neutral_50", "*neutral_900"),
    "block_border_color": ("*neutral_200", "*neutral_800"),
    "block_label_text_color": ("*neutral_600", "*neutral_300"),
    "block_title_text_color": ("*neutral_800", "*neutral_100"),
    "block_info_text_color": ("*neutral_600", "*neutral_300"),
    "border_color_primary": ("*neutral_300", "*neutral_700"),
    "input_background_fill": ("*neutral_50", "*neutral_800"),
    "input_border_color": ("*neutral_300", "*neutral_700"),
    "button_primary_background_fill": ("*primary_600", "*primary_400"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_300"),
    "button_primary_text_color": ("#ffffff", "*primary_950"),
    "button_secondary_background_fill": ("*neutral_200", "*neutral_800"),
    "button_secondary_background_fill_hover": ("*neutral_300", "*neutral_700"),
    "button_secondary_text_color": ("*neutral_800", "*neutral_100"),
    "slider_color": ("*primary_600", "*primary_400"),
    "checkbox_background_color_selected": ("*primary_600", "*primary_400"),
    "link_text_color": ("*primary_700", "*primary_300"),
    "loader_color": ("*primary_600", "*primary_400"),
    "input_border_width": ("1px", "1px"),
}


def theme() -> gr.themes.Base:
    """The page's theme, light and dark."""
    # Of the font files that come with gradio 6.31 only some hold the whole alphabet; none of weight 600 does.
    sans: list[Font | str] = [LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"]
    mono: list[Font | str] = [LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"]
    paper, safelight = Color(*_PAPER.split()), Color(*_SAFELIGHT.split())
    base = gr.themes.Base(
        primary_hue=safelight, secondary_hue=safelight, neutral_hue=paper, font=sans, font_mono=mono, radius_size="lg"
    )
    return base.set(
        **{name: day for name, (day, _) in _VARIABLES.items()},
        **{f"{name}_dark": night for name, (_, night) in _VARIABLES.items()},
    )
