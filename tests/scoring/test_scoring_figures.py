"""Figures of answers beside originals: against scikit-image, published values and closed forms."""

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter1d
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorhub import metrics
from training.prior import bin_weights
from training.scoring.failures import BANDS, failures, skin_errors
from training.scoring.figures import METRICS, Pair, Side, grey_answers, measure, recolored, with_chroma

PRIOR = "training/priors/photos+people.json"
# Sharma, Wu, Dalal 2005, table 1: Lab, Lab, CIEDE2000.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
]


@pytest.fixture(scope="module")
def originals() -> list[np.ndarray]:
    found = [data.astronaut()[:256, 100:356], data.coffee()[:256, :256], data.chelsea()[20:276, 100:356]]
    return [np.ascontiguousarray(picture) for picture in [*found, data.rocket()[150:406, 200:456]]]


@pytest.fixture(scope="module")
def answers(originals: list[np.ndarray]) -> list[np.ndarray]:
    """The originals' lightness with the colours of their mirror images: wrong in colour alone."""
    return recolored(originals, [np.ascontiguousarray(picture[:, ::-1]) for picture in originals])


def test_psnr_ssim_and_ciede2000_are_scikit_images(originals: list[np.ndarray], answers: list[np.ndarray]) -> None:
    """To 1e-3 dB, 5e-4 and 0.01: 32-bit floats; borders that are reflected with and without the edge pixel; the
    constants of sRGB to CIELAB to different digits."""
    found = measure(answers, originals, ["psnr", "ssim", "ciede2000"])
    pairs = list(zip(originals, answers, strict=True))
    assert np.allclose(found["psnr"], [peak_signal_noise_ratio(*pair) for pair in pairs], atol=1e-3)
    differences = [deltaE_ciede2000(rgb2lab(original), rgb2lab(answer)).mean() for original, answer in pairs]
    assert np.allclose(found["ciede2000"], differences, atol=0.01)
    keywords = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    similar = [structural_similarity(*pair, **keywords)[1].mean() for pair in pairs]
    assert np.allclose(found["ssim"], similar, atol=5e-4)


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_ciede2000_is_the_published_one(one: tuple, other: tuple, expected: float) -> None:
    def lab(values: tuple) -> tuple[torch.Tensor, torch.Tensor]:
        L, *ab = (torch.full((1, 1, 2, 2), float(value), dtype=torch.float64) for value in values)
        return L, torch.cat(ab, dim=1)

    assert metrics.ciede2000(*lab(one), *lab(other)).item() == pytest.approx(expected, abs=1e-4)


def test_raw_accuracy_of_grey_is_one_less_the_mean_chroma(originals: list[np.ndarray]) -> None:
    L_and_ab = np.stack([rgb2lab(picture) for picture in originals])
    chroma = np.linalg.norm(L_and_ab[..., 1:], axis=-1)
    grey = torch.zeros(len(originals), 2, 256, 256)
    found = metrics.raw_accuracy(grey, Side(originals).ab).numpy()
    assert found.mean() == pytest.approx(1 - np.minimum(chroma, 150).mean() / 150, abs=1e-4)
    assert measure(grey_answers(originals), originals, ["ab_auc"])["ab_auc"] == pytest.approx(found, abs=1e-4)


def test_all_figures_of_the_originals_themselves(originals: list[np.ndarray]) -> None:
    found = measure(originals, originals, METRICS, bin_weights(PRIOR, mix=0.0))
    assert not np.isfinite(found["psnr"]).any()
    assert np.allclose(found["ssim"], 1)
    assert np.allclose(found["chroma_ratio"], 1)
    assert np.allclose(found["ab_auc"], 1)
    assert np.allclose(found["ab_auc_rebalanced"][:, 0], found["ab_auc_rebalanced"][:, 1])
    for name in ("ciede2000", "colorfulness_difference", "lightness_error"):
        assert np.abs(found[name]).max() < 1e-4
    assert found["colorfulness"].min() > 20


def test_figures_do_not_depend_on_their_neighbours(originals: list[np.ndarray], answers: list[np.ndarray]) -> None:
    rarity = bin_weights(PRIOR, mix=0.0)
    together = measure(answers, originals, METRICS, rarity)
    alone = [measure([a], [o], METRICS, rarity) for a, o in zip(answers, originals, strict=True)]
    for name, values in together.items():
        assert np.allclose(values, np.concatenate([one[name] for one in alone]), rtol=1e-5, equal_nan=True), name


