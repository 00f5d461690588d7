"""Photos through a network to their colour layers, those together whose network inputs agree in shape."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from colorhub.inference.layer import ColorLayer, Provenance
from colorhub.inference.preprocess import NetworkInput
from colorhub.inference.resize import same_shape
from colorhub.inference.runtime import Network
from colorhub.inference.views import agreed
from colorhub.settings import Settings

Layers = ColorLayer | list[ColorLayer] | None  # of one photo: a list with samples, None where it is left as it is


@torch.inference_mode()
def predicted(network: Network, inputs: Sequence[NetworkInput | None], batch_size: int) -> list[Layers]:
    """Colour layers of what was prepared, in its order; ``None`` where a photo is left as it is.

    Args:
        network: that predicts.
        inputs: each with its own settings.
        batch_size: photos that go through the network together.
    """
    answers: list[Layers] = [None] * len(inputs)
    alike: dict[Settings, list[int]] = {}
    for number, one in enumerate(inputs):
        if one is not None:
            alike.setdefault(one.settings, []).append(number)
    for settings, numbers in alike.items():
        some = [one for one in (inputs[number] for number in numbers) if one]
        for number, layers in zip(numbers, _layers(network, some, settings, batch_size), strict=True):
            answers[number] = layers if settings.samples else layers[0]
    return answers


def check_batch_size(batch_size: int) -> None:
    """Raises ``ValueError`` for what is no number of photos."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1, got {batch_size!r}.")


def _layers(
    network: Network, inputs: Sequence[NetworkInput], settings: Settings, batch_size: int
) -> Iterator[list[ColorLayer]]:
    views = [_answers(network, inputs, number, settings, batch_size) for number in range(len(inputs[0].views))]
    for one, *abs_of_views in zip(inputs, *views, strict=True):
        ab = one.whole(abs_of_views[0] if len(views) == 1 else agreed(abs_of_views))
        made = _provenance(network, one)
        samples = range(1, len(ab) + 1) if settings.samples else [0]
        yield [
            ColorLayer(colors[None], one.L, one.photo.size, replace(made, sample=sample))
            for colors, sample in zip(ab, samples, strict=True)
        ]


def _answers(
    network: Network, inputs: Sequence[NetworkInput], number: int, settings: Settings, batch_size: int
) -> list[Tensor]:
    """ab ``(colourings, 2, h, w)`` of the view with that number of each photo."""
    views = [one.views[number] for one in inputs]
    answers: dict[int, Tensor] = {}
    # Rounding differs with the size of a batch, and a draw can turn on the last bit: samples go one by one.
    for group in same_shape([view.L for view in views], 1 if settings.samples else batch_size):
        L, mirrored = torch.cat([views[i].L for i in group]), views[group[0]].mirrored
        ab = network.colors(L.flip(3) if mirrored else L, settings)
        ab = ab.flip(4) if mirrored else ab
        answers.update(zip(group, ab.cpu().unbind(dim=1), strict=True))
    return [answers[i] for i in range(len(inputs))]


def _provenance(network: Network, prepared: NetworkInput) -> Provenance:
    model = network.model
    return Provenance(
        network.name,
        model.architecture,
        model.weights_sha256,
        prepared.settings,
        prepared.box,
        prepared.restored,
    )
