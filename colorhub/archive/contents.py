"""Whether a result is what colouring makes of its source: the same size, lightness and metadata, and a record."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from colorhub.archive.rows import Row
from colorhub.photo import Photo
from colorhub.photo.metadata.metadata import Metadata
from colorhub.photo.metadata.xmp import NAMESPACE
from colorhub.photo.metadata.xmp_tree import parse, properties, text_of

_GRID, _CELL = 64, 8  # lightness is compared in so many cells of the long side, of so many pixels at least
_OFF = 6.0  # of 255 grey codes that a cell may differ by; a JPEG of quality 95 differs by less than 1
_OFF_LOW_QUALITY = 14.0  # below quality 50
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_EXIF_TAGS = {
    None: ("ImageDescription", "Make", "Model", "DateTime", "Artist", "Copyright"),
    _EXIF_IFD: ("DateTimeOriginal", "DateTimeDigitized", "LensModel", "BodySerialNumber"),
}
_XMP = (  # what people write; other namespaces tell of the file, which is another now
    "http://purl.org/dc/elements/1.1/",
    "http://ns.adobe.com/photoshop/1.0/",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
)


def record(photo: Photo) -> dict[str, str]:
    """The facts of a result's record by name, such as ``Model`` and ``WeightsSha256``; none where it has none."""
    document = parse(photo.metadata.xmp) if photo.metadata.xmp else None
    nodes = properties(document) if document else []
    return {node.localName: text_of(node) for _, node in nodes if node.namespaceURI == NAMESPACE}


def damage_of_record(row: Row, result: Photo, *, wanted: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with what a result says of its colours: kind and sentence.

    Args:
        row: of the manifest.
        result: as it is now.
        wanted: whether the run's settings asked for a record.
    """
    if row.status != "colored" or not wanted:
        return
    found = record(result)
    if not found:
        yield "metadata", "its record, that a model invented the colours, is gone"
    elif row.model_sha256 and found.get("WeightsSha256") != row.model_sha256:
        yield "model", f"by its record it was coloured by other weights of {found.get('Model')} than the manifest says"


def damage_of_contents(row: Row, source: Photo, result: Photo, quality: int) -> Iterator[tuple[str, str]]:
    """In what a result differs from its source otherwise than in colour: kind and sentence.

    Args:
        row: of the manifest. Metadata is not compared where it says that something of it was lost.
        source: the photo.
        result: as it is now.
        quality: of the result's file, 1 to 100.
    """
    if source.size != result.size:
        (width, height), (now_width, now_height) = source.size, result.size
        yield "dimensions", f"it has {now_width} x {now_height} pixels, and its source {width} x {height}"
        return
    off = float(np.abs(_tones(source.grey) - _tones(result.grey)).max())
    if off > (_OFF if quality >= 50 else _OFF_LOW_QUALITY):
        yield "lightness", f"its lightness differs from that of its source, by {off:.0f} of 255 where it differs most"
    if not row.notes and (lost := sorted(_lost(source.metadata, result.metadata))):
        yield "metadata", f"it lacks what its source says, or says something else: {', '.join(lost[:5])}"


def _tones(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    scale = min(1 / _CELL, _GRID / max(height, width))
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(grey, shape, interpolation=cv2.INTER_AREA).astype(np.float32)
    return small * (255 / np.iinfo(grey.dtype).max)


def _lost(source: Metadata, result: Metadata) -> Iterator[str]:
    now = dict(_facts(result))
    yield from (name for name, value in _facts(source) if now.get(name) != value)
    if source.iptc and not (result.iptc or result.xmp):
        yield "IPTC captions"


def _facts(metadata: Metadata) -> Iterator[tuple[str, str]]:
    """What people and cameras wrote about a photo, by name."""
    if metadata.exif:
        yield from _exif_facts(metadata.exif)
    document = parse(metadata.xmp) if metadata.xmp else None
    for _, node in properties(document) if document else []:
        if node.namespaceURI in _XMP:
            yield f"XMP {node.localName}", " ".join(text_of(node).split())


def _exif_facts(block: bytes) -> Iterator[tuple[str, str]]:
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    for directory, names in _EXIF_TAGS.items():
        values: Any = exif if directory is None else exif.get_ifd(directory)
        found = {name: values.get(ExifTags.Base[name].value) for name in names}
        yield from ((f"EXIF {name}", str(value)) for name, value in found.items() if value not in (None, ""))
    if place := exif.get_ifd(_GPS_IFD):
        yield "EXIF GPS", str(sorted(place.items()))
