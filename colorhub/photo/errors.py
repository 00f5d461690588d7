"""The one error of this package, and the sentence that names what is accepted."""

ACCEPTED = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and AVIF pictures are accepted"


class PhotoError(ValueError):
    """A photo could not be read or written: one sentence that names the file, the reason and what is accepted."""


def unreadable(name: str, reason: str, advice: str = ACCEPTED) -> PhotoError:
    """The error for a photo called ``name`` that cannot be read: ``reason`` completes "photo.jpg ...", ``advice`` says
    what works instead."""
    return PhotoError(f"{name} {reason}; {advice}.")


def short(error: BaseException | str) -> str:
    """A library's message on one line, without a closing full stop, short enough for a sentence."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= 100 else text[:97] + "..."
