"""The one error of this package, and the sentence that names what is accepted."""

ACCEPTED = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and AVIF pictures are accepted"


class PhotoError(ValueError):
    """A photo could not be read or written: one sentence that names the file, the reason and what is accepted.

    Example:
        >>> from colorhub import Photo, PhotoError
        >>> try:
        ...     Photo.open("scan.tif")
        ... except PhotoError as error:
        ...     print(error)
        scan.tif does not exist; JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and AVIF pictures are accepted.
    """


def unreadable(name: str, reason: str, advice: str = ACCEPTED) -> PhotoError:
    """The error for a photo called ``name`` that cannot be read: ``reason`` completes "photo.jpg ...", ``advice`` says
    what works instead."""
    return PhotoError(f"{name} {reason}; {advice}.")


class UnsupportedError(ValueError):
    """A picture is whole, but of a kind that nothing here decodes: the message completes "photo.tif ..."."""
