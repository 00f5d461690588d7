"""Other colours for the same photo: four pictures below the slider to choose from, where a model has more answers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from colorhub.space.shared.catalogue import SHELF, find, listed, one_answer
from colorhub.space.shared.jobs import Colored, other_answers
from colorhub.space.shared.limits import GONE, RefusedError, in_words, plain
from colorhub.space.shared.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from colorhub import ColorizationPipeline
    from colorhub.hub.loading import ModelInfo

COUNT = 4
SHOWN = 4  # components that a new photo changes
_LONGEST = 640  # pixels of a picture to choose from
_SHOW, _MORE = "Show alternatives", "Show four others"
IN_COLOR = "**This photo is already in colour**, so it was left as it is."
KEPT = "**This photo may be in colour already**, so it was left as it is."
NOT_SURE = "**This photo may have been in colour already.** It was coloured all the same; it can be left as it is."


@dataclass(frozen=True)
class Alternatives:
    """The components: a button, a button back to the model's own answer, the pictures, and a line instead of them."""

    go: gr.Button
    back: gr.Button
    pictures: gr.Gallery
    note: gr.Markdown

    @property
    def shown(self) -> list[Any]:
        """The components that :func:`offered` and :func:`hidden` update, in their order."""
        return [self.go, self.back, self.pictures, self.note]


def build_alternatives() -> Alternatives:
    """Put the components on the page, hidden."""
    pictures = gr.Gallery(
        visible=False,
        label="Alternatives",
        show_label=False,
        columns=COUNT,
        rows=1,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        container=False,
        buttons=[],
        elem_id="alternatives",
    )
    with gr.Row(elem_id="more"):
        go = gr.Button(_SHOW, variant="secondary", visible=False, elem_id="show-alternatives")
        back = gr.Button("Back to the first colours", variant="secondary", visible=False, elem_id="back")
    note = gr.Markdown(visible=False, elem_id="one-answer", elem_classes="hint")
    return Alternatives(go, back, pictures, note)


def wire(
    more: Alternatives, session: gr.State, vividness: gr.Slider, result: gr.ImageSlider, status: gr.Markdown
) -> None:
    """Connect the components with the picture in the slider."""
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    taken = [session, result, status, more.back]
    more.go.click(
        show_alternatives,
        [session, vividness],
        [session, more.pictures, more.go],
        show_progress_on=result,
        concurrency_id="gpu",
        concurrency_limit=1,
        api_visibility="private",
    )
    more.pictures.select(take, [session, vividness], taken, queue=False, **quiet)
    more.back.click(take_first, [session, vividness], [*taken, more.pictures], queue=False, **quiet)


def offered(colored: Colored, models: "Sequence[ModelInfo]") -> list[Any]:
    """Updates after a photo was coloured: the button, or a line that says why there is none."""
    more = colored.has_more
    note = "" if more or colored.passed_through else plain(one_answer(colored.model, models))
    return [
        gr.update(value=_SHOW, visible=more),
        gr.update(visible=False),
        gr.update(value=None, visible=False),
        gr.update(value=note, visible=bool(note)),
    ]


def hidden() -> list[Any]:
    """Updates for a page without a photo."""
    return [gr.update(visible=False) for _ in range(SHOWN)]


def show_alternatives(session: Session | None, vividness: float) -> tuple[Session, Any, Any]:
    """Draw four other colourings; at the next click four more. Choosing one changes the slider and the download."""
    with in_words():
        session = _kept(session)
        session.others = other_answers(_pipeline(session), session.first, COUNT, skip=session.drawn)
        session.drawn += COUNT
        files = session.show_others(vividness, _LONGEST)
        captioned = [
            (file, f"Alternative {other.alternative}") for file, other in zip(files, session.others, strict=True)
        ]
        return session, gr.update(value=captioned, selected_index=None, visible=True), gr.update(value=_MORE)


def take(session: Session | None, vividness: float, chosen: gr.SelectData) -> tuple[Session, Any, str, Any]:
    """Put the chosen picture's colours into the slider and the download."""
    with in_words():
        session = _kept(session)
        if not 0 <= int(chosen.index) < len(session.others):
            raise RefusedError("There is no such picture. Please choose one of those shown.")
        session.colored = session.others[int(chosen.index)]
        shown = session.show(vividness)
        return session, shown, status(session.colored), gr.update(visible=True)


def take_first(session: Session | None, vividness: float) -> tuple[Session, Any, str, Any, Any]:
    """Put the model's own answer back."""
    with in_words():
        session = _kept(session)
        session.colored = session.first
        shown = session.show(vividness)
        return session, shown, status(session.colored), gr.update(visible=False), gr.update(selected_index=None)


def status(colored: Colored) -> str:
    """The lines below the picture, in Markdown."""
    left = IN_COLOR if colored.view.in_color else KEPT
    lines = [left] if colored.passed_through else [NOT_SURE] if colored.unsure else []
    return "\n\n".join([*lines, plain(colored.summary), *map(plain, colored.notes)])


def _pipeline(session: Session) -> "ColorizationPipeline":
    return SHELF.pipeline(find(session.first.model, listed()))


def _kept(session: Session | None) -> Session:
    if session is None:
        raise RefusedError(GONE)
    return session
