"""What the page remembers about one visitor: the last photo, small, and a folder with the few files that are shown."""

import shutil
from itertools import count
from pathlib import Path
from secrets import token_hex

from gradio.utils import get_upload_folder

from colorhub.space.jobs import Colored, after, before, write_full_size, write_preview

_SHOWN = 3  # previews kept: the browser may still be fetching the one before the last


class Session:
    """A coloured photo and its files. ``close`` removes the files; the page calls it when the visitor has gone."""

    def __init__(self, colored: Colored) -> None:
        self.colored = colored
        self.folder = new_folder()
        self._numbers = count()
        self._previews: list[Path] = []
        self._before = write_preview(before(colored), self.folder / "before.jpg")

    def show(self, vividness: float) -> tuple[str, str]:
        """Files with the preview before and after colouring."""
        if self.colored.passed_through:
            return str(self._before), str(self._before)
        path = write_preview(after(self.colored, vividness), self.folder / f"after-{next(self._numbers)}.jpg")
        self._previews.append(path)
        while len(self._previews) > _SHOWN:
            self._previews.pop(0).unlink(missing_ok=True)
        return str(self._before), str(path)

    def download(self, vividness: float) -> Path:
        """The full-size file."""
        return write_full_size(self.colored, vividness, self.folder)

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def new_folder() -> Path:
    """A new folder that nobody can guess, inside the folder that gradio serves files from."""
    folder = Path(get_upload_folder()) / f"colorhub-{token_hex(16)}"
    folder.mkdir(parents=True)
    return folder


def forget(session: Session | None) -> None:
    """Remove the files of a session that ended."""
    if session is not None:
        session.close()
