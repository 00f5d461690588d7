"""Nine kinds of photos that people bring, made of scikit-image's photographs, and numbers that tell colourings apart.

``python tests/helpers/nine_photos.py FILE`` writes :func:`reduced` of each as the installed version colours it with
``unet`` in float32. nine_photos.json was written so by version 0.1, which did not restore old prints
unless it was told to.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from photos import grey_photo
from PIL import Image
from skimage import data

GRID = (6, 8)  # rows and columns


def write_photos(folder: Path) -> dict[str, Path]:
    """Write the nine files, each in a format that is made for it. Answers them by what they are."""
    grey = np.asarray(grey_photo("astronaut").resize((240, 240), Image.Resampling.BICUBIC))[30:]
    tall, wide = grey[:, 20:180], grey[:150]
    files: dict[str, Path] = {}

    def save(kind: str, picture: np.ndarray | Image.Image, suffix: str = ".png") -> None:
        files[kind] = folder / f"{kind}{suffix}"
        (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(files[kind])

    save("clean", grey)
    save("faded", (0.35 * 255 + 0.4 * tall).round().astype(np.uint8))
    save("bordered", np.pad(wide, 24, constant_values=250))
    tone = np.array([[1.0, 0.86, 0.67]])
    save("sepia", (wide[..., None] * tone).round().astype(np.uint8))
    files["16-bit"] = folder / "16-bit.tif"
    deep = tall.astype(np.uint16) * 257 + np.arange(tall.size, dtype=np.uint16).reshape(tall.shape) % 200
    tifffile.imwrite(files["16-bit"], np.minimum(deep, 65000).astype(np.uint16), photometric="minisblack")
    alpha = np.tile(np.linspace(0, 255, wide.shape[1]).astype(np.uint8), (len(wide), 1))
    save("alpha", Image.merge("LA", [Image.fromarray(wide), Image.fromarray(alpha)]))
    ink = Image.fromarray(255 - tall)
    none = Image.new("L", ink.size, 0)
    save("cmyk", Image.merge("CMYK", [none, none, none, ink]), ".tif")
    save("color", Image.fromarray(data.coffee()).resize((240, 160), Image.Resampling.BICUBIC))
    save("strip", np.asarray(Image.fromarray(data.camera()).resize((960, 960), Image.Resampling.BICUBIC))[400:480])
    return files


def reduced(pixels: np.ndarray) -> list[list[list[float]]]:
    """Means of a picture's red, green and blue over a grid of 6 x 8 cells, in 8-bit codes."""
    codes = pixels[..., :3] / (257 if pixels.dtype == np.uint16 else 1)
    rows = np.array_split(codes, GRID[0])
    cells = [[cell.mean(axis=(0, 1)) for cell in np.array_split(row, GRID[1], axis=1)] for row in rows]
    return np.round(cells, 2).tolist()


def main() -> None:
    """Write the numbers of the installed version."""
    from colorhub import ColorizationPipeline

    pipeline = ColorizationPipeline("unet", device="cpu")
    pipeline.network.precision = "fp32"
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: reduced(pipeline(path).pixels) for kind, path in write_photos(Path(folder)).items()}
    Path(sys.argv[1]).write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
