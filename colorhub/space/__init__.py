"""The Space: a folder a tab. The only part of the hub that imports gradio. torch is imported once the page is up."""

import os
from collections.abc import Callable, Sequence
from threading import Thread, Timer
from typing import Any

from colorhub._extras import require
from colorhub.space.shared.port import launched, variable_set_aside

# Read when gradio is imported: no request leaves the machine.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

try:
    with variable_set_aside():
        import gradio as gr
except ImportError:
    require("app")
    raise

from colorhub.space.colorize import tab as colorize_tab
from colorhub.space.compare import tab as compare_tab
from colorhub.space.models import tab as models_tab
from colorhub.space.models.cards import fetch_cards
from colorhub.space.retouch import tab as retouch_tab
from colorhub.space.shared.catalogue import prepare_all, warm_up
from colorhub.space.shared.limits import KEEP_FILES, MAX_BYTES, QUEUE, SESSIONS
from colorhub.space.shared.static_site import static_routes
from colorhub.space.shared.style import CSS, FOOTNOTE, HEADER, SCRIPTS, TITLE, theme
from colorhub.space.shared.zero import on_zero_gpu
from colorhub.space.study import demonstration, results
from colorhub.space.study import tab as study_tab
from colorhub.space.study.backups import kept_safe, refuse_passing_studies
from colorhub.space.study.handlers import Handlers
from colorhub.space.study.routes import study_routes

# A new tab is one folder with a function that builds it, and one entry here.
TABS: Sequence[Callable[[], Any]] = (
    colorize_tab.tab,
    retouch_tab.tab,
    compare_tab.tab,
    models_tab.tab,
    study_tab.tab,
    results.tab,
)

_HEAD = '<meta name="color-scheme" content="light dark">'


def build() -> gr.Blocks:
    """The page, not yet served.

    Example:
        >>> from colorhub.space import build
        >>> page = build()
        >>> page.title
        'colorhub: colour a black-and-white photo'
        >>> page.launch()  # doctest: +SKIP
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=KEEP_FILES) as page:
        gr.HTML(HEADER, padding=False)
        with gr.Tabs(elem_id="tabs"):
            made = {tab: tab() for tab in TABS}
        one = made[colorize_tab.tab]
        retouch_tab.take_over(one.retouch, one.session, one.vividness, made[retouch_tab.tab])
        colorize_tab.endpoints()
        gr.HTML(FOOTNOTE, padding=False)
    return page.queue(max_size=QUEUE, default_concurrency_limit=2)


def launch(**overrides: Any) -> tuple[Any, str, str]:
    """Serve the page. ``GRADIO_SERVER_NAME`` and ``GRADIO_SERVER_PORT`` say where it is served, ``COLORHUB_MODELS``
    where more models are, ``COLORHUB_STUDY_BACKUP`` where studies are backed up until the page ends.

    Args:
        overrides: keywords of ``gradio.Blocks.launch`` that win over ours. With ``prevent_thread_lock`` this returns
            while the page is served, and nothing is backed up.

    Raises:
        StudyError: in a container without a volume for the studies that it has.
        PortError: the port that was asked for is taken; without one, the first free one from 7860 on is used.

    Example:
        >>> from colorhub.space import launch
        >>> launch(server_name="127.0.0.1", server_port=7860)  # doctest: +SKIP
        colorhub is served at http://127.0.0.1:7860/
    """
    refuse_passing_studies()
    if on_zero_gpu():
        prepare_all()
    if overrides.pop("prevent_thread_lock", False):
        return _serve(build(), overrides)
    page = build()
    with kept_safe(study_tab.STUDIES):
        served = _serve(page, overrides)
        page.block_thread()
    return served


def _serve(page: gr.Blocks, overrides: dict[str, Any]) -> tuple[Any, str, str]:
    settings = {
        "theme": theme(),
        "css_paths": CSS,
        "head": _HEAD + "".join(f"<script>{path.read_text(encoding='utf-8')}</script>" for path in SCRIPTS),
        "max_file_size": MAX_BYTES,
        "state_session_capacity": SESSIONS,
        "footer_links": ["api"],
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "show_error": False,
        "app_kwargs": {"routes": [*static_routes(), *study_routes(Handlers(study_tab.STUDIES))]},
    }
    served = launched(page.launch, {**settings, **overrides, "prevent_thread_lock": True, "quiet": True})
    print(f"colorhub is served at {served[1]}", flush=True)
    timer = Timer(1.0, _behind_the_page)  # after the first visitor's page has gone out
    timer.daemon = True
    timer.start()
    return served


def _behind_the_page() -> None:
    warming = Thread(target=warm_up, name="warm-up", daemon=True)
    warming.start()
    fetch_cards()
    warming.join()
    demonstration.prepare()


__all__ = ["TABS", "build", "launch"]
