"""The table of containers and metadata blocks: what goes in comes out where exiftool finds it, or its loss is said.

exiftool writes the sources, too, so that no mistake of ours can meet itself.
"""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
import skimage
from old_tools import exiftool_needed, exiftool_tags
from photo_files import colored
from PIL import Image, ImageCms

from colorhub.photo import Photo

pytestmark = [exiftool_needed, pytest.mark.slow]
SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "HEIF": ".heic",
    "AVIF": ".avif",
    "GIF": ".gif",
    "BMP": ".bmp",
}
# The blocks that a container can hold, as exiftool writes them; ICC and resolution are Pillow's.
WRITTEN = {
    "EXIF": [
        "-EXIF:Make=Scanner & Co",
        "-EXIF:DateTimeOriginal=1912:05:01 10:00:00",
        "-EXIF:GPSLatitude=52.5",
        "-EXIF:GPSLatitudeRef=N",
    ],
    "XMP": ["-XMP-dc:Source=attic", "-XMP-dc:Title=Großmutter"],
    "IPTC": ["-IPTC:Caption-Abstract=Our garden", "-IPTC:Keywords=roses", "-IPTC:Keywords=1912"],
    "comment": ["-Comment=scanned by Ann"],
}
SOURCES = {
    "JPEG": ["EXIF", "XMP", "IPTC", "comment", "ICC", "resolution"],
    "PNG": ["EXIF", "XMP", "IPTC", "comment", "ICC", "resolution"],
    "WEBP": ["EXIF", "XMP", "ICC"],
    "TIFF": ["EXIF", "XMP", "IPTC", "ICC", "resolution"],
    "HEIF": ["EXIF", "XMP", "ICC"],
    "AVIF": ["EXIF", "XMP", "ICC"],
    "GIF": ["XMP", "comment"],
    "BMP": ["resolution"],
}
KEPT, CONVERTED, SAID = "kept", "converted", "said to be lost"
# What becomes of a block in the container that is written.
TABLE = {
    "JPEG": dict.fromkeys(WRITTEN, KEPT) | {"ICC": KEPT, "resolution": KEPT},
    "PNG": dict.fromkeys(WRITTEN, KEPT) | {"ICC": KEPT, "resolution": KEPT},
    "TIFF": dict.fromkeys(WRITTEN, KEPT) | {"ICC": KEPT, "resolution": KEPT},
    **{
        format: {"EXIF": KEPT, "XMP": KEPT, "IPTC": CONVERTED, "comment": SAID, "ICC": KEPT, "resolution": KEPT}
        for format in ("WEBP", "HEIF", "AVIF")
    },
    "BMP": dict.fromkeys(WRITTEN, SAID) | {"ICC": SAID, "resolution": KEPT},
}
FOUND: dict[str, Callable[[dict[str, Any]], bool]] = {
    "EXIF": lambda tags: (
        tags.get("IFD0:Make") == "Scanner & Co"
        and tags.get("ExifIFD:DateTimeOriginal") == "1912:05:01 10:00:00"
        and tags.get("GPS:GPSLatitude") == 52.5
    ),
    "XMP": lambda tags: tags.get("XMP-dc:Source") == "attic" and tags.get("XMP-dc:Title") == "Großmutter",
    "IPTC": lambda tags: tags.get("IPTC:Caption-Abstract") == "Our garden" and len(tags.get("IPTC:Keywords", ())) == 2,
    "comment": lambda tags: (
        "scanned by Ann" in {tags.get(tag) for tag in ("File:Comment", "PNG:Comment", "IFD0:ImageDescription")}
    ),
    "ICC": lambda tags: "sRGB" in str(tags.get("ICC_Profile:ProfileDescription")),
    "resolution": lambda tags: (
        300 in {tags.get(tag) for tag in ("JFIF:XResolution", "IFD0:XResolution")}
        or 11811 in {tags.get(tag) for tag in ("PNG-pHYs:PixelsPerUnitX", "File:PixelsPerMeterX")}
    ),
}


def source(format: str, folder: Path) -> Path:
    """A file with every block that its container can hold."""
    path = folder / f"in{SUFFIXES[format]}"
    color = Image.fromarray(skimage.data.astronaut()[:60, 100:180].copy())
    options: dict[str, Any] = {}
    if "ICC" in SOURCES[format]:
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if "resolution" in SOURCES[format]:
        options["dpi"] = (300, 300)
    if format == "HEIF":
        out = io.BytesIO()
        pillow_heif.from_pillow(color).save(out, quality=90, **options)
        path.write_bytes(out.getvalue())
    else:
        color.save(path, format, **options)
    arguments = [argument for block in SOURCES[format] for argument in WRITTEN.get(block, [])]
    if arguments:
        command = ["exiftool", "-q", "-m", "-overwrite_original", "-codedcharacterset=utf8", *arguments, str(path)]
        if "IPTC" not in SOURCES[format]:
            command.remove("-codedcharacterset=utf8")
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


@pytest.mark.parametrize("written", TABLE)
@pytest.mark.parametrize("read", SOURCES)
def test_no_block_is_lost_silently(read: str, written: str, tmp_path: Path) -> None:
    path = source(read, tmp_path)
    before = exiftool_tags(path)
    for block in SOURCES[read]:
        assert FOUND[block](before), f"the source has no {block}: {before}"
    result = colored(Photo.open(path))
    after = exiftool_tags(result.save(tmp_path / "out", written))
    cells = {block: cell(block, after, result.notes or ()) for block in SOURCES[read]}
    assert cells == {block: TABLE[written][block] for block in SOURCES[read]}, (after, result.notes)


def cell(block: str, tags: dict[str, Any], notes: tuple[str, ...]) -> str:
    """What became of a block."""
    if FOUND[block](tags):
        return KEPT
    as_xmp = tags.get("XMP-dc:Description") == "Our garden" and len(tags.get("XMP-dc:Subject", ())) == 2
    if block == "IPTC" and as_xmp and any("written as XMP" in note for note in notes):
        return CONVERTED
    words = {"comment": ("comments: left out", "for metadata: left out")}.get(block, ("for metadata: left out",))
    return SAID if any(word in note for word in words for note in notes) else "LOST"
