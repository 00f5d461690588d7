"""Report 004: does Koalarization's fusion help, does the grey matter, and what does p = 0.493 say?"""

import json
from functools import partial
from pathlib import Path

from colorhub.study.report import reproduce as study
from training.reproduce.exam import (
    PHOTOGRAPHS,
    PHOTOGRAPHS_NEEDED,
    color_figures,
    from_lightness,
    model_of,
    pictures_of,
)
from training.reproduce.pretrained import LITE0, LITE2, missing_weights, weights_of
from training.reproduce.spec import Arm, Claim, Figures, Found, Report, Setting
from training.scoring.judging import KERNEL

_SLOWLY = 'parts=[{match=["extractor.*"], rate=0.1}]'  # a pre-trained extractor that learns along


def _extractor(arm: str, what: str, name: str, frozen: bool, pretrained: bool = True) -> Arm:
    words = [f"model.extractor={name}", f"model.frozen={json.dumps(frozen)}"]
    if pretrained:
        words.append(f"backbone={json.dumps(str(weights_of(name)))}")
        words += [] if frozen else [_SLOWLY]
    return Arm(arm, what, "koalarization", tuple(words), unavailable=missing_weights(name) if pretrained else None)


ARMS = (
    Arm("none", "no extractor: encoder and decoder alone", "koalarization", ('model.features="none"',)),
    _extractor("random", "EfficientNet-Lite0 with random weights, frozen", LITE0, frozen=True, pretrained=False),
    _extractor("lite0", "EfficientNet-Lite0, pre-trained on ImageNet, frozen as in the report", LITE0, frozen=True),
    _extractor("lite0-tuned", "the same, trained along at a tenth of the rate", LITE0, frozen=False),
    _extractor("lite2", "EfficientNet-Lite2, larger and more accurate, frozen", LITE2, frozen=True),
    _extractor("lite2-tuned", "the same, trained along at a tenth of the rate", LITE2, frozen=False),
    Arm(
        "luma",
        "lite0, but trained and tested on the luma of a grey file, as the report's",
        "koalarization",
        (*_extractor("", "", LITE0, frozen=True).words, "data.grey=luma"),
        unavailable=missing_weights(LITE0),
    ),
)


def _p_value() -> Found:
    p = study.report_p_value()
    return Found(
        f"p = {p:.7f}", "-", round(p, 3) == 0.493, "its own test, from the answers of its notebook, gives its figure"
    )


def _difference() -> Found:
    right = study.corrected()
    held = [margin for margin, p in right.equivalence.items() if p < 0.05]
    why = (
        f"with the pictures as units p = {right.p_value:.2f}; a difference that is not significant is no likeness, and "
        f"equivalence holds within {min(held):g} points at the least. The report took standard deviations between nine "
        "pictures for those between raters"
    )
    return Found(f"{right.difference:+.1f} points", f"{right.low:+.1f} to {right.high:+.1f}", None, why)


def _better() -> Found:
    right = study.corrected()
    why = "nine pictures in each study, different ones, picked for their looks"
    return Found(f"{right.difference:+.1f} points", f"{right.low:+.1f} to {right.high:+.1f}", None, why)


def _originals() -> Found:
    sensitivity, bias = study.detection()
    why = "60 raters, 9 coloured pictures and 3 originals; three originals give no interval worth printing"
    return Found(f"d' = {sensitivity:.2f}, criterion {bias:+.2f}", "-", None, why)


