"""Photographs for tests, of those that come with scikit-image."""

from PIL import Image
from skimage import data


def grey_photo(name: str = "chelsea", size: tuple[int, int] | None = None) -> Image.Image:
    """One of them in grey, 8 bits, ``size`` wide and high if given."""
    grey = Image.fromarray(getattr(data, name)()).convert("L")
    return grey.resize(size) if size else grey
