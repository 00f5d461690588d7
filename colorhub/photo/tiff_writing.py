"""TIFF files: deflated pixels of 8 or 16 bits, with every tag that is not about the old file's pixels."""

import io
import struct
from typing import Any

import numpy as np

from colorhub.photo import exif as tiff
from colorhub.photo.metadata import Metadata, iptc_resource
from colorhub.photo.profiles import srgb_profile

# tifffile writes these itself.
_OWN = frozenset([tiff.ORIENTATION, tiff.X_RESOLUTION, tiff.Y_RESOLUTION, tiff.RESOLUTION_UNIT])
_DESCRIPTION = 270
# tifffile does not write pointers to directories. They are written under the code before theirs, which keeps the table
# sorted, and renamed once the directories have been put behind the file.
_STAND_IN = {tiff.EXIF_POINTER: tiff.EXIF_POINTER - 1, tiff.GPS_POINTER: tiff.GPS_POINTER - 1}
_BYTES, _UNDEFINED = 1, 7
_LARGEST_CLASSIC = 3_900_000_000  # bytes: a classic TIFF holds 4 GiB, and some room is needed


def encode_tiff(pixels: np.ndarray, metadata: Metadata, notes: list[str], lossless: bool) -> bytes:
    """``(H, W, 3 or 4)`` uint8 or uint16 and metadata as a TIFF file. Says in ``notes`` what could not be kept."""
    import tifffile

    order, top = _directory(metadata, notes)
    big = pixels.nbytes > _LARGEST_CLASSIC
    below = [entry for entry in top.entries if entry.tag in _STAND_IN]
    if big and below:
        top.entries = [entry for entry in top.entries if entry.children is None]
        notes.append("a TIFF of more than 4 GB is written without camera and GPS data")
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=order, bigtiff=big) as writer:
        writer.write(
            pixels,
            photometric="rgb",
            compression="adobe_deflate",
            compressionargs={"level": 4},
            predictor=True,
            rowsperstrip=max(1, (1 << 20) // (pixels.shape[1] * pixels.shape[2] * pixels.itemsize)),
            extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
            resolution=metadata.dpi or (1, 1),
            resolutionunit="INCH" if metadata.dpi else "NONE",
            software=False,
            metadata=None,
            iccprofile=srgb_profile() if metadata.had_profile else None,
            extratags=_extra_tags(top, metadata),
        )
    if below and not big:
        _append_directories(out, below, order)
    return out.getvalue()


def _directory(metadata: Metadata, notes: list[str]) -> tuple[str, tiff.Directory]:
    """The EXIF block's directory and its byte order, in which the file is written: maker notes are in it too."""
    if metadata.exif is None:
        return "<", _with_description(tiff.Directory(), metadata, notes)
    try:
        reader = tiff.from_bytes(metadata.exif)
        top = reader.directory(reader.first)
    except tiff.ExifError:
        notes.append("its EXIF data is damaged and was left out")
        return "<", _with_description(tiff.Directory(), metadata, notes)
    skipped = tiff.STRUCTURAL | _OWN | {tiff.INTEROP_POINTER}
    top.entries = [entry for entry in top.entries if entry.tag not in skipped]
    return reader.order, _with_description(top, metadata, notes)


def _with_description(top: tiff.Directory, metadata: Metadata, notes: list[str]) -> tiff.Directory:
    """Comments become the image description, unless there is one."""
    texts = [*metadata.comments, *(f"{key}: {value}" for key, value in metadata.texts.items())]
    if texts and top.find(_DESCRIPTION):
        notes.append("TIFF has no further place for comments: left out")
    elif texts:
        value = "\n".join(texts).encode("utf-8", "replace") + b"\0"
        top.entries.append(tiff.Entry(_DESCRIPTION, 2, len(value), value))
    return top


def _extra_tags(top: tiff.Directory, metadata: Metadata) -> list[tuple[Any, ...]]:
    tags: list[tuple[Any, ...]] = []
    for entry in top.entries:
        if entry.children is not None:
            tags.append((_STAND_IN[entry.tag], 4, 1, 0, True))
        elif entry.kind <= 12 and entry.tag not in _STAND_IN.values():
            tags.append((entry.tag, entry.kind, entry.count, entry.value, True))
    if metadata.xmp:
        tags.append((tiff.XMP, _BYTES, len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        tags.append((tiff.IPTC, _UNDEFINED, len(metadata.iptc), metadata.iptc, True))
    resources = (metadata.photoshop or b"") + (
        iptc_resource(metadata.iptc) if metadata.iptc and metadata.photoshop else b""
    )
    if resources:
        tags.append((tiff.PHOTOSHOP, _BYTES, len(resources), resources, True))
    return tags


def _append_directories(out: io.BytesIO, entries: list[tiff.Entry], order: str) -> None:
    """Put the Exif and GPS directories behind the file and their offsets into the tags that wait for them."""
    places = _entry_places(out.getvalue(), order)
    for entry in entries:
        if entry.children is None:
            continue
        end = out.seek(0, io.SEEK_END)
        out.write(bytes(end % 2))
        at = out.tell()
        out.write(tiff.pack(entry.children, order, at))
        out.seek(places[_STAND_IN[entry.tag]])
        out.write(struct.pack(order + "HHII", entry.tag, 4, 1, at))


def _entry_places(raw: bytes, order: str) -> dict[int, int]:
    """Where the tags of the first directory stand in a classic TIFF file."""
    (first,) = struct.unpack_from(order + "I", raw, 4)
    (count,) = struct.unpack_from(order + "H", raw, first)
    starts = [first + 2 + 12 * index for index in range(count)]
    return {struct.unpack_from(order + "H", raw, start)[0]: start for start in starts}
