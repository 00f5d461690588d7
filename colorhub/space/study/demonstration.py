"""The demonstration: a small study of crops of photographs that come with installed packages, made once, behind the
page. Where it cannot be made the page goes on without it."""

import logging
import os
from threading import Lock

from colorhub.space.shared.catalogue import default_model, listed
from colorhub.space.shared.zero import on_zero_gpu

NAME = "demonstration"
MODELS = 2  # two are enough to show how a comparison looks
_ENGLISH = """This is a demonstration: try how it is to take part. You will see {practice} photographs to practise and \
then {trials} more. Some have their real colours, those of others were made up by a computer program. You say which is \
which. It takes about two minutes.

Your answers are stored on the machine that runs this page, under a random number: what you answered, how long it \
took, how long the picture was shown, whether you knew it, the kind of screen (size class, refresh rate, pixel ratio), \
whether the page was in front, and the day. No name, no address, no description of your browser. They are evidence for \
nothing, and you can delete them at the end."""
_GERMAN = """Dies ist eine Vorführung: Probieren Sie aus, wie eine Teilnahme ist. Sie sehen {practice} Fotografien zum \
Üben und dann {trials} weitere. Manche haben ihre echten Farben, die der anderen hat ein Computerprogramm erfunden. \
Sie sagen, welche welche sind. Das dauert etwa zwei Minuten.

Ihre Antworten werden unter einer Zufallszahl auf dem Rechner gespeichert, von dem diese Seite kommt: was Sie \
geantwortet haben, wie lange es gedauert hat, wie lange das Bild zu sehen war, ob Sie es kannten, die Art des \
Bildschirms (Größenklasse, Bildrate, Pixeldichte), ob die Seite im Vordergrund war, und der Tag. Kein Name, keine \
Adresse, keine Angaben zu Ihrem Browser. Sie belegen nichts, und Sie können sie am Ende löschen."""

_ENGLISH_END = """Thank you. Here is how you did, and which pictures fooled you.

The made-up colours come from neural networks that saw only the lightness of each photograph. Some pictures were \
distorted on purpose, to see that answers are given with attention; they do not count.

This was a demonstration: your answers are evidence for nothing. With the withdrawal code they are deleted."""
_GERMAN_END = """Vielen Dank. Hier sehen Sie, wie oft Sie richtig lagen und welche Bilder Sie getäuscht haben.

Die erfundenen Farben stammen von neuronalen Netzen, die nur die Helligkeit der Fotografien kannten. Einige Bilder \
waren absichtlich verfälscht, um zu prüfen, ob aufmerksam geantwortet wird; sie zählen nicht mit.

Dies war eine Vorführung: Ihre Antworten belegen nichts. Mit dem Code für den Widerruf werden sie gelöscht."""

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
    from colorhub.study.design.config import Config, Design, Texts
    from colorhub.study.stimuli.sources import PACKAGED
    from colorhub.study.studies import study_names

    models = models_to_show()
    if study_names() or not models:
        return False
    config = Config(
        texts={
            "en": Texts(consent=_ENGLISH, debrief=_ENGLISH_END),
            "de": Texts(consent=_GERMAN, debrief=_GERMAN_END),
        },
        design=Design(images=18, per_rater=12, size=192, practice=4, attention=2),
    )
    create_study(NAME, PACKAGED, models, config, demonstration=True)
    return True


def models_to_show() -> list[str]:
    """The page's default model and others that are on this machine, or else on the Hub as the page's are."""
    models = listed()
    here = [info.name for info in models if info.on_disk] or [info.name for info in models if info.source == "hub"]
    first = default_model(models)
    return [first, *(name for name in here if name != first)][:MODELS] if first else []
