"""A photo in the tab Retouch: a :class:`colorhub.Retouching` with what a page needs beside it, files and threads."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from colorhub._files import fitting
from colorhub.photo import ColorAnswer
from colorhub.settings import Settings
from colorhub.space.shared.files import SessionFiles, file_url
from colorhub.space.shared.jobs import Colored, Written, after, colorize_upload, shrink, write_full_size
from colorhub.space.shared.limits import MAX_HINTS, PREVIEW, RefusedError

if TYPE_CHECKING:
    from colorhub import ColorizationPipeline, ColorLayer, Hint, Photo

_LEAST = 256  # pixels of a preview's longer side
_STEP = 128  # previews differ in size by at least so many pixels: screens of about the same size share one
_SUGGESTED = 6
_IN_COLOR = {
    ColorAnswer.YES: ["This photo is in colour: the model saw only its lightness."],
    ColorAnswer.UNSURE: ["This photo may be in colour: the model saw only its lightness."],
    ColorAnswer.NO: [],
}
_SETTINGS = Settings(in_color="recolor")
DRAWING = 8  # photos that are ready to draw on, some 50 MB each
_READY: "dict[RetouchSession, None]" = {}  # the one that was drawn on last stands last
_READY_LOCK = Lock()


class RetouchSession(SessionFiles):
    """A coloured photo that takes hints.

    ``photo`` is its name, whatever model colours it. What does not depend on the hints is made when it comes; the
    full-size lightness, of which hints need single pixels, lies in the folder and not in memory.
    """

    def __init__(self, pipeline: "ColorizationPipeline", colored: Colored, photo: "Photo", name: str = "") -> None:
        from colorhub import Retouching

        super().__init__()
        self.colored, self.photo = colored, name or token_hex(8)
        self.lines = [*colored.notes, *_IN_COLOR[photo.in_color]]
        self._retouching = Retouching(pipeline, _on_disk(photo, self.folder / "grey.npy"), layer=colored.layer)
        if self._retouching.has_suggestions:  # now, while a GPU is lent: those who point at places do not wait for one
            self.suggest(0, 0)
        self._views: dict[int, Photo] = {}
        self._plain: tuple[float, Path] | None = None  # with the vividness it has
        self._lock = Lock()
        self.hints: list[Hint] = []
        Thread(target=self._warm_up, name="retouch", daemon=True).start()

    @classmethod
    def of(cls, pipeline: "ColorizationPipeline", path: Path, name: str = "") -> "RetouchSession":
        """A file, coloured by a model; from its lightness alone if it is in colour."""
        photo = pipeline.open(path)
        return cls(pipeline, colorize_upload(pipeline, path, _SETTINGS, photo), photo, name)

    @classmethod
    def taken(cls, pipeline: "ColorizationPipeline", colored: Colored) -> "RetouchSession":
        """A photo as the tab Colorize shows it, with its alternative if one was chosen."""
        if colored.passed_through:
            return cls.of(pipeline, colored.path)
        return cls(pipeline, colored, pipeline.open(colored.path))

    def with_model(self, pipeline: "ColorizationPipeline") -> "RetouchSession":
        """The same photo and hints with another model."""
        changed = RetouchSession.of(pipeline, self.colored.path, self.photo)
        changed.hints = self.hints
        return changed

    @property
    def model(self) -> str:
        return self.colored.model

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the photo."""
        return self.colored.size

    def opened(self, vividness: float) -> dict[str, Any]:
        """What the page needs when the photo comes."""
        width, height = self.size
        return {
            "photo": self.photo,
            "width": width,
            "height": height,
            "hints": [hint._asdict() for hint in self.hints],
            "network": self._retouching.asks_model,
            **self.draw(self.hints, vividness),
        }

    def draw(self, hints: "Sequence[Hint]", vividness: float, longest: Any = PREVIEW) -> dict[str, str]:
        """Addresses of the picture with hints, about ``longest`` pixels wide or high, and of the one without any."""
        with self._lock:
            layer = self._hinted(hints)
            self.hints = list(hints)
            plain = self._without_hints(vividness)
        if not hints:
            return {"picture": file_url(plain), "plain": file_url(plain)}
        picture = self._composed(layer, vividness, _preview_size(longest))
        return {"picture": file_url(self._write(picture)), "plain": file_url(plain)}

    def download(self, hints: "Sequence[Hint]", vividness: float) -> Written:
        """The full-size file."""
        with self._lock:
            layer = self._hinted(hints)
        return write_full_size(replace(self.colored, layer=layer), vividness, self.folder)

    def save(self, hints: "Sequence[Hint]") -> Path:
        """Write hints into a file, ``NAME-hints.json``."""
        from colorhub.hints import save_hints

        path = self.folder / fitting(self.colored.path.stem, "-hints.json")
        save_hints(path, hints, self.size)
        return path

    def load(self, path: Path) -> dict[str, Any]:
        """The hints of a file, as the page wants them.

        Raises:
            HintsError: it holds none, or those of a picture of another size.
        """
        from colorhub.hints import parse_hints

        found = [hint._asdict() for hint in parse_hints(path.read_bytes(), self.size, path.name)]
        hints_from(found, self.size)
        return {"photo": self.photo, "hints": found}

    def suggest(self, x: Any, y: Any) -> dict[str, Any]:
        """Colours for a place: likely ones by a model with a distribution, else variations of the colour there."""
        if not self._retouching.has_suggestions:
            return {"title": "From the colour here", "colors": self._retouching.variations(x, y)}
        likely = self._retouching.suggestions(x, y, _SUGGESTED)
        return {"title": f"Likely here, says {self.model}", "colors": likely}

    def _hinted(self, hints: "Sequence[Hint]") -> "ColorLayer":
        if hints:
            self._ready()
        return self._retouching.layer(hints)

    def _without_hints(self, vividness: float) -> Path:
        if self._plain is None or self._plain[0] != vividness:
            self._plain = vividness, self._write(self._composed(self.colored.layer, vividness, PREVIEW))
        return self._plain[1]

    def _write(self, picture: np.ndarray) -> Path:
        return self.write_preview(picture, "retouched", keep=self._plain[1] if self._plain else None)

    def close(self, linger: float = 0.0) -> None:
        with _READY_LOCK:
            _READY.pop(self, None)
        super().close(linger)

    def _ready(self) -> None:
        """Stand last among the photos that are ready to draw on; the first one lets go of what it needs for it."""
        with _READY_LOCK:
            _READY.pop(self, None)
            _READY[self] = None
            while len(_READY) > DRAWING:
                first = next(iter(_READY))
                del _READY[first]
                first._retouching.release()

    def _warm_up(self) -> None:
        """What the first hint needs and later ones share, while the visitor looks at the picture."""
        with self._lock:
            self._ready()
            self._retouching.warm_up()

    def _composed(self, layer: "ColorLayer", vividness: float, longest: int) -> np.ndarray:
        if longest not in self._views:  # on which a preview is composed, for the last two sizes
            self._views = {**dict(list(self._views.items())[-1:]), longest: shrink(self.colored.view, longest)}
        return after(replace(self.colored, view=self._views[longest], layer=layer), vividness, longest)


def _on_disk(photo: "Photo", path: Path) -> "Photo":
    """A photo of which only the lightness is kept, in a file."""
    from colorhub.photo.metadata.metadata import Metadata

    np.save(path, photo.grey)
    grey = np.load(path, mmap_mode="r")
    return replace(photo, grey=grey, rgb=None, alpha=None, metadata=Metadata(), original=None)


def hints_from(sent: Any, size: tuple[int, int]) -> "list[Hint]":
    """Checked hints from those that the page sends.

    Raises:
        RefusedError: more than the page takes.
        HintsError: unusable ones.
    """
    from colorhub.hints import hints_of

    rows = sent if isinstance(sent, list) else []
    if len(rows) > MAX_HINTS:
        raise RefusedError(f"This page takes {MAX_HINTS} hints for a photo, got {len(rows)}.")
    keys = ("x", "y", "color")
    return hints_of([[row.get(key) for key in keys] if isinstance(row, dict) else row for row in rows], size)


def _preview_size(longest: Any) -> int:
    wanted = longest if isinstance(longest, (int, float)) else PREVIEW
    return int(min(PREVIEW, max(_LEAST, -(-wanted // _STEP) * _STEP)))