CLAIMS = (
    Claim(
        "fusion",
        "High-level features of a pre-trained network improve the colours.",
        "section 1, after Baldassarre et al.",
        "none; no ablation",
        "gain",
        (("lite0", "none"),),
        note="Gain over grey in dB, the report's mean squared error in other words.",
    ),
    Claim(
        "fusion-learned",
        "It is what the extractor has learned that helps, not that it is there.",
        "section 5.1 asks",
        "none",
        "gain",
        (("lite0", "random"),),
        note="The same extractor with random weights, frozen.",
    ),
    Claim(
        "fusion-kid",
        "The fusion makes pictures look more real.",
        "section 1, after Baldassarre et al.",
        "none; no ablation",
        KERNEL,
        (("lite0", "none"),),
        "lower",
        note="Kernel distance to the originals.",
    ),
    Claim(
        "fusion-colour",
        "The fusion makes pictures more colourful.",
        "section 4.2: most results are undersaturated",
        "none",
        "colorfulness",
        (("lite0", "none"),),
    ),
    Claim(
        "newer",
        "A more performant extractor improves the colours further.",
        "section 5.1 asks",
        "none",
        "gain",
        (("lite2", "lite0"),),
        note="EfficientNet-Lite2 is larger and more accurate on ImageNet.",
    ),
    Claim(
        "tuned",
        "Training the extractor along improves on keeping it frozen.",
        "not tried; the report keeps it frozen",
        "none",
        "gain",
        (("lite0-tuned", "lite0"), ("lite2-tuned", "lite2")),
    ),
    Claim(
        "grey",
        "Whether the lightness is that of the colour picture or of a grey file makes no difference.",
        "sections 1 and 5",
        "p = 0.493",
        "gain",
        (("luma", "lite0"),),
        "same",
        0.1,
        note=(
            "The report's own experiment, within a single harness: trained on either grey and tested on the same "
            "one, the "
            "colours put onto the original's lightness. Equal within 0.1 dB is what was fixed beforehand."
        ),
    ),
    Claim(
        "grey-crossed",
        "A network trained on the colour picture's lightness colours grey files as well.",
        "section 1",
        "called a critical error",
        "gain",
        (("lite0/luma", "luma"),),
        "same",
        0.1,
        note="Trained on L*, tested on luma, against trained and tested on luma.",
    ),
    Claim("p", "The t-test yields p = 0.493.", "section 4.2.1", "0.493", found=_p_value),
    Claim(
        "validates",
        "The results are approximately equal to the original experiment's, which validates it.",
        "section 5",
        "48.5 against 45.87 %, p = 0.493",
        found=_difference,
        note="Welch's test and two one-sided tests with the pictures as units.",
    ),
    Claim(
        "outperforms",
        "This experiment outperformed the original.",
        "section 4.2.1",
        "48.5 against 45.87 %",
        found=_better,
    ),
    Claim(
        "originals",
        "About a third of the originals are taken for coloured, so realness must be read beside theirs.",
        "section 6.5",
        "66.67 %",
        found=_originals,
        note="Sensitivity of the report's raters (signal detection).",
    ),
    Claim(
        "people",
        "The network performs badly on human subjects.",
        "section 4.2",
        "by eye",
        untestable="has no figure and no comparison: badly, beside what?",
    ),
)


def exam(folder: Path, arm: Arm, setting: Setting) -> Figures:
    """The test photographs from the arm's own grey; frozen Lite0 from luma as well."""
    model = model_of(folder)
    own = "luma" if arm.name == "luma" else "lab"
    ways = {"": partial(from_lightness, model, grey=own)}
    if arm.name == "lite0":
        ways["luma"] = partial(from_lightness, model, grey="luma")
    return color_figures(ways, pictures_of(PHOTOGRAPHS, setting))


_TINY = ("model.width=8", "model.extractor_size=32", 'data.train=["photos"]')

REPORT = Report(
    number="004",
    title="Koalarization's extractor, its grey and its user study",
    source="Smet 2022, *Koalarization in PyTorch*, after Baldassarre et al. 2017",
    arms=ARMS,
    claims=CLAIMS,
    needs=PHOTOGRAPHS_NEEDED,
    exam=exam,
    remarks=(
        "The report's extractor is Inception-ResNet-v2, whose weights are not at hand; EfficientNet-Lite0 and "
        "Lite2 are "
        "pre-trained on the same ImageNet-1k. Pictures go to them at 128 pixels, below the 224 and 260 of their "
        "training.",
        "Half of the report's channels, and far fewer pictures than its 40 epochs of 40,000.",
        "Held-out pictures: 496 of BSDS500 and 299 of people.",
        "The network of the kernel distance is a relative of the extractors with other weights: what it prefers in "
        "their answers may be family likeness.",
    ),
    least=20_000,
    memory=2.5,
    shown=("gain", "psnr", "colorfulness", KERNEL),
    quick=_TINY,
    samples=("none", "random", "lite0", "lite2", "lite2-tuned"),
)
