"""Photoshop's resource blocks (8BIM), the house of IPTC records in JPEG, TIFF and PNG."""

import hashlib
import struct

IPTC_RESOURCE, DIGEST_RESOURCE = 0x0404, 0x0425
# Those that describe the old file: thumbnails, ICC profile, caches of EXIF and XMP.
_STALE = frozenset([0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424])
Resources = dict[int, tuple[bytes, bytes]]


def unpack(blocks: bytes) -> Resources:
    """Resource blocks: number -> (name as stored, data). Stops at the first that is damaged."""
    found: Resources = {}
    at = 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, at + 4)
        name_length = (blocks[at + 6] + 2) // 2 * 2  # a length byte and the name, padded to even
        name = blocks[at + 6 : at + 6 + name_length]
        at += 6 + name_length
        if at + 4 > len(blocks):
            break
        (size,) = struct.unpack_from(">I", blocks, at)
        data = blocks[at + 4 : at + 4 + size]
        if len(data) < size:
            break
        found[number] = (name, data)
        at += 4 + size + size % 2
    return found


def iptc_of(resources: Resources) -> bytes | None:
    """The IPTC records among the resources."""
    return resources.get(IPTC_RESOURCE, (b"", b""))[1] or None


def pack(resources: Resources) -> bytes | None:
    """All resources but IPTC and those that describe the old file."""
    kept = {n: value for n, value in resources.items() if n not in _STALE and n != IPTC_RESOURCE}
    return b"".join(block(number, data, name) for number, (name, data) in kept.items()) or None


def block(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    """One resource as bytes."""
    return b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def with_iptc(resources: bytes | None, iptc: bytes | None) -> bytes:
    """Resource blocks with IPTC records among them."""
    return (resources or b"") + (block(IPTC_RESOURCE, iptc) if iptc else b"")


def iptc_was_edited(resources: bytes | None, iptc: bytes) -> bool:
    """Whether IPTC records changed after the XMP was written, by a program that knows no XMP: their MD5 is another
    than the one that was noted (Metadata Working Group, Guidelines 2.0, section 3.2). Without a note they did not. TIFF
    pads them with up to three zeros, which may or may not be part of what was digested."""
    noted = unpack(resources or b"").get(DIGEST_RESOURCE, (b"", b""))[1]
    if not noted.strip(b"\0"):
        return False
    bare = iptc.rstrip(b"\0")
    spellings = (bare.ljust(length, b"\0") for length in range(max(len(bare), len(iptc) - 3), len(iptc) + 4))
    return all(noted != hashlib.md5(spelling, usedforsecurity=False).digest() for spelling in spellings)
