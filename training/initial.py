"""The model a run starts from: fresh, or with weights of another (fine-tuning)."""

from collections.abc import Callable
from fnmatch import fnmatch

from torch import Tensor

from colorhub._text import listed
from colorhub.hub.loading import load
from colorhub.models import Koalarization, SemanticColorizer, find_class
from colorhub.models.base import HubModel, WeightsError, misfits, shared_with
from colorhub.models.encoder_decoder import EncoderClassifier
from colorhub.models.registry import build
from training.config import Recipe, RecipeError


def model_class(architecture: str) -> type[HubModel]:
    """The class of a colorizer, or the classifier: it is trained here, but is no colorizer. Raises ``ValueError``."""
    return EncoderClassifier if architecture == EncoderClassifier.architecture else find_class(architecture)


def initial_model(recipe: Recipe, say: Callable[[str], None], fresh: bool = True) -> HubModel:
    """Build the recipe's model; with ``init``, copy every tensor that no ``init_skip`` pattern matches.

    Args:
        say: prints what was loaded, what was skipped and what is fresh.
        fresh: false for a run that goes on: its weights come from its own checkpoint.

    Raises:
        RecipeError: the architecture or one of its keywords is unknown, or a pattern matches nothing.
        WeightsError: there are no such weights, or a tensor that no pattern covers is missing, left over or misshapen.
    """
    try:
        model = build(model_class(recipe.model.architecture), recipe.model.keywords)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"[model] of the recipe: {error}") from error
    if fresh and recipe.backbone is not None:
        _load_backbone(model, recipe.backbone, say)
    if fresh and recipe.init is not None:
        _take_over(model, _weights(recipe.init), recipe, say)
    return model


def _load_backbone(model: HubModel, weights: str, say: Callable[[str], None]) -> None:
    if not isinstance(model, Koalarization | SemanticColorizer):
        raise RecipeError(f"backbone={weights}: {model.architecture} has no pre-trained backbone; leave the key out.")
    model.load_backbone(None if weights == "timm" else weights)
    say(f"backbone={weights}: loaded.")


def _weights(name: str) -> dict[str, Tensor]:
    try:
        return load(name).state_dict()
    except WeightsError:
        raise
    except (LookupError, ValueError, OSError) as error:
        raise WeightsError(f"init={name}: {error}") from error


def _take_over(model: HubModel, found: dict[str, Tensor], recipe: Recipe, say: Callable[[str], None]) -> None:
    expected = model.state_dict()
    names = sorted({**expected, **found})
    skipped = {name for name in names if any(fnmatch(name, pattern) for pattern in recipe.init_skip)}
    skipped |= shared_with(expected, skipped)  # tied weights would be taken over by another name of theirs
    _check(recipe, expected, found, skipped)
    taken = {name: tensor for name, tensor in found.items() if name not in skipped}
    model.load_state_dict({**expected, **taken})
    fresh = [name for name in names if name in expected and name not in taken]
    left = [name for name in names if name in skipped and name in found]
    say(f"init={recipe.init}: {len(taken)} tensors loaded; skipped: {listed(left)}; fresh: {listed(fresh)}.")


def _check(recipe: Recipe, expected: dict[str, Tensor], found: dict[str, Tensor], skipped: set[str]) -> None:
    for pattern in recipe.init_skip:
        if not any(fnmatch(name, pattern) for name in {**expected, **found}):
            raise RecipeError(f"init_skip: no tensor matches {pattern!r}; the model has {listed(list(expected))}.")
    kept = [{name: tensor for name, tensor in part.items() if name not in skipped} for part in (expected, found)]
    if problems := misfits(*kept):
        raise WeightsError(f"init={recipe.init} does not fit: {problems}; patterns in init_skip leave tensors out.")
