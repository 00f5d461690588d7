"""The tab "Results": the reports of studies that have ended. While a study is open, only counts."""

import logging
from typing import Any
from urllib.parse import quote

import gradio as gr

from colorhub.space.shared.panel import BARE, QUIET
from colorhub.space.study.tab import NO_DATABASE, STUDIES, counts_of
from colorhub.study.errors import StudyError

_NONE = (
    "No study has ended yet. Its results appear here when the end is reached that was fixed beforehand, or when its "
    "organiser closes it early, which the report then says."
)
_WORKING = '<p class="hint">Working out the intervals…</p>'

_log = logging.getLogger(__name__)


def tab() -> None:
    """Build the tab inside an open ``gr.Tabs()``."""
    with gr.Tab("Results", id="results", elem_id="results-tab") as page:
        pick = gr.Dropdown([], label="Study", elem_id="results-pick", filterable=False, interactive=True, visible=False)
        shown = gr.HTML(elem_id="results-report", **BARE)
        still_open = gr.HTML(elem_id="results-open", **BARE)
    slow: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", "concurrency_limit": 1}
    page.select(fill, pick, [pick, shown, still_open], queue=False, **QUIET).then(report, pick, shown, **slow)
    pick.input(report, pick, shown, **slow)


def fill(current: str | None = None) -> tuple[Any, str, str]:
    """The list of studies that have ended, what stands where the report will be, and the counts of those still open."""
    try:
        states = {name: STUDIES.state(name) for name in STUDIES.names()}
        ended = [name for name, state in states.items() if state["closed"] is not None]
        counts = "".join(counts_of(STUDIES, name) for name in states if name not in ended)
    except StudyError as error:
        _log.warning("%s", error)
        return gr.update(visible=False, value=None), f'<p class="hint">{NO_DATABASE}</p>', ""
    chosen = current if current in ended else next(iter(ended), None)
    still = f'<h2>Still open: counts only</h2><div class="study-counts">{counts}</div>' if counts else ""
    meanwhile = _WORKING if chosen else f'<p class="hint">{_NONE}</p>'
    return gr.update(choices=ended, value=chosen, visible=bool(ended)), meanwhile, still


def report(name: str | None) -> Any:
    """The report of a study that has ended, as HTML; nothing changes where none was chosen."""
    if not name:
        return gr.skip()
    try:
        body = STUDIES.report(name)
    except StudyError as error:
        _log.warning("%s", error)
        return f'<p class="hint">{NO_DATABASE}</p>'
    trials = f"study/api/studies/{quote(name)}/trials.csv"
    link = f'<p class="hint"><a href="{trials}" download>All trials as CSV</a></p>'
    return f'<article class="study-report">{body}{link}</article>'