def test_what_alters_only_colour_keeps_lightness(originals: list[np.ndarray]) -> None:
    for pictures in (grey_answers(originals), recolored(originals, (20.0, -10.0)), with_chroma(originals, 0.5)):
        assert measure(pictures, originals, ["lightness_error"])["lightness_error"].max() < 0.5
    halved = measure(with_chroma(originals, 0.5), originals, ["chroma_ratio"])["chroma_ratio"]
    assert np.allclose(halved, 0.5, atol=0.02)


def test_bleeding_is_the_part_of_a_step_that_is_made_too_far_away() -> None:
    sharp = np.zeros((2, 64, 64), np.float32)
    sharp[0, :, 32:] = 60
    sharp[1, :, 32:] = -30
    soft = uniform_filter1d(sharp, 12, axis=2, mode="nearest")  # a ramp of 12 pixels: between -2 and 2, a third of it
    flat = np.zeros_like(sharp)
    turned = [np.ascontiguousarray(one.swapaxes(1, 2)) for one in (sharp, soft, flat)]
    for true, ramp, grey in ((sharp, soft, flat), turned):
        answers = torch.from_numpy(np.stack([true, true * 0.3, -true[::-1].copy(), ramp, grey]))
        found = metrics.bleeding(answers, torch.from_numpy(true)[None].expand(5, -1, -1, -1)).numpy()
        assert found[:3] == pytest.approx(0, abs=1e-5)  # paler or wrong colours do not bleed
        assert found[3] == pytest.approx(2 / 3, abs=0.1)
        assert np.isnan(found[4])


def test_skin_errors_by_lightness() -> None:
    """Three skin tones of known lightness beside blue; answers whose hue is turned and whose chroma is scaled by known
    amounts, and one without colour."""
    picture = np.zeros((32, 64, 3), np.uint8)
    tones = ((110, 70, 50), (190, 135, 105), (240, 200, 170), (20, 40, 200))
    for column, tone in enumerate(tones):
        picture[:, 16 * column : 16 * (column + 1)] = tone
    lab = rgb2lab(picture)[0, ::16]
    original = Side([picture, picture])
    angle = np.radians(30)
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    answer = Side([picture, picture])
    turned = torch.einsum("cd,bdhw->bchw", turn, original.ab) * torch.tensor([0.5, 0.0]).view(2, 1, 1, 1)
    answer.__dict__["lab"] = (original.L, turned)
    sums = skin_errors(Pair(answer, original)).numpy()
    assert sums.shape == (2, 4, len(BANDS))
    bands = [next(i for i, (low, high) in enumerate(BANDS) if low <= L < high) for L in lab[:3, 0]]
    assert bands == [0, 2, 3]
    pixels = np.bincount(bands, minlength=len(BANDS)) * 32 * 16
    assert sums[:, 3].tolist() == [pixels.tolist()] * 2
    found = failures({"chroma_ratio": np.array([0.1, 0.9])}, sums, sums[:1], ["", ""], 0.2)
    assert found["grey_collapse"]["rate"]["mean"] == 0.5
    assert found["people"] is None
    for number, chroma in zip(bands, np.hypot(lab[:3, 1], lab[:3, 2]), strict=True):
        band = found["skin"]["bands"][number]
        assert band["hue_error"] == {"mean": 30, "low": 30, "high": 30, "n": 1}  # nothing without colour has a hue
        assert band["chroma_error"]["mean"] == pytest.approx(-0.75 * chroma, abs=0.02)  # of -0.5 and -1
    assert found["skin"]["bands"][1]["hue_error"]["mean"] is None
    assert found["skin"]["one_color"][0]["chroma_error"]["n"] == 1


def test_people_are_told_apart_where_the_data_says() -> None:
    figures = {"chroma_ratio": np.array([0.1, 0.5, 0.7, np.nan]), "gain": np.array([1.0, 2.0, 3.0, 9.0])}
    skin = np.zeros((4, 4, len(BANDS)))
    found = failures(figures, skin, skin, ["sports", "houses", "ccp", "flickr8k"], 0.2)
    assert found["people"]["with"]["gain"]["mean"] == 2
    assert found["people"]["without"]["gain"] == {"mean": 2, "low": 2, "high": 2, "n": 1}
    assert found["grey_collapse"]["rate"]["mean"] == pytest.approx(1 / 3, abs=1e-4)
    assert all(band["pixels"] == 0 and band["hue_error"]["mean"] is None for band in found["skin"]["bands"])
