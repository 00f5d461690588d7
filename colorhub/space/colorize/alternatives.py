"""Other colours for the same photo: four pictures below the slider to choose from, where a model has more answers."""

from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.shared.catalogue import CACHE, find, listed, no_alternatives
from colorhub.space.shared.files import PhotoSession
from colorhub.space.shared.jobs import Colored, other_answers
from colorhub.space.shared.limits import RefusedError, error_messages, plain, still_here
from colorhub.space.shared.panel import ON_GPU, QUIET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colorhub.hub.loading import ModelInfo

COUNT = 4
SHOWN = 4  # components that a new photo changes
_LONGEST = 640  # pixels of a picture to choose from
_SHOW, _MORE = "Show alternatives", "Show four others"
IN_COLOR = "**This photo is already in colour**, so it was left as it is."
KEPT = "**This photo may be in colour already**, so it was left as it is."
NOT_SURE = "**This photo may have been in colour already.** It was coloured all the same; it can be left as it is."


class Alternatives:
    """The components, hidden at first: a button, a button back to the model's own answer, the pictures, and a line
    instead of them."""

    def __init__(self) -> None:
        look: dict[str, Any] = {"columns": COUNT, "rows": 1, "height": "auto", "object_fit": "cover", "buttons": []}
        look |= {"show_label": False, "allow_preview": False, "interactive": False, "container": False}
        self.pictures = gr.Gallery(visible=False, label="Alternatives", elem_id="alternatives", **look)
        with gr.Row(elem_id="more"):
            self.go = gr.Button(_SHOW, variant="secondary", visible=False, elem_id="show-alternatives")
            self.back = gr.Button("Back to the first colours", variant="secondary", visible=False, elem_id="back")
        self.note = gr.Markdown(visible=False, elem_id="one-answer", elem_classes="hint")

    @property
    def shown(self) -> list[Any]:
        """The components that :func:`offered` and :func:`hidden` update, in their order."""
        return [self.go, self.back, self.pictures, self.note]


def wire(
    more: Alternatives, session: gr.State, vividness: gr.Slider, result: gr.ImageSlider, status: gr.Markdown
) -> None:
    """Connect the components with the picture in the slider."""
    now, taken = [session, vividness], [session, result, status, more.back]
    more.go.click(show_alternatives, now, [session, more.pictures, more.go], show_progress_on=result, **ON_GPU)
    more.pictures.select(take, now, taken, queue=False, **QUIET)
    more.back.click(take_first, now, [*taken, more.pictures], queue=False, **QUIET)


def offered(colored: Colored, models: "Sequence[ModelInfo]") -> list[Any]:
    """Updates after a photo was coloured: the button, or a line that says why there is none."""
    more = colored.has_more
    note = "" if more or colored.passed_through else plain(no_alternatives(colored.model, models))
    return [
        gr.update(value=_SHOW, visible=more),
        gr.update(visible=False),
        gr.update(value=None, visible=False),
        gr.update(value=note, visible=bool(note)),
    ]


def hidden() -> list[Any]:
    """Updates for a page without a photo."""
    return [gr.update(visible=False) for _ in range(SHOWN)]


@error_messages()
def show_alternatives(session: PhotoSession | None, vividness: float) -> tuple[PhotoSession, Any, Any]:
    """Draw four other colourings; at the next click four more. Choosing one changes the slider and the download."""
    session = still_here(session)
    pipeline = CACHE.pipeline(find(session.first.model, listed()))
    session.others = other_answers(pipeline, session.first, COUNT, skip=session.drawn)
    session.drawn += COUNT
    files = session.show_others(vividness, _LONGEST)
    captioned = [(file, f"Alternative {one.alternative}") for file, one in zip(files, session.others, strict=True)]
    return session, gr.update(value=captioned, selected_index=None, visible=True), gr.update(value=_MORE)


@error_messages()
def take(session: PhotoSession | None, vividness: float, chosen: gr.SelectData) -> tuple[PhotoSession, Any, str, Any]:
    """Put the chosen picture's colours into the slider and the download."""
    session = still_here(session)
    if not 0 <= int(chosen.index) < len(session.others):
        raise RefusedError("There is no such picture. Please choose one of those shown.")
    session.colored = session.others[int(chosen.index)]
    return session, session.show(vividness), status(session.colored), gr.update(visible=True)


@error_messages()
def take_first(session: PhotoSession | None, vividness: float) -> tuple[PhotoSession, Any, str, Any, Any]:
    """Put the model's own answer back."""
    session = still_here(session)
    session.colored, gone = session.first, gr.update(visible=False)
    return session, session.show(vividness), status(session.colored), gone, gr.update(selected_index=None)


def status(colored: Colored) -> str:
    """The lines below the picture, in Markdown."""
    left = IN_COLOR if colored.view.in_color else KEPT
    lines = [left] if colored.passed_through else [NOT_SURE] if colored.unsure else []
    return "\n\n".join([*lines, plain(colored.summary), *map(plain, colored.notes)])
