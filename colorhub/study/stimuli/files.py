"""The files that raters get: WebP, all of one length, without metadata, under names that say nothing."""

import io
import secrets
import struct

import numpy as np
from PIL import Image

SUFFIX = ".webp"
_STEP = 1024  # lengths are multiples of this
_HEAD = 12  # RIFF, length, WEBP
_EXTENDED = 18  # the VP8X chunk
_FRAME = 8  # name and length of a chunk
_METHOD = 4


def random_name() -> str:
    """128 random bits, in hex."""
    return secrets.token_hex(16)


def encode(pixels: np.ndarray, quality: int) -> bytes:
    """``(H, W, 3)`` uint8 sRGB to a WebP file. Every stimulus of a study goes through these settings."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=quality, method=_METHOD)
    return out.getvalue()


def common_length(contents: list[bytes]) -> int:
    """The length that all these files can be given by :func:`padded`."""
    needed = max(map(len, contents)) + _EXTENDED + _FRAME
    return -(-needed // _STEP) * _STEP


def padded(content: bytes, length: int) -> bytes:
    """The same picture in a file of ``length`` bytes, so that how well it compressed is not seen from its length.

    The simple WebP file becomes an extended one, with an unknown chunk at its end that readers skip (RFC
    9649). It holds random bytes: zeros would be compressed away in transport, and the file of a known picture could be
    recognized by its hash. A padded file is padded anew.

    Raises:
        ValueError: it does not fit.
    """
    picture, width, height = _picture_chunk(content)
    head = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    head += (height - 1).to_bytes(3, "little")
    room = length - _HEAD - len(head) - len(picture) - _FRAME
    if room < 0 or length % 2:
        raise ValueError(f"A picture of {len(content)} bytes does not fit into a file of {length}.")
    chunk = b"PAD " + struct.pack("<I", room) + secrets.token_bytes(room)
    return b"RIFF" + struct.pack("<I", length - 8) + b"WEBP" + head + picture + chunk


def _picture_chunk(content: bytes) -> tuple[bytes, int, int]:
    """The chunk with the lossy picture, and its width and height from its frame header (RFC 6386, 9.1)."""
    at = _HEAD
    while at + _FRAME <= len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        end = at + _FRAME + size + size % 2
        if content[at : at + 4] == b"VP8 ":
            width, height = struct.unpack_from("<HH", content, at + _FRAME + 6)
            return content[at:end].ljust(end - at, b"\0"), width & 0x3FFF, height & 0x3FFF
        at = end
    raise ValueError("No lossy WebP picture in these bytes.")
