"""One photo through several models, without any page: the answers one by one, and all of them in a zip."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorhub._files import fitting
from colorhub.photo import ColorAnswer
from colorhub.settings import Settings
from colorhub.space.shared.catalogue import CACHE, find, folder_of, listed
from colorhub.space.shared.files import SessionFiles
from colorhub.space.shared.jobs import (
    Colored,
    after,
    before,
    colorize_upload,
    free_name,
    in_seconds,
    shrink,
    write_full_size,
    write_preview,
)
from colorhub.space.shared.limits import PREVIEW, RefusedError, error_sentence

if TYPE_CHECKING:
    from colorhub import Photo
    from colorhub.hub.loading import ModelInfo

GREY, SENT = "Grey", "As sent"
_SETTINGS = Settings(in_color="recolor")  # of every model: what a visitor compares are the models


@dataclass(frozen=True)
class ModelAnswer:
    """What a model made of the photo, or the sentence that says why it made nothing.

    ``picture``: a file with the preview. ``colored``: what the full-size file is written from.
    """

    model: str
    picture: Path | None = None
    colored: Colored | None = None
    problem: str = ""

    @property
    def time(self) -> str:
        """Seconds with their unit; empty where there is no answer."""
        return "" if self.colored is None else in_seconds(self.colored.seconds)


class Comparison(SessionFiles):
    """A photo's answers so far, by model, and the files that show them.

    Args:
        path: the photo as it was sent.
        photo: the same, opened. Only a small view of it is kept.
        models: those that are to answer, in their order.
    """

    def __init__(self, path: Path, photo: "Photo", models: "Sequence[ModelInfo]") -> None:
        super().__init__()
        self.path, self.models = path, list(models)
        self.size, self.in_color, self.notes = photo.size, photo.in_color, photo.notes
        self.answers: dict[str, ModelAnswer] = {}
        self._view = shrink(photo, PREVIEW)
        grey = Colored(path, replace(self._view, rgb=None), None, _SETTINGS, photo.size)
        self.references = {GREY: write_preview(before(grey), self.folder / "grey.jpg")}
        if photo.in_color is not ColorAnswer.NO:
            sent = replace(grey, view=self._view)
            self.references[SENT] = write_preview(before(sent), self.folder / "sent.jpg")

    @property
    def pictures(self) -> dict[str, Path]:
        """Previews by name: the grey photo, the answers there are, and the photo in its own colours if it has any."""
        done = {name: answer.picture for name, answer in self.answers.items() if answer.picture is not None}
        return {GREY: self.references[GREY], **done, **self.references}

    def ask(self, info: "ModelInfo", photo: "Photo") -> ModelAnswer:
        """Colour the photo with one of the models. A model that fails answers with a sentence."""
        try:
            answer = self._colored(info, photo)
        except Exception as error:  # one model's trouble is not that of the others
            answer = ModelAnswer(info.name, problem=error_sentence(error))
        self.answers[info.name] = answer
        return answer

    def write_zip(self, progress: Callable[[str], object] = lambda name: None) -> Path:
        """All answers at full size in ``NAME-compared.zip``, each as ``NAME-MODEL.SUFFIX``.

        Args:
            progress: called with each model's name before its turn.

        Raises:
            RefusedError: there is no answer.
        """
        done = [answer.colored for answer in self.answers.values() if answer.colored is not None]
        if not done:
            raise RefusedError("There is no answer to download.")
        target, used = self.folder / fitting(self.path.stem, "-compared.zip"), set[str]()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for colored in done:
                progress(colored.model)
                file = write_full_size(colored, 1.0, self.folder).path
                name = fitting(self.path.stem, f"-{_file_name(colored.model)}{file.suffix}")
                archive.write(file, free_name(name, used))
                file.unlink()
        return target

    def _colored(self, info: "ModelInfo", photo: "Photo") -> ModelAnswer:
        colored = colorize_upload(CACHE.pipeline(info), self.path, _SETTINGS, photo)
        colored = replace(colored, view=self._view)  # one for all
        picture = write_preview(after(colored, 1.0), self.folder / f"answer-{len(self.answers)}.jpg")
        return ModelAnswer(info.name, picture, colored)


def chosen(names: Any) -> "list[ModelInfo]":
    """The models of these names, in the order of the list.

    Raises:
        RefusedError: none was chosen, or a name that is not listed.
    """
    names = [str(name) for name in names or []]
    if not names:
        raise RefusedError("Please choose at least one model.")
    models = listed()
    wanted = [find(name, models) for name in names]
    return [info for info in models if info in wanted]


def chosen_at_first(models: "Sequence[ModelInfo]") -> list[str]:
    """Names of the models for photos on this machine; all on this machine, or all there are, where there is none."""
    on_disk = [info for info in models if folder_of(info) is not None]
    chosen = [info for info in on_disk if not info.group] or on_disk or models
    return [info.name for info in chosen]


def _file_name(model: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in model)
