"""Parameter counts of the originals, exactly."""

import pytest
import torch
from torch import nn

from colorhub.models import create
from training.tasks.discriminators import PatchDiscriminator


def _count(model: nn.Module, trainable: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trainable)


@pytest.mark.parametrize(
    ("build", "total", "trainable"),
    [
        (lambda: create("unet", classes=205), 97_096_015, 97_096_015),
        (lambda: create("unet"), 54_410_882, 54_410_882),
        (lambda: create("eccv16"), 32_236_011, 32_236_011 - 626),
        (lambda: create("koalarization"), 62_417_258, 6_573_794),
        (lambda: create("siggraph17"), 34_187_027, 34_187_027),
        # Trained: all but the normalization of a classifier that the released encoders bring along.
        (lambda: create("ddcolor", size="tiny"), 55_006_640, 55_006_640 - 2 * 768),
        (lambda: create("ddcolor", size="large"), 227_869_328, 227_869_328 - 2 * 1536),
        (PatchDiscriminator, 2_765_569, 2_765_569),
    ],
)
def test_parameter_counts_are_those_of_the_originals(build, total: int, trainable: int) -> None:
    with torch.device("meta"):
        model = build()
    found = (_count(model), _count(model, trainable=True))
    print(f"{type(model).__name__}: {found[0]:,} parameters, {found[1]:,} trained")
    assert found == (total, trainable)
