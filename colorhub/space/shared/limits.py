"""What a visitor may send, and the words a visitor gets when something cannot be done."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

MAX_BYTES = 50 * 2**20
MAX_PIXELS = 50_000_000
MAX_FILES = 50  # photos in one album
PREVIEW = 2048  # longest side in pixels of what the page shows; the download is full size
DRAFT = 1024  # the same while the vividness slider is being moved
MAX_SIZE = {1: 1024, 3: 768}  # working size in pixels by the number of views: the largest of three is a third larger
MAX_HINTS = 200  # of one photo
QUEUE = 24  # visitors waiting; the next one is told to come back
SESSIONS = 200  # visitors whose last photo stays in memory
KEEP_FILES = (900, 3 * 3600)  # every so many seconds, files older than so many seconds are deleted
KEEP_SESSION = 3600  # seconds a visitor's last photo stays in memory

GONE = "This page has been open for long and the photo is no longer here. Please choose it again."

T = TypeVar("T")
_log = logging.getLogger(__name__)


class RefusedError(ValueError):
    """An upload or a setting that is not accepted: the message is one sentence for the visitor."""


def in_page_words(error: ValueError) -> str:
    """An error's sentence without the advice that only someone who programs or types commands can follow."""
    return str(error).replace(" (the setting is max_pixels)", " here")


def plain(text: str) -> str:
    """Text that may hold a visitor's file name, with everything that Markdown or HTML would read taken literally."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{sign}" if sign in "\\`*_[]#|~$" else sign for sign in escaped)


@contextmanager
def error_messages() -> Iterator[None]:
    """Turn every error into a message on the page, in the words of :func:`error_sentence`."""
    try:
        yield
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(error_sentence(error), duration=12, print_exception=False) from error


def error_sentence(error: Exception) -> str:
    """What a visitor is told of an error: its own words where it explains itself; the others are logged."""
    from colorhub.models import ModelNotFoundError, WeightsError

    if isinstance(error, MemoryError):
        return "This photo needs more memory than is free here. Please try a smaller one."
    if isinstance(error, (ModelNotFoundError, WeightsError)):
        return str(error)
    if isinstance(error, ValueError):  # PhotoError, RefusedError, settings out of range
        return in_page_words(error)
    if isinstance(error, OSError):
        return f"The file could not be read or written: {error.strerror or error}."
    _log.error("unexpected error", exc_info=error)
    return "Something went wrong on our side; the photo was not changed. Please try another one."


def still_here(session: T | None) -> T:
    """The session of an event. Raises :class:`RefusedError` where it has been forgotten meanwhile."""
    if session is None:
        raise RefusedError(GONE)
    return session


def show_progress(line: str) -> None:
    """Show a line where the page waits for the event that is running; nothing for an empty one."""
    if line:
        gr.Progress()(0.0, desc=line)


def upload_path(upload: Any) -> Path:
    """The path of an uploaded file as the browser or a client sent it, byte for byte.

    Raises:
        RefusedError: nothing was sent, it is not an upload, or it is larger than the limit.
    """
    if isinstance(upload, dict):
        upload = upload.get("path")
    if not upload:
        raise RefusedError("Please choose a photo first.")
    path = Path(str(upload)).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise RefusedError("This file was not uploaded here. Please send the photo itself.")
    if not path.is_file():
        raise RefusedError("The photo is no longer here: uploads are deleted after a while. Please choose it again.")
    if path.stat().st_size > MAX_BYTES:
        raise RefusedError(f"{path.name} is larger than {MAX_BYTES // 2**20} MB, the limit of this page.")
    return path
