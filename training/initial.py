"""The model a run starts from: fresh, or with weights of another (fine-tuning)."""

from collections.abc import Callable
from fnmatch import fnmatch

import torch

from colorhub.models import create, load
from colorhub.models.base import Colorizer, WeightsError
from training.config import Recipe


def initial_model(recipe: Recipe, say: Callable[[str], None]) -> Colorizer:
    """Build the recipe's model; with ``init``, copy every tensor that no ``init_skip`` pattern matches.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen and no pattern covers it.
    """
    model = create(recipe.model.architecture, **recipe.model.keywords)
    if recipe.init is None:
        return model
    found = load(recipe.init).state_dict()
    expected = model.state_dict()
    skipped = {name for name in {**expected, **found} if any(fnmatch(name, pattern) for pattern in recipe.init_skip)}
    _check(recipe.init, expected, found, skipped)
    taken = {name: tensor for name, tensor in found.items() if name in expected and name not in skipped}
    model.load_state_dict(taken, strict=False)
    fresh = sorted(set(expected) - set(taken))
    say(f"init={recipe.init}: {len(taken)} tensors loaded, {len(skipped)} skipped {sorted(skipped)}, fresh: {fresh}")
    return model


def _check(name: str, expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor], skipped: set[str]) -> None:
    problems = [f"missing {key}" for key in expected if key not in found and key not in skipped]
    problems += [f"unexpected {key}" for key in found if key not in expected and key not in skipped]
    problems += [
        f"{key} has the shape {tuple(found[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in expected
        if key in found and key not in skipped and found[key].shape != expected[key].shape
    ]
    if problems:
        raise WeightsError(f"init={name} does not fit: {'; '.join(problems[:5])}. Patterns in init_skip leave tensors out.")
