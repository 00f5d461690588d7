"""What an EXIF orientation does to places and sizes in a picture, where the metadata name some."""

from dataclasses import dataclass

# Stored (x, y) of the unit square to upright, for the orientations 1 to 8 (Exif 3.0, section 4.6.5.1.6). Each is a sign
# and an offset for x and for y; orientations from 5 on exchange the two first.
_MAPS = {
    1: ((1, 0), (1, 0)),
    2: ((-1, 1), (1, 0)),
    3: ((-1, 1), (-1, 1)),
    4: ((1, 0), (-1, 1)),
    5: ((1, 0), (1, 0)),
    6: ((-1, 1), (1, 0)),
    7: ((-1, 1), (-1, 1)),
    8: ((1, 0), (-1, 1)),
}


@dataclass(frozen=True)
class Turn:
    """The turn that makes a picture upright: its EXIF orientation, 1 to 8, and its size in pixels before."""

    orientation: int
    width: int
    height: int

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.orientation >= 5

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the upright picture."""
        return (self.height, self.width) if self.swaps else (self.width, self.height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the stored picture, in fractions of its sides, is in the upright one."""
        if self.swaps:
            x, y = y, x
        (x_sign, x_offset), (y_sign, y_offset) = _MAPS[self.orientation]
        return x_sign * x + x_offset, y_sign * y + y_offset

    def pixel(self, x: int, y: int) -> tuple[int, int]:
        """Where a pixel of the stored picture is in the upright one."""
        if self.swaps:
            x, y = y, x
        width, height = self.size
        (x_sign, _), (y_sign, _) = _MAPS[self.orientation]
        return (x if x_sign > 0 else width - 1 - x), (y if y_sign > 0 else height - 1 - y)

    def extent(self, width: float, height: float) -> tuple[float, float]:
        """A width and a height after the turn."""
        return (height, width) if self.swaps else (width, height)
