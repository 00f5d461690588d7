"""Make a classifier of colours bolder: ``python -m training.logit_adjustment MODEL --tau 0.15 -o DIR``.

Most of every photograph is grey, brown or pale, so a classifier leans towards that where it is unsure. Post-hoc logit
adjustment (Menon et al. 2021, "Long-tail learning via logit adjustment", equation 9) takes ``tau`` times the
logarithm of how common a colour is from its logit. It goes into the bias of the head: the model is as fast as before.
How the one answer is read (temperature, chroma recovery and scale, smoothing) goes into the same folder's config. All
of it is chosen on validation data.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from colorhub.hub.loading import model_folder
from colorhub.models import ModelNotFoundError, SemanticColorizer, WeightsError
from training.checkpoint import write_model
from training.config import RecipeError
from training.prior import bin_weights
from training.record import record_of

PRIOR = "training/priors/photos+people.json"


def adjust_logits(model: SemanticColorizer, prior: str, tau: float) -> None:
    """Adjust a model's logits in place.

    Args:
        prior: file of :mod:`training.prior`, whose smoothed shares say how common a colour is.
        tau: 0 changes nothing, 1 makes the model answer as if all colours were equally common.

    Raises:
        RecipeError: there is no such prior.
        ValueError: a value out of range.
    """
    if not 0 <= tau <= 1:
        raise ValueError(f"tau must be between 0 and 1, got {tau:g}.")
    with torch.no_grad():
        model.head.get_parameter("bias").add_(tau * bin_weights(prior, mix=0.0).log())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.logit_adjustment", description="Adjust a model's logits.")
    parser.add_argument("model", help="name or folder of a model of the architecture semantic")
    parser.add_argument("--tau", type=float, required=True)
    parser.add_argument("--prior", default=PRIOR)
    for name in ("--temperature", "--chroma-recovery", "--chroma-scale"):
        parser.add_argument(name, type=float)
    parser.add_argument("--smoothing", type=int)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    reading = ("temperature", "chroma_recovery", "chroma_scale", "smoothing")
    config = {name: getattr(given, name) for name in reading if getattr(given, name) is not None}
    try:
        model = SemanticColorizer.from_pretrained(model_folder(given.model), **config)
        adjust_logits(model, given.prior, given.tau)
    except (ModelNotFoundError, RecipeError, WeightsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    adjustment = {"tau": given.tau, "prior": Path(given.prior).name, **config}
    write_model(model, given.output, {**record_of(given.model), "logit_adjustment": adjustment})
    print(f"{given.output}: written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
