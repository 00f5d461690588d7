"""Average the weights of runs: ``python -m training.model_soup MODEL MODEL --shares 0.4 0.6 -o DIR``.

A model soup (Wortsman et al. 2022, "Model soups", section 2): models that were fine-tuned from one another lie in one
basin, and a mean of their weights often does better on pictures of another kind than either. It costs nothing when it
is used. The shares are chosen on validation data.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path

from torch import Tensor

from colorhub.hub.loading import load, model_folder
from colorhub.models import ModelNotFoundError, WeightsError
from training.checkpoint import write_model
from training.record import stages_of


def mean_weights(weights: Sequence[Mapping[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of state dicts; counters, which are whole numbers, are those of the last.

    Args:
        weights: state dicts with the same names and shapes.
        shares: a positive number for each, which add up to 1.

    Raises:
        ValueError: the shares are not such, or the state dicts are of different networks.

    Example:
        >>> import torch
        >>> from training.model_soup import mean_weights
        >>> mean_weights([{"w": torch.zeros(2)}, {"w": torch.ones(2)}], [0.25, 0.75])
        {'w': tensor([0.7500, 0.7500])}
    """
    if len(shares) != len(weights) or min(shares) <= 0 or not isclose(sum(shares), 1, abs_tol=1e-6):
        raise ValueError(f"shares must be {len(weights)} positive numbers that add up to 1, got {tuple(shares)}.")
    shapes = [{name: tensor.shape for name, tensor in one.items()} for one in weights]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(
            "the weights are of different networks: only models of one architecture and config have a mean."
        )
    return {
        name: sum((share * one[name].float() for share, one in zip(shares, weights, strict=True)), tensor.new_zeros(()))
        if tensor.is_floating_point()
        else tensor
        for name, tensor in weights[-1].items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.model_soup", description="Average the weights of runs.")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or folders; the config is the last one's")
    parser.add_argument("--shares", type=float, nargs="+", required=True, help="of each model; they add up to 1")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        models = [load(str(model_folder(name))).float() for name in given.models]
        models[-1].load_state_dict(mean_weights([model.state_dict() for model in models], given.shares))
    except (ModelNotFoundError, WeightsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    write_model(models[-1], given.output, {"stages": stages_of(given.models[-1]), "model_soup": given.shares})
    print(f"{given.output}: written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
