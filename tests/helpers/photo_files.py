"""Small picture files with metadata, and colours for them, for the tests of reading and writing photos."""

import io
import struct

import numpy as np
import skimage
import tifffile
from PIL import Image

from colorhub.photo import ColorPhoto, Photo

PROVENANCE = {"model": "unet", "weights_sha256": "0123abcd", "settings": "size 256, vividness 1.0"}
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def grey_picture(height: int = 60, width: int = 80) -> np.ndarray:
    """A piece of scikit-image's cameraman without any symmetry."""
    return skimage.data.camera()[100 : 100 + height, 200 : 200 + width].copy()


def colored(photo: Photo) -> ColorPhoto:
    """Invented colours with the photo's alpha."""
    grey = photo.grey if photo.bits == 16 or photo.grey.dtype == np.uint8 else (photo.grey // 257).astype(np.uint8)
    other = grey // 2 + grey // 4
    return ColorPhoto(photo.with_alpha(np.stack([grey, other, other], axis=-1)), photo, PROVENANCE)


def encoded(image: Image.Image | np.ndarray, format: str, **options: object) -> bytes:
    """The bytes of a file as Pillow writes it."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    """The bytes of a TIFF file as tifffile writes it, without a description of its own."""
    out = io.BytesIO()
    tifffile.imwrite(out, array, **({"metadata": None} | options))
    return out.getvalue()


def xmp_packet(properties: str, **namespaces: str) -> bytes:
    """A packet of one description; ``namespaces``: prefix and URI."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="" {declared}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def oriented_exif(orientation: int) -> bytes:
    """An EXIF block of a maker and an orientation."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Epson", orientation
    return exif.tobytes()


def oriented_xmp(orientation: int) -> bytes:
    """A packet of an orientation."""
    return xmp_packet(f"<tiff:Orientation>{orientation}</tiff:Orientation>", tiff="http://ns.adobe.com/tiff/1.0/")


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """One segment of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG file with more segments behind its first one (JFIF's)."""
    at = 4 + struct.unpack_from(">H", jpeg, 4)[0]
    return jpeg[:at] + b"".join(segments) + jpeg[at:]
