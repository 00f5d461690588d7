"""The tab "Real or fake?": the rater's page in a frame, and beside it only what the public may know."""

import logging
from html import escape
from urllib.parse import quote

import gradio as gr

from colorhub.space.shared.panel import BARE, QUIET
from colorhub.space.study.catalogue import StudyCatalogue
from colorhub.study.errors import StudyError

STUDIES = StudyCatalogue()
NO_DATABASE = "Studies cannot be reached just now. Please try again in a moment."
# The frame is told whether the page is dark, which a visitor may have chosen against the system.
_LISTEN = """
const frame = element.querySelector('iframe');
frame.src = `study/?theme=${document.querySelector('.dark') ? 'dark' : 'light'}`;
"""
_FRAME = """
<p class="hint"><a href="study/" target="_blank" rel="noopener">Open it alone</a>, which is better on a phone.</p>
<iframe class="study-frame" title="The study: real or fake colours?" loading="lazy" allow="clipboard-write"></iframe>
"""
_INTRO = (
    "Can you tell a photograph's own colours from those that a network made up? While a study is open, this page shows "
    "only how many took part: results come when it has ended, so that nobody's answers are led by them."
)

_log = logging.getLogger(__name__)


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Real or fake?", id="study", elem_id="study-tab") as page:
        gr.HTML(f'<p class="hint">{_INTRO}</p>', **BARE)
        gr.HTML(_FRAME, elem_id="study-frame", js_on_load=_LISTEN, **BARE)
        counts = gr.HTML(elem_id="study-counts", **BARE)
    page.select(fill, None, counts, queue=False, **QUIET)


def fill() -> str:
    """What is public of all open studies, as HTML."""
    try:
        names = [name for name in STUDIES.names() if STUDIES.state(name)["closed"] is None]
        return f'<div class="study-counts">{"".join(counts_of(STUDIES, name) for name in names)}</div>'
    except StudyError as error:
        _log.warning("%s", error)
        return f'<p class="hint">{NO_DATABASE}</p>'


def counts_of(catalogue: StudyCatalogue, name: str) -> str:
    """Raters, trials, and how many were flagged by which preregistered rule."""
    manifest, counts = catalogue.study(name).manifest, catalogue.counts(name)
    planned = manifest.config.stopping.raters
    rows = {
        "Raters": str(counts["raters"]),
        "Finished": f"{counts['finished']} of {planned}" if planned else str(counts["finished"]),
        "Trials": str(counts["trials"]),
        **{f"Flagged: {rule}": str(count) for rule, count in counts["flagged"].items()},
    }
    cells = "".join(f"<div><dt>{escape(title)}</dt><dd>{escape(text)}</dd></div>" for title, text in rows.items())
    link = f'<a href="study/?study={quote(name)}" target="_blank" rel="noopener">{escape(name)}</a>'
    mark = '<p class="study-mark">Demonstration, not evidence</p>' if manifest.demonstration else ""
    return f"<section><h3>{link}</h3>{mark}<dl>{cells}</dl></section>"
