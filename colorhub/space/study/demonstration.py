"""The demonstration: a small study of crops of photographs that come with installed packages, made once, behind the
page. Where it cannot be made the page goes on without it."""

import logging
import os
from pathlib import Path
from threading import Lock

from colorhub.space.shared.catalogue import default_model, listed
from colorhub.space.shared.zero import on_zero_gpu

NAME = "demonstration"
MODELS = 2  # two are enough to show how a comparison looks
_log = logging.getLogger(__name__)
_making = Lock()


def prepare() -> bool:
    """Make the demonstration, if this machine has no study and its votes are in SQLite; whether it was made.

    Organisers with studies of their own, or with a database for a crowd, do not want it; on ZeroGPU no model runs
    outside a visitor's call.
    """
    if on_zero_gpu() or os.environ.get("COLORHUB_DATABASE_URL"):
        return False
    try:
        with _making:
            return _make()
    except Exception as error:  # whatever it is: the page is more important than the demonstration
        _log.warning("There is no demonstration study: %s", error)
        return False


def _make() -> bool:
    from colorhub.study.create import create_study
    from colorhub.study.design.config import load_config
    from colorhub.study.stimuli.sources import PACKAGED
    from colorhub.study.studies import study_names

    models = models_to_show()
    if study_names() or not models:
        return False
    config = load_config(Path(__file__).with_suffix(".toml"))
    create_study(NAME, PACKAGED, models, config, demonstration=True)
    return True


def models_to_show() -> list[str]:
    """The page's default model and others that are on this machine, or else on the Hub as the page's are."""
    models = listed()
    here = [info.name for info in models if info.on_disk] or [info.name for info in models if info.source == "hub"]
    first = default_model(models)
    return [first, *(name for name in here if name != first)][:MODELS] if first else []
