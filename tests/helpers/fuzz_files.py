"""Damaged, lying and hostile picture files, made from small generated pictures: the same ones for the same seed."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import tifffile
from PIL import Image

SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "GIF": ".gif",
    "HEIF": ".heic",
    "AVIF": ".avif",
}


def make_fuzzed_files(folder: Path, count: int = 500, seed: int = 0) -> list[Path]:
    """Write ``count`` files into ``folder`` and return their paths. No file is larger than about 1 MB.

    Formats and kinds of damage take turns, so that all meet; a name says what was done, such as
    ``0012_truncated_jpeg-exif.jpg``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    originals = _originals()
    kinds = list(originals)
    paths = [_write(folder, f"{n:04d}_{name}", content) for n, (name, content) in enumerate(_strangers().items())]
    while len(paths) < count:
        number = len(paths)
        kind = kinds[number % len(kinds)]
        damage_name, damage = _DAMAGES[(number // len(kinds) + number) % len(_DAMAGES)]
        content, suffix = originals[kind]
        if damage_name == "wrongext":
            suffix = rng.choice([s for s in SUFFIXES.values() if s != suffix])
        other = originals[rng.choice(kinds)][0]
        paths.append(_write(folder, f"{number:04d}_{damage_name}_{kind}{suffix}", damage(content, other, rng)))
    return paths[:count]


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _picture(channels: int, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:60, 0:80]
    planes = [np.sin(x / (5 + c)) + np.cos(y / (7 + 2 * c)) + rng.normal(0, 0.1, x.shape) for c in range(channels)]
    unit = np.clip((np.stack(planes, axis=-1) + 2.3) / 4.6, 0, 1)
    values = (unit * np.iinfo(dtype).max).astype(dtype)
    return values[..., 0] if channels == 1 else values


def _save(array: np.ndarray, format: str, **options: object) -> bytes:
    mode = options.pop("mode", None)
    image = Image.fromarray(array)
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, format, **options)
    return out.getvalue()


def _tiff(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    big = options.pop("bigtiff", False)
    with tifffile.TiffWriter(out, bigtiff=big) as writer:
        writer.write(array, **options)
        writer.write(array, **options)
    return out.getvalue()


def _heif(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(array)).save(out, quality=80)
    return out.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0132] = 6, "Maker", "1999:01:01 00:00:00"
    exif.get_ifd(0x8769).update({0x9003: "1999:01:01 00:00:00", 0x927C: b"maker note" * 20})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif.tobytes()


def _originals() -> dict[str, tuple[bytes, str]]:
    grey, rgb, rgba = _picture(1), _picture(3), _picture(4)
    frames = [Image.fromarray(_picture(3)[:, ::step]).resize((80, 60)) for step in (1, -1)]
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    made = {
        "jpeg-grey": _save(grey, "JPEG"),
        "jpeg-exif": _save(rgb, "JPEG", exif=_exif(), xmp=xmp, comment=b"hello", dpi=(300, 300)),
        "jpeg-progressive": _save(rgb, "JPEG", progressive=True),
        "jpeg-cmyk": _save(rgb, "JPEG", mode="CMYK"),
        "png-rgb": _save(rgb, "PNG", exif=_exif()),
        "png-16": _save(_picture(1, np.uint16), "PNG"),
        "png-palette": _save(rgb, "PNG", mode="P"),
        "png-bits": _save(grey, "PNG", mode="1"),
        "webp": _save(rgb, "WEBP", exif=_exif(), xmp=xmp),
        "webp-lossless": _save(rgba, "WEBP", lossless=True),
        "webp-animated": _save(rgb, "WEBP", save_all=True, append_images=frames),
        "tiff-raw": _save(rgb, "TIFF", exif=_exif()),
        "tiff-lzw": _save(grey, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": _save(rgb, "TIFF", compression="jpeg"),
        "tiff-fax": _save(grey, "TIFF", mode="1", compression="group4"),
        "tiff-deep": _tiff(_picture(3, np.uint16), photometric="rgb", compression="adobe_deflate", predictor=True),
        "tiff-tiled": _tiff(_picture(3, np.uint16), photometric="rgb", tile=(16, 16)),
        "tiff-big": _tiff(_picture(1, np.uint16), photometric="minisblack", bigtiff=True),
        "tiff-float": _tiff(_picture(1).astype(np.float32) / 255, photometric="minisblack"),
        "bmp": _save(rgb, "BMP"),
        "gif": _save(rgb, "GIF", mode="P", save_all=True, append_images=frames),
        "heif": _heif(rgb),
        "avif": _save(rgb, "AVIF", speed=10, exif=_exif()),
    }
    return {kind: (content, SUFFIXES[kind.split("-")[0].upper()]) for kind, content in made.items()}


def _truncated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _flipped(content: bytes, other: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 3, 10, 50])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _absurd_header(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """Numbers at the front replaced by the ones programs stumble over."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 2, 4])):
        at = rng.randrange(4, min(len(damaged) - 4, 300))
        number = rng.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
        damaged[at : at + 4] = struct.pack(rng.choice("<>") + "I", number)
    return bytes(damaged)


def _spliced(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """The front of one file and the back of another."""
    return content[: rng.randrange(16, len(content))] + other[rng.randrange(len(other)) :]


def _rearranged(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """A piece doubled, dropped or moved: chunks out of order, loops of offsets."""
    start = rng.randrange(8, len(content) - 8)
    piece = content[start : start + rng.choice([4, 12, 64, 400])]
    rest = content[:start] + content[start + len(piece) :]
    at = rng.randrange(8, len(rest))
    return rng.choice([content[:start] + piece * 3 + content[start:], rest, rest[:at] + piece + rest[at:]])


def _blanked(content: bytes, other: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) // 2)
    length = rng.choice([1, 8, 100, len(content) // 3])
    return content[:start] + bytes([rng.choice([0, 255])]) * length + content[start + length :]


def _wrong_extension(content: bytes, other: bytes, rng: random.Random) -> bytes:
    return content


def _padded(content: bytes, other: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.choice([1, 1000, 100_000]))


_DAMAGES: list[tuple[str, Callable[[bytes, bytes, random.Random], bytes]]] = [
    ("truncated", _truncated),
    ("flipped", _flipped),
    ("absurd", _absurd_header),
    ("spliced", _spliced),
    ("rearranged", _rearranged),
    ("blanked", _blanked),
    ("wrongext", _wrong_extension),
    ("padded", _padded),
]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with a right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def huge_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """A valid 1-bit PNG of many pixels in a small file: a decompression bomb."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def looping_exif_jpeg() -> bytes:
    """A JPEG whose EXIF directories point to themselves and claim 65,535 entries."""
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    greedy = b"MM\0*\0\0\0\x08" + struct.pack(">H", 65535) + struct.pack(">HHII", 0x8825, 4, 1, 8) * 40
    plain = _save(_picture(3), "JPEG")
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block for block in (loop, greedy)
    )
    return plain[:2] + segments + plain[2:]


def wordy_png() -> bytes:
    """A PNG whose compressed text unpacks to 200 MB."""
    plain = _save(_picture(1), "PNG")
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    return plain[:33] + png_chunk(b"zTXt", b"Comment\0\0" + packed) + plain[33:]


def scanning_jpeg() -> bytes:
    """A progressive JPEG that asks for the same refinement thousands of times."""
    plain = _save(_picture(1), "JPEG", progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + plain[last:-2] * 3000 + plain[-2:]


def _strangers() -> dict[str, bytes]:
    """Files that are no pictures at all, or are only to exhaust who reads them."""
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'
    return {
        "empty.jpg": b"",
        "text.jpg": b"This is no picture, whatever its name says.\n" * 20,
        "zip.png": b"PK\x03\x04" + bytes(100),
        "drawing.png": svg,
        "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
        "document.jpg": b"%PDF-1.7\n" + bytes(200),
        "zeros.tif": bytes(5000),
        "magic_jpeg.jpg": b"\xff\xd8\xff",
        "magic_png.png": b"\x89PNG\r\n\x1a\n",
        "magic_tiff.tif": b"II*\0",
        "magic_gif.gif": b"GIF89a",
        "magic_bmp.bmp": b"BM",
        "magic_webp.webp": b"RIFF\x04\0\0\0WEBP",
        "magic_heic.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "magic_avif.avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
        "video.mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(300),
        "bomb.png": huge_png(),
        "loop.jpg": looping_exif_jpeg(),
        "wordy.png": wordy_png(),
        "scans.jpg": scanning_jpeg(),
        "tiff_loop.tif": b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8),
    }
