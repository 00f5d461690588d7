"""An XMP packet made to fit the picture that is written: what it said of the old file's bytes, size, turn or tone is
corrected or left out."""

import re
from typing import Any
from xml.dom.minidom import Document

from colorhub.photo.metadata.turning import Turn
from colorhub.photo.metadata.xmp_regions import turn_regions
from colorhub.photo.metadata.xmp_tree import parse, properties, remove_all, serialise, set_text, text_of

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_XMP, _DC = "http://ns.adobe.com/xap/1.0/", "http://purl.org/dc/elements/1.1/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_CAMERA_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
_GOOGLE = "http://ns.google.com/photos/1.0/"
# Whole namespaces about pictures, videos and sounds beside or inside the main picture's file, which are not written.
BESIDE = (
    f"{_GOOGLE}container/",
    f"{_GOOGLE}image/",
    f"{_GOOGLE}audio/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.apple.com/pixeldatainfo/",
)
_MOTION = re.compile(r"MotionPhoto|MicroVideo")
# Facts about the old file's bytes and size: nobody misses them.
STALE = {
    _TIFF: frozenset(
        [
            "ImageWidth",
            "ImageLength",
            "ImageHeight",
            "BitsPerSample",
            "Compression",
            "PhotometricInterpretation",
            "SamplesPerPixel",
            "PlanarConfiguration",
            "YCbCrSubSampling",
            "YCbCrPositioning",
            "YCbCrCoefficients",
            "TransferFunction",
            "WhitePoint",
            "PrimaryChromaticities",
            "ReferenceBlackWhite",
            "NativeDigest",
        ]
    ),
    _EXIF: frozenset(
        ["PixelXDimension", "PixelYDimension", "ComponentsConfiguration", "CompressedBitsPerPixel", "NativeDigest"]
    ),
    _PHOTOSHOP: frozenset(["ColorMode", "ICCProfile"]),
    _XMP: frozenset(["Thumbnails"]),
    _DC: frozenset(["format"]),
}
# Of whole pictures that were turned, these are wrong, and turning them needs more than their format says.
_UNTURNED = (f"{_GOOGLE}panorama/", f"{_GOOGLE}depthmap/", f"{_GOOGLE}focus/", _CAMERA_RAW)
_TONE = re.compile(
    "ConvertToGrayscale|Treatment|Gray|AutoGray|SplitToning|ColorGrade|Saturation|Vibrance|Hue|Luminance|Look|"
    "CameraProfile|ProfileName"
)
_PLACES = frozenset(["SubjectArea", "SubjectLocation"])
_EXCHANGED = ((_TIFF, "XResolution", "YResolution"), (_EXIF, "FocalPlaneXResolution", "FocalPlaneYResolution"))
_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)([1-8])")


def fit(packet: bytes, turn: Turn, *, is_srgb: bool, notes: list[str]) -> bytes:
    """The packet for the picture after ``turn``; the very same bytes where nothing has to be changed.

    ``is_srgb``: the colours were converted, so that what it says of a colour space is no longer true. Says in ``notes``
    what was left out.
    """
    document = parse(packet)
    if document is None:  # nobody believes it, but some programs search it for the orientation
        return _ORIENTATION.sub(rb"\g<1>1", packet)
    changed = _remove_unfit(document, turn, is_srgb, notes)
    changed = _turn_values(document, turn) or changed
    changed = turn_regions(document, turn, notes) or changed
    return serialise(document) if changed else packet


def without_tone(packet: bytes, notes: list[str]) -> bytes:
    """The packet without develop settings that would take the colours away again, or change them."""
    document = parse(packet) if _CAMERA_RAW.encode() in packet else None
    if document is None:
        return packet
    found = [p for p in properties(document) if p[1].namespaceURI == _CAMERA_RAW and _TONE.match(p[1].localName)]
    if not found:
        return packet
    remove_all(found)
    notes.append("Camera Raw's settings of tone and colour in its XMP were made for the uncoloured photo: left out")
    return serialise(document)


def _remove_unfit(document: Document, turn: Turn, is_srgb: bool, notes: list[str]) -> bool:
    unfit = []
    for description, node in properties(document):
        namespace, name = node.namespaceURI or "", node.localName
        is_beside = namespace.startswith(BESIDE) or (namespace.startswith(_GOOGLE) and bool(_MOTION.match(name)))
        is_unturned = turn.orientation != 1 and namespace.startswith(_UNTURNED)
        is_converted = is_srgb and (namespace, name) == (_EXIF, "ColorSpace")
        if not (is_beside or is_unturned or is_converted or name in STALE.get(namespace, ())):
            continue
        unfit.append((description, node))
        if is_beside:
            notes.append("what its XMP says of, or holds as, further pictures, videos and sounds was left out")
        elif is_unturned:
            notes.append("what its XMP says of a panorama, depth or crop does not fit the turned picture: left out")
    remove_all(unfit)
    notes[:] = dict.fromkeys(notes)
    return bool(unfit)


def _turn_values(document: Document, turn: Turn) -> bool:
    """Orientation, resolutions, and the subject's place."""
    found = {(node.namespaceURI, node.localName): node for _, node in properties(document)}
    changed = False
    orientation = found.get((_TIFF, "Orientation"))
    if orientation is not None and text_of(orientation).strip() != "1":
        set_text(orientation, "1")
        changed = True
    if turn.orientation == 1:
        return changed
    for namespace, one, other in _EXCHANGED if turn.swaps else ():
        first, second = found.get((namespace, one)), found.get((namespace, other))
        if first is not None and second is not None:
            texts = text_of(first), text_of(second)
            set_text(first, texts[1])
            set_text(second, texts[0])
            changed = True
    for place in _PLACES:
        if (node := found.get((_EXIF, place))) is not None:
            changed = _turn_place(node, turn) or changed
    return changed


def _turn_place(node: Any, turn: Turn) -> bool:
    """A sequence of x, y and the sides of an area around it, in pixels."""
    items = [item for item in node.getElementsByTagName("*") if item.localName == "li"] if node.childNodes else []
    try:
        numbers = [int(text_of(item)) for item in items]
    except ValueError:
        return False
    if not 2 <= len(numbers) <= 4 or not (0 <= numbers[0] < turn.width and 0 <= numbers[1] < turn.height):
        return False
    x, y, *sides = numbers
    if len(sides) == 2 and turn.swaps:
        sides.reverse()
    for item, number in zip(items, [*turn.pixel(x, y), *sides], strict=True):
        set_text(item, str(number))
    return True
