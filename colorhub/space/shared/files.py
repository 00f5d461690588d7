"""The files that the page shows of a photo, in a folder that goes with its session."""

import shutil
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Timer
from urllib.parse import quote

import numpy as np
from gradio.utils import get_upload_folder

from colorhub.space.shared.jobs import Colored, Written, after, before, write_full_size, write_preview
from colorhub.space.shared.limits import PREVIEW

PREVIEWS = 24  # kept: a browser may still be fetching one that was replaced while the slider moves
_LINGER = 60.0  # seconds that the files of a replaced photo stay, for the same reason


class SessionFiles:
    """A visitor's files. ``close`` removes them; the page calls it when the visitor has gone."""

    def __init__(self) -> None:
        self.folder = new_folder()
        self._numbers = count()
        self._previews: list[Path] = []

    def close(self, linger: float = 0.0) -> None:
        """Remove the files, after ``linger`` seconds."""
        timer = Timer(linger, shutil.rmtree, (self.folder,), {"ignore_errors": True})
        timer.daemon = True
        timer.start()
        if not linger:
            timer.join()

    def write_preview(self, pixels: np.ndarray, name: str, keep: Path | None = None) -> Path:
        """Write a preview under a new name; the oldest but ``keep`` goes when there are many."""
        path = write_preview(pixels, self.folder / f"{name}-{next(self._numbers)}.jpg")
        self._previews.append(path)
        while len(self._previews) > PREVIEWS:
            oldest = self._previews.pop(0)
            if oldest != keep:
                oldest.unlink(missing_ok=True)
        return path


class PhotoSession(SessionFiles):
    """A coloured photo of the tab Colorize and its files. ``first``: the model's own answer; ``others``: the four
    alternatives that are shown, of ``drawn`` so far."""

    def __init__(self, colored: Colored) -> None:
        super().__init__()
        self.colored = self.first = colored
        self.others: list[Colored] = []
        self.drawn = 0
        self._before = str(write_preview(before(colored), self.folder / "before.jpg"))

    def show(self, vividness: float, longest: int = PREVIEW) -> tuple[str, str]:
        """Files with the preview before and after colouring, the latter at most ``longest`` pixels wide and high."""
        if self.colored.passed_through:
            return self._before, self._before
        return self._before, str(self.write_preview(after(self.colored, vividness, longest), "after"))

    def show_others(self, vividness: float, longest: int) -> list[str]:
        """Files with small previews of :attr:`others`."""
        number = next(self._numbers)
        return [
            str(write_preview(after(other, vividness, longest), self.folder / f"other-{number}-{place}.jpg"))
            for place, other in enumerate(self.others)
        ]

    def download(self, vividness: float) -> Written:
        """The full-size file."""
        return write_full_size(self.colored, vividness, self.folder)


def new_folder() -> Path:
    """A new folder that nobody can guess, inside the folder that gradio serves files from."""
    folder = Path(get_upload_folder()) / f"colorhub-{token_hex(16)}"
    folder.mkdir(parents=True)
    return folder


def forget(session: SessionFiles | None) -> None:
    """Remove the files of a session that ended or has a new photo."""
    if session is not None:
        session.close(_LINGER)


def file_url(path: Path) -> str:
    """Where the page finds a file of its own folders."""
    return f"gradio_api/file={quote(str(path))}"
