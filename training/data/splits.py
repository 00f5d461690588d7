"""The pictures a run trains on and is judged by, and the classes that they name."""

import numpy as np
from datasets import Dataset

from training.config import Data, Recipe
from training.data.labels import class_names, labelled_part
from training.data.sources import DataError, Pictures, open_pictures

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
