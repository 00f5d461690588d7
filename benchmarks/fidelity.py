"""Lightness and edges: how far a saved picture's lightness is from the photo's, and how much colour bleeds over edges.

``python benchmarks/fidelity.py [--model unet]``

Lightness: mean |dL*| between the photo and the saved file, over 20 pictures (photographs of installed packages and
synthetic ones of the most saturated colours), coloured by the model and, harder, with their own true colours, at
vividness 1 and 2.

Edges: a disc and bars of one strong colour on another, lightness differing, at 1024 px. The true colour layer is made
small (area average to a short side of 160) and brought back to full size. Bleeding is the mean ab error in the band of
8 px around the edges, over the ab distance of the two colours.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio
import numpy as np
import torch
import torch.nn.functional as F
from fullsize import any_model
from PIL import Image
from scipy.ndimage import binary_dilation, sobel
from skimage import data
from skimage.color import rgb2lab

from colorhub import ColorizationPipeline, Photo
from colorhub.color import fit_gamut, rgb_to_lab
from colorhub.inference.compose import compose


def pictures() -> Iterator[np.ndarray]:
    """20 RGB pictures, uint8."""
    yield from (getattr(data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket"))
    yield data.stereo_motorcycle()[0]
    assets = Path(gradio.__file__).parent / "media_assets" / "images"
    yield from (np.asarray(Image.open(assets / f"{name}.jpg").convert("RGB")) for name in ("cheetah1", "lion", "tower"))
    random = np.random.default_rng(0)
    down, across = np.mgrid[:300, :400]
    for _ in range(12):  # smooth ramps between saturated colours
        corners = random.choice([0.0, 1.0], (2, 2, 3))
        x, y = across[..., None] / 399, down[..., None] / 299
        above, below = ((1 - x) * corners[row, 0] + x * corners[row, 1] for row in (0, 1))
        ramp = (1 - y) * above + y * below
        yield (ramp * 255).round().astype(np.uint8)


def lightness(pipeline: ColorizationPipeline) -> None:
    """Print mean and worst |dL*| of saved files."""
    for source in ("the model's colours", "the true colours"):
        for vividness in (1.0, 2.0):
            for suffix in ("png", "jpg"):
                found = [_difference(pipeline, rgb, source, vividness, suffix) for rgb in pictures()]
                print(
                    f"|dL*| {source}, vividness {vividness:g}, {suffix}: mean {np.mean(found):.3f}, "
                    f"worst picture {max(found):.3f}, n = {len(found)}"
                )


def _difference(pipeline: ColorizationPipeline, rgb: np.ndarray, source: str, vividness: float, suffix: str) -> float:
    photo = Photo.open(rgb)
    layer = pipeline.predict(photo)
    if source == "the true colours":
        _, ab = rgb_to_lab(torch.tensor(rgb).permute(2, 0, 1)[None].float() / 255)
        layer = replace(layer, ab=F.interpolate(ab, size=layer.L.shape[2:], mode="area"))
    with tempfile.TemporaryDirectory() as name:
        path = pipeline.compose(photo, layer, vividness).save(Path(name) / f"answer.{suffix}")
        saved = rgb2lab(np.asarray(Image.open(path).convert("RGB")))[..., 0]
    return float(np.abs(saved - rgb2lab(rgb)[..., 0]).mean())


def edges() -> None:
    """Print bleeding of plain bilinear chroma and of ours, for several pairs of colours."""
    down, across = np.mgrid[:1024, :1024]
    shape = ((across - 400) ** 2 + (down - 500) ** 2 < 250**2) | ((across > 760) & (across // 48 % 2 == 0))
    pairs = [((30, 40, -60), (70, 10, 60)), ((45, 60, 40), (80, -40, 30)), ((40, -30, 20), (60, 50, 10))]
    found = []
    for first, second in pairs:
        lab = torch.tensor(np.where(shape[..., None], first, second), dtype=torch.float32).permute(2, 0, 1)[None]
        L, ab = lab[:, :1], fit_gamut(lab[:, :1], lab[:, 1:])
        small_L, small_ab = (F.interpolate(x, size=(160, 160), mode="area") for x in (L, ab))
        plain = F.interpolate(small_ab, size=(1024, 1024), mode="bilinear")
        found.append([_bleeding(answer, ab, shape) for answer in (plain, _upsampled(L, small_L, small_ab))])
    plain, ours = np.mean(found, axis=0)
    print(
        f"bleeding over edges: plain bilinear {plain:.4f}, ours {ours:.4f}, {plain / ours:.1f}x less, n = {len(pairs)}"
    )


def _upsampled(L: torch.Tensor, small_L: torch.Tensor, small_ab: torch.Tensor) -> torch.Tensor:
    """The full-size chroma that compose puts onto ``L``, read back from its answer."""
    return rgb_to_lab(compose(L, small_L, small_ab))[1]


def _bleeding(answer: torch.Tensor, truth: torch.Tensor, shape: np.ndarray) -> float:
    edge = np.hypot(sobel(shape.astype(float), 0), sobel(shape.astype(float), 1)) > 0
    band = torch.from_numpy(binary_dilation(edge, iterations=8))
    error = (answer - truth).norm(dim=1)[0][band].mean()
    inside, outside = (truth[0][:, torch.from_numpy(mask)][:, 0] for mask in (shape, ~shape))
    return float(error / (inside - outside).norm())


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet")
    pipeline = ColorizationPipeline(any_model(parser.parse_args().model))
    lightness(pipeline)
    edges()


if __name__ == "__main__":
    main()
