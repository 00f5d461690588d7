"""What a run starts from: its pictures and their classes, and a model, fresh or with weights of another."""

from collections.abc import Callable
from fnmatch import fnmatch

import numpy as np
from datasets import Dataset
from torch import Tensor

from colorhub.models import find_class, load
from colorhub.models.base import HubModel, WeightsError, misfits
from colorhub.models.encoder_decoder import EncoderClassifier
from colorhub.models.registry import build
from training.config import Data, Recipe, RecipeError
from training.labels import class_names, labelled_part
from training.sources import DataError, Pictures, open_pictures

_HELD_OUT_SEED = 0  # not the run's: runs that are compared share the split, whatever else is random in them


def open_data(recipe: Recipe) -> tuple[Pictures, Pictures, Recipe]:
    """The training pictures and those for validation; and the recipe, with the classes that the training pictures name
    as the model's ``classes`` and ``class_names``.

    Raises:
        DataError: no such data, too few rows to hold any out, or fewer classes than the model tells apart.
    """
    data, seed = recipe.data, recipe.run.seed
    pictures, validation = _training_and_validation(data)
    if not data.label_columns:
        return pictures, validation, recipe
    names = class_names(pictures, data.label_columns, recipe.model.keywords.get("classes"))
    if data.label_fraction < 1:
        pictures = labelled_part(pictures, data.label_columns, names, data.label_fraction, seed)
    named = recipe.model.model_copy(update={"classes": len(names), "class_names": list(names)})
    return pictures, validation, recipe.model_copy(update={"model": named})


def _training_and_validation(data: Data) -> tuple[Pictures, Pictures]:
    pictures = open_pictures(data.train, data.train_split, data.image_column, data.streaming, data.label_columns)
    if data.held_out:
        return _split(pictures, data.held_out)
    return pictures, open_pictures(data.validation, data.validation_split, data.image_column, labels=data.label_columns)


def _split(pictures: Pictures, part: float) -> tuple[Dataset, Dataset]:
    """All rows but a random ``part``, at least one, and that part; both in the order of the data."""
    if not isinstance(pictures, Dataset):
        raise DataError("data.held_out sets some of all rows apart: set data.streaming=false.")
    count = max(1, round(len(pictures) * part))
    if count >= len(pictures):
        raise DataError(f"data.held_out={part:g} leaves none of the {len(pictures)} training rows: use less.")
    order = np.random.default_rng(_HELD_OUT_SEED).permutation(len(pictures))
    return pictures.select(np.sort(order[count:])), pictures.select(np.sort(order[:count]))


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
    if fresh and recipe.init is not None:
        _take_over(model, _weights(recipe.init), recipe, say)
    return model


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
    _check(recipe, expected, found, skipped)
    taken = {name: tensor for name, tensor in found.items() if name not in skipped}
    model.load_state_dict({**expected, **taken})
    fresh = [name for name in names if name in expected and name not in taken]
    left = [name for name in names if name in skipped and name in found]
    say(f"init={recipe.init}: {len(taken)} tensors loaded; skipped: {_listed(left)}; fresh: {_listed(fresh)}.")


def _check(recipe: Recipe, expected: dict[str, Tensor], found: dict[str, Tensor], skipped: set[str]) -> None:
    for pattern in recipe.init_skip:
        if not any(fnmatch(name, pattern) for name in {**expected, **found}):
            raise RecipeError(f"init_skip: no tensor matches {pattern!r}; the model has {_listed(list(expected))}.")
    kept = [{name: tensor for name, tensor in part.items() if name not in skipped} for part in (expected, found)]
    if problems := misfits(*kept):
        raise WeightsError(f"init={recipe.init} does not fit: {problems}; patterns in init_skip leave tensors out.")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "none") + more
