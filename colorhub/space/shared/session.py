"""What the page remembers about one visitor: the last photo, small, and a folder with the few files that are shown."""

import shutil
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Timer

from gradio.utils import get_upload_folder

from colorhub.space.shared.jobs import Colored, Written, after, before, write_full_size, write_preview
from colorhub.space.shared.limits import PREVIEW

_SHOWN = 24  # previews kept: a browser may still be fetching one that was replaced while the slider moves
_LINGER = 60.0  # seconds that the files of a replaced photo stay, for the same reason


class Kept:
    """What is remembered, with its folder. ``close`` removes the files; the page calls it when the visitor has gone."""

    def __init__(self) -> None:
        self.folder = new_folder()

    def close(self, linger: float = 0.0) -> None:
        """Remove the files, after ``linger`` seconds."""
        timer = Timer(linger, shutil.rmtree, (self.folder,), {"ignore_errors": True})
        timer.daemon = True
        timer.start()
        if not linger:
            timer.join()


class Session(Kept):
    """A coloured photo and its files."""

    def __init__(self, colored: Colored) -> None:
        super().__init__()
        self.colored = self.first = colored
        self.others: list[Colored] = []
        self.drawn = 0  # alternatives so far
        self._numbers = count()
        self._previews: list[Path] = []
        self._before = write_preview(before(colored), self.folder / "before.jpg")

    def show(self, vividness: float, longest: int = PREVIEW) -> tuple[str, str]:
        """Files with the preview before and after colouring, the latter at most ``longest`` pixels wide and high."""
        if self.colored.passed_through:
            return str(self._before), str(self._before)
        path = write_preview(after(self.colored, vividness, longest), self.folder / f"after-{next(self._numbers)}.jpg")
        self._previews.append(path)
        while len(self._previews) > _SHOWN:
            self._previews.pop(0).unlink(missing_ok=True)
        return str(self._before), str(path)

    def show_others(self, vividness: float, longest: int) -> list[str]:
        """Files with small previews of :attr:`others`."""
        number = next(self._numbers)
        names = [f"other-{number}-{other.alternative}.jpg" for other in self.others]
        return [
            str(write_preview(after(other, vividness, longest), self.folder / name))
            for other, name in zip(self.others, names, strict=True)
        ]

    def download(self, vividness: float) -> Written:
        """The full-size file."""
        return write_full_size(self.colored, vividness, self.folder)


def new_folder() -> Path:
    """A new folder that nobody can guess, inside the folder that gradio serves files from."""
    folder = Path(get_upload_folder()) / f"colorhub-{token_hex(16)}"
    folder.mkdir(parents=True)
    return folder


def forget(session: Kept | None) -> None:
    """Remove the files of a session that ended or has a new photo."""
    if session is not None:
        session.close(_LINGER)
