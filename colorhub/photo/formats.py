"""Which format a result is written in: the one asked for, else the path's, else the input's, else what comes
nearest."""

from functools import cache
from pathlib import Path

from colorhub.photo.errors import PhotoError

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif",),
}
_ALIASES = {"JPG": "JPEG", "TIF": "TIFF", "HEIC": "HEIF", "MPO": "JPEG", "DIB": "BMP"}
WRITTEN = "JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF can be written"


def format_named(name: str) -> str:
    """Pillow's name for a format or suffix as people write it (``jpg``, ``.tif``, ``HEIC``). Raises
    :class:`PhotoError`."""
    wanted = name.strip().lstrip(".").upper()
    wanted = _ALIASES.get(wanted, wanted)
    if wanted not in SUFFIXES:
        raise PhotoError(f"{name!r} is no picture format that can be written; {WRITTEN}.")
    return wanted


def format_of_path(path: Path) -> str | None:
    """The format that a path's suffix stands for, ``None`` without a suffix. Raises :class:`PhotoError` for an unknown
    one."""
    suffix = path.suffix.lower()
    if not suffix:
        return None
    for name, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return name
    raise PhotoError(f"{path.name} has a suffix that stands for no picture format; {WRITTEN}.")


def writable(wanted: str, *, lossless: bool, bits: int = 8) -> tuple[str, str | None]:
    """The format that is written for ``wanted``, Pillow's name of any format, and a note where it is another one."""
    wanted = _ALIASES.get(wanted, wanted)
    if wanted not in SUFFIXES:  # read by Pillow for its user: JPEG 2000, PGM, TGA, ...
        instead = "TIFF" if bits == 16 else "PNG"
        return instead, f"{wanted} cannot be written: written as {instead}"
    if wanted == "GIF":
        return "PNG", "GIF holds 256 colours only: written as PNG"
    if not _can_write(wanted):
        instead = "PNG" if lossless else "JPEG"
        return instead, f"{wanted} cannot be written here: written as {instead}"
    return wanted, None


@cache
def _can_write(name: str) -> bool:
    if name == "HEIF":
        try:
            import pillow_heif
        except ImportError:
            return False
        return bool(pillow_heif.libheif_info().get("HEIF"))
    if name in ("AVIF", "WEBP"):
        from PIL import features

        return bool(features.check(name.lower()))
    return True


def with_suffix(path: Path, name: str) -> Path:
    """The path with a suffix that tells the truth: kept where it stands for ``name``, replaced where it stands for
    another format, else added."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES[name]:
        return path
    if any(suffix in suffixes for suffixes in SUFFIXES.values()):
        return path.with_suffix(SUFFIXES[name][0])
    return path.with_name(path.name + SUFFIXES[name][0])
