"""A photo on the desk of the tab Retouch: coloured once by a model, then drawn with hints again and again."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from colorhub.space.compare_view import file_url
from colorhub.space.comparing import Composers
from colorhub.space.jobs import (
    Colored,
    Settings,
    Written,
    after,
    colorize_upload,
    lightness_only,
    shrink,
    write_full_size,
    write_preview,
)
from colorhub.space.limits import MAX_HINTS, PREVIEW, RefusedError
from colorhub.space.models import SHELF, likely_colors, take_hints, without_network
from colorhub.space.session import Kept
from colorhub.space.zero import on_zero_gpu

if TYPE_CHECKING:
    from colorhub import ColorLayer, Hint, Photo
    from colorhub.hints import HintedLayers

_SHOWN = 24  # previews kept, as for Colorize
_LEAST = 256  # pixels of a preview's longer side
_STEP = 128  # previews differ in size by at least so many pixels: screens of about the same size share one
_SUGGESTED = 6
_ANY = "#808080"  # where only the place counts
_IN_COLOR = "This photo is in colour: the model saw only its lightness."
_DRAWING = 8
_AT_HAND: "dict[Retouched, HintedLayers]" = {}  # the one who drew last stands last
_AT_HAND_LOCK = Lock()


class Retouched(Kept):
    """A coloured photo that takes hints.

    ``photo`` names it, whatever model colours it. What does not depend on the hints is made when it comes; the
    full-size lightness, of which hints need single pixels, lies in the folder and not in memory.
    """

    def __init__(self, colored: Colored, photo: str = "") -> None:
        super().__init__()
        self.colored, self.photo = colored, photo or token_hex(8)
        pipeline = SHELF.get(colored.model)
        opened = pipeline.open(colored.path)
        self.lines = [*colored.notes, *([_IN_COLOR] if opened.in_color else [])]
        grey = lightness_only(opened)
        self._takes_hints = pipeline.model.accepts_hints
        self._likely = None
        if pipeline.model.has_distribution:
            self._likely = likely_colors(colored.model, grey, colored.layer.size)
        self._pipeline = without_network(pipeline)
        np.save(self.folder / "grey.npy", grey.grey)
        self._place = replace(grey, grey=np.load(self.folder / "grey.npy", mmap_mode="r"))
        self._views: dict[int, Photo] = {}
        self._previews: list[Path] = []
        self._plain: tuple[float, Path] | None = None  # with the vividness it has
        self._numbers, self._lock = count(), Lock()
        self.hints: list[Hint] = []
        Thread(target=self._warm_up, name="retouch", daemon=True).start()

    @classmethod
    def of(cls, path: Path, model: str) -> "Retouched":
        """A file, coloured by a model; from its lightness alone if it is in colour."""
        return cls(colorize_upload(path, Settings(model, recolor=True)))

    @classmethod
    def taken(cls, colored: Colored) -> "Retouched":
        """A photo as the tab Colorize shows it, with its alternative if one was chosen."""
        return cls.of(colored.path, colored.model) if colored.passed_through else cls(colored)

    def with_model(self, model: str) -> "Retouched":
        """The same photo and hints with another model."""
        changed = Retouched(colorize_upload(self.colored.path, Settings(model, recolor=True)), self.photo)
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
            "network": self._takes_hints,
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
        return {"picture": file_url(self._written(picture)), "plain": file_url(plain)}

    def download(self, hints: "Sequence[Hint]", vividness: float) -> Written:
        """The full-size file."""
        with self._lock:
            layer = self._hinted(hints)
        return write_full_size(replace(self.colored, layer=layer), vividness, self.folder, self._composers)

    def saved(self, hints: "Sequence[Hint]") -> Path:
        """A file with hints, ``NAME-hints.json``."""
        from colorhub.hints import save_hints

        path = self.folder / f"{self.colored.path.stem}-hints.json"
        save_hints(path, hints, self.size)
        return path

    def loaded(self, path: Path) -> dict[str, Any]:
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
        from colorhub.hints import hints_of
        from colorhub.hints.hint import lightness_at
        from colorhub.hints.suggesting import likeliest

        (place,) = hints_of([(x, y, _ANY)], self.size)
        L = float(lightness_at(self._place, [place])[0])
        across, down = (place.x + 0.5) / self.size[0], (place.y + 0.5) / self.size[1]
        if self._likely is None:
            return {"title": "From the colour here", "colors": self._variations(across, down, L)}
        height, width = self._likely.shape[1:]
        chances = self._likely[:, int(down * height), int(across * width)].float()
        return {"title": f"Likely here, says {self.model}", "colors": likeliest(chances, L, _SUGGESTED)}

    def _variations(self, across: float, down: float, L: float) -> list[str]:
        """The model's colour at a place, and it stronger, softer, without chroma, and an eighth of the hues further."""
        import torch

        from colorhub.hints.layers import composed_at
        from colorhub.hints.suggesting import hex_of

        layer = self.colored.layer
        ab = composed_at(layer.L, layer.ab[0], [(across, down)], torch.tensor([L]))[0]
        turned = [torch.stack([c * ab[0] - s * ab[1], s * ab[0] + c * ab[1]]) for c, s in ((0.71, -0.71), (0.71, 0.71))]
        return [hex_of(L, color) for color in (ab, 1.8 * ab, 0.5 * ab, 0 * ab, *turned)]

    def _hinted(self, hints: "Sequence[Hint]") -> "ColorLayer":
        layer = self.colored.layer
        if not hints:
            return layer
        spread = self._spread()
        if self._takes_hints:  # what spreads is not for another process: it is prepared anew there
            return take_hints(self.model, self._place, layer, list(hints), None if on_zero_gpu() else spread)
        return self._pipeline.retouch(self._place, layer, hints, spread)

    def _without_hints(self, vividness: float) -> Path:
        if self._plain is None or self._plain[0] != vividness:
            self._plain = vividness, self._written(self._composed(self.colored.layer, vividness, PREVIEW))
        return self._plain[1]

    def _written(self, picture: np.ndarray) -> Path:
        path = write_preview(picture, self.folder / f"retouched-{next(self._numbers)}.jpg")
        self._previews.append(path)
        while len(self._previews) > _SHOWN:
            oldest = self._previews.pop(0)
            if self._plain is None or oldest != self._plain[1]:
                oldest.unlink(missing_ok=True)
        return path

    def _spread(self) -> "HintedLayers":
        """What spreads from pixels of this photo: some 50 MB, so that only those who draw now have it at hand."""
        from colorhub.hints import HintedLayers

        with _AT_HAND_LOCK:
            spread = _AT_HAND.pop(self, None) or HintedLayers(self._place, self.colored.layer.L)
            _AT_HAND[self] = spread
            while len(_AT_HAND) > _DRAWING:
                del _AT_HAND[next(iter(_AT_HAND))]
            return spread

    def close(self, linger: float = 0.0) -> None:
        with _AT_HAND_LOCK:
            _AT_HAND.pop(self, None)
        super().close(linger)

    def _warm_up(self) -> None:
        """What the first hint needs and later ones share, while the visitor looks at the picture."""
        with self._lock:
            self._spread().apply(
                self.colored.layer.ab, hints_from([[side // 2 for side in self.size] + [_ANY]], self.size)
            )

    def _composed(self, layer: "ColorLayer", vividness: float, longest: int) -> np.ndarray:
        if longest not in self._views:  # on which a preview is composed, for the last two sizes
            self._views = {**dict(list(self._views.items())[-1:]), longest: shrink(self.colored.view, longest)}
        view = self._views[longest]
        return after(replace(self.colored, view=view, layer=layer), vividness, longest, self._composers)

    @property
    def _composers(self) -> Composers:
        return Composers({self.model: self._pipeline})


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
