"""How much memory photos of a size need, and what fits into the nodes that there are."""

from colorhub.folder.memory import BYTES_A_PIXEL

GIB = 2**30
PROCESS = 900 * 2**20  # bytes of a process that has loaded torch, and works on small photos
SMALL = 32_000_000  # pixels in work at once in the first pass, where the nodes are not too small for that


def needed(pixels: int, weights: int) -> int:
    """Bytes that a process needs for photos of so many pixels.

    Args:
        pixels: in work at once.
        weights: bytes of the model's files, which are there as they were read and as tensors.

    Example:
        >>> from colorhub.cluster.memory import needed
        >>> round(needed(400_000_000, 10_000_000) / 2**30, 1)
        6.9
    """
    return PROCESS + 3 * weights + pixels * BYTES_A_PIXEL


def most_pixels(memory: int, weights: int) -> int:
    """Pixels that so many bytes are enough for; negative where they are not enough for the model.

    Example:
        >>> from colorhub.cluster.memory import most_pixels, needed
        >>> most_pixels(needed(1_000_000, 0), 0)
        1000000
    """
    return (memory - needed(0, weights)) // BYTES_A_PIXEL


def classes(pixels: int, small: int) -> list[tuple[int, int]]:
    """Into what ranges photos of more than ``small`` pixels and up to ``pixels`` are sorted: above the first number, up
    to the second, so that what is asked for is never more than twice what is needed.

    Example:
        >>> from colorhub.cluster.memory import classes
        >>> classes(400, 100), classes(100, 100)
        ([(100, 200), (200, 400)], [])
    """
    found = []
    while small < pixels:
        found.append((small, min(2 * small, pixels)))
        small *= 2
    return found


def gigabytes(size: int) -> str:
    """For people.

    Example:
        >>> from colorhub.cluster.memory import gigabytes
        >>> gigabytes(7_340_032_000)
        '6.8 GiB'
    """
    return f"{size / GIB:.1f} GiB"
