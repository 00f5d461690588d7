"""Colour science against scikit-image, over a sample of the whole 8-bit cube."""

import numpy as np
import pytest
import torch
from skimage import color as reference

from colorhub import color


@pytest.fixture(scope="module")
def cube() -> torch.Tensor:
    """Every 15th level of each channel, ``(1, 3, 18, 324)``."""
    levels = torch.arange(0, 256, 15) / 255
    return torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, 18, -1)


def _pixels(tensor: torch.Tensor) -> np.ndarray:
    return tensor[0].permute(1, 2, 0).double().numpy()


def test_lab_agrees_with_scikit_image(cube: torch.Tensor) -> None:
    L, ab = color.rgb_to_lab(cube)
    assert np.abs(_pixels(torch.cat([L, ab], 1)) - reference.rgb2lab(_pixels(cube))).max() < 1e-2


def test_codes_agree_with_scikit_image(cube: torch.Tensor) -> None:
    L, ab = color.codes_to_lab((cube * 255).round().byte())
    assert np.abs(_pixels(torch.cat([L, ab], 1)) - reference.rgb2lab(_pixels(cube))).max() < 1e-2
    assert L.dtype == ab.dtype == torch.float32


def test_rgb_agrees_with_scikit_image(cube: torch.Tensor) -> None:
    L, ab = color.rgb_to_lab(cube)
    ours = _pixels(color.lab_to_rgb(L, ab))
    theirs = reference.lab2rgb(_pixels(torch.cat([L, ab], 1)))
    assert np.abs(ours - theirs).max() * 255 < 1
    assert np.abs(ours - _pixels(cube)).max() * 255 < 0.5  # the round trip gives every 8-bit level back


def test_conversions_stay_float32_under_autocast_and_half_precision(cube: torch.Tensor) -> None:
    exact = color.rgb_to_lab(cube)
    with torch.autocast("cpu", torch.bfloat16):
        L, ab = color.rgb_to_lab(cube)
        rgb = color.lab_to_rgb(L, ab)
    assert L.dtype == ab.dtype == rgb.dtype == torch.float32
    assert torch.equal(L, exact[0])
    assert torch.equal(ab, exact[1])
    assert color.rgb_to_lab(cube.half())[0].dtype == torch.float32


def test_grey_protocols(cube: torch.Tensor) -> None:
    lab, luma = color.grey_lightness(cube), color.grey_lightness(cube, "luma")
    assert torch.equal(lab, color.rgb_to_lab(cube)[0])
    r, g, b = (_pixels(cube)[..., i] for i in range(3))
    grey = np.stack([0.299 * r + 0.587 * g + 0.114 * b] * 3, axis=-1)
    assert np.abs(luma[0, 0].numpy() - reference.rgb2lab(grey)[..., 0]).max() < 1e-2
    assert (lab - luma).abs().max() > 15  # pure blue and red
    grey_picture = cube[:, :1].expand(-1, 3, -1, -1)
    assert (color.grey_lightness(grey_picture) - color.grey_lightness(grey_picture, "luma")).abs().max() < 1e-3
    with pytest.raises(ValueError, match="Unknown grey protocol 'bt709'"):
        color.grey_lightness(cube, "bt709")


def test_grey_and_lightness_are_inverse() -> None:
    grey = torch.linspace(0, 1, 1001)
    assert (color.lightness_to_grey(color.grey_to_lightness(grey)) - grey).abs().max() < 1e-5


def test_gamut_mapping_keeps_lightness_and_hue_and_fits() -> None:
    generator = torch.Generator().manual_seed(0)
    L = torch.rand(1, 1, 200, 500, generator=generator) * 100
    ab = (torch.rand(1, 2, 200, 500, generator=generator) - 0.5) * 256
    mapped = color.fit_gamut(L, ab)
    linear = color.lab_to_linear(L, mapped)
    assert linear.min() > -5e-3  # what the final clip to 8 bits takes away
    assert linear.max() < 1 + 2e-2
    shown = reference.rgb2lab(_pixels(color.lab_to_rgb(L, mapped)))
    difference = np.abs(shown[..., 0] - L[0, 0].numpy())
    assert difference.max() < 0.3
    assert difference.mean() < 0.05
    cross = ab[:, 0] * mapped[:, 1] - ab[:, 1] * mapped[:, 0]  # parallel vectors: the hue is the same
    assert cross.abs().max() < 1e-2
    assert (mapped.norm(dim=1) <= ab.norm(dim=1) + 1e-3).all()


def test_clipping_without_gamut_mapping_would_change_lightness() -> None:
    L, ab = torch.full((1, 1, 1, 1), 75.0), torch.tensor([90.0, 60.0]).view(1, 2, 1, 1)
    clipped = color.rgb_to_lab(color.lab_to_rgb(L, ab))[0]
    mapped = color.rgb_to_lab(color.lab_to_rgb(L, color.fit_gamut(L, ab)))[0]
    assert abs(clipped.item() - 75) > 10
    assert abs(mapped.item() - 75) < 0.2


def test_colours_inside_srgb_are_left_alone(cube: torch.Tensor) -> None:
    L, ab = color.rgb_to_lab(cube)
    moved = (color.fit_gamut(L, ab) - ab).norm(dim=1)
    assert (moved < 0.5).float().mean() > 0.99
    assert moved.mean() < 0.1


@pytest.mark.parametrize("special", [0.0, 1.0, 0.5, 0.0031308, 0.04045 / 12.92])
def test_gradients_are_finite_everywhere(special: float) -> None:
    rgb = torch.full((1, 3, 2, 2), special, requires_grad=True)
    L, ab = color.rgb_to_lab(rgb)
    color.lab_to_rgb(L, color.fit_gamut(L, ab)).sum().backward()
    assert rgb.grad.isfinite().all()
    L = torch.tensor([0.0, 8.0, 50.0, 100.0]).view(1, 1, 2, 2).requires_grad_()
    ab = torch.tensor([[0.0, 0.0, 200.0, 1e-9], [0.0, 5.0, -200.0, 0.0]]).view(1, 2, 2, 2).requires_grad_()
    color.lab_to_rgb(L, color.fit_gamut(L, ab)).sum().backward()
    assert L.grad.isfinite().all()
    assert ab.grad.isfinite().all()


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"rgb must have the shape \(B, 3, H, W\), got \(3, 4, 4\)"):
        color.rgb_to_lab(torch.zeros(3, 4, 4))
    with pytest.raises(ValueError, match="ab must have the shape"):
        color.fit_gamut(torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 2, 2))
