"""The typed recipe: a TOML file, overridden by ``key=value`` words from the command line. Unknown keys are errors."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class RecipeError(ValueError):
    """A recipe that cannot be run: the message names the key, what was expected and the nearest valid one."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]


class Crop(_Section):
    """One crop size: every step draws one of the recipe's crops by ``weight`` and takes ``batch_size`` of them."""

    size: Positive = 128
    batch_size: Positive = 32
    weight: Annotated[float, Field(gt=0)] = 1.0
    # Part of the picture's short side that the crop covers, smallest and largest.
    cover: tuple[Probability, Probability] = (0.5, 1.0)


class Data(_Section):
    """Where pictures come from and what is done to them."""

    train: list[str] = ["photos"]  # a role under $COLORHUB_DATA, a folder, a parquet file or a Hub dataset id
    validation: list[str] = ["photos"]
    train_split: str = "train"
    validation_split: str = "validation"
    image_column: str = "image"
    streaming: bool = True
    shuffle_buffer: Positive = 1000
    threads: Positive = 2
    crops: Annotated[list[Crop], Field(min_length=1)] = [Crop()]
    flip: Probability = 0.5
    aspect_jitter: Annotated[float, Field(ge=1, le=2)] = 1.0  # 1.33: the aspect is stretched by up to 4:3 either way
    grey: Literal["lab", "luma"] = "lab"
    film: Probability = 0.0  # part of the pictures whose grey is made by a random film response
    grey_threshold: Annotated[float, Field(ge=0)] = 3.0  # mean chroma below which a picture counts as grey and is skipped
    validation_size: Positive = 256
    validation_limit: Positive | None = 256


class Task(_Section):
    """What is optimized. ``beta`` is in CIELAB units: where smooth L1 turns from a square into a line."""

    name: Literal["regression"] = "regression"
    loss: Literal["mse", "l1", "smooth_l1"] = "l1"
    beta: Annotated[float, Field(gt=0)] = 11.0


class Optimizer(_Section):
    name: Literal["adam", "adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    betas: tuple[Probability, Probability] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["cosine", "trapezoid", "constant"] = "cosine"
    decay_steps: Annotated[int, Field(ge=0)] = 0  # trapezoid: length of the last, falling part
    final_ratio: Probability = 0.01  # the last learning rate as part of the first
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    accumulate: Positive = 1
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None


class Run(_Section):
    steps: Positive = 1000  # optimizer steps, all processes together
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    channels_last: bool = True
    compile: bool = False
    output: str = "runs"
    resume: bool = True  # go on from the newest checkpoint in the output folder, if there is one
    checkpoint_every: Positive = 500
    keep_checkpoints: Positive = 2
    validate_every: Positive = 500
    log_every: Positive = 20
    patience: Positive | None = None  # validations without a better metric before stopping
    metric: Literal["gain", "psnr", "loss"] = "gain"
    tensorboard: bool = True


class Model(BaseModel):
    """``architecture`` is a name of ``colorhub.MODELS``; all other keys are its constructor's keywords."""

    model_config = ConfigDict(extra="allow")
    architecture: str = "unet"

    @property
    def keywords(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Recipe(_Section):
    name: str
    init: str | None = None  # weights to start from: a name, a folder or a Hub id
    init_skip: list[str] = []  # patterns of tensors that stay freshly initialized
    model: Model = Model()
    data: Data = Data()
    task: Task = Task()
    optimizer: Optimizer = Optimizer()
    run: Run = Run()

    @model_validator(mode="after")
    def _skip_needs_init(self) -> "Recipe":
        if self.init_skip and self.init is None:
            raise ValueError("init_skip without init: nothing is loaded, so there is nothing to skip")
        return self


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply ``section.key=value`` overrides (values in TOML syntax; a bare word is a string).

    Raises:
        RecipeError: the file is missing or no TOML; a key is unknown (the nearest is named); a value has the wrong type.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"Recipe {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe {path} is no valid TOML: {error}") from error
    for override in overrides:
        _apply(values, override)
    values.setdefault("name", path.stem)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"Recipe {path}: {'; '.join(map(_explain, error.errors()))}") from None


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"Override {override!r} is not of the form key=value, for example run.steps=100.")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise RecipeError(f"Override {override!r}: {section} is not a section.")
    try:
        values[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = text


def _explain(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    where = ".".join(location)
    if error["type"] != "extra_forbidden":
        return f"{where or 'recipe'}: {error['msg']}, got {error['input']!r}" if where else error["msg"]
    return f"unknown key {where!r}{_nearest(location)}"


def _nearest(location: list[str]) -> str:
    section: Any = Recipe
    for part in location[:-1]:
        field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        section = field.annotation if field else Crop
    known = [*section.model_fields] if hasattr(section, "model_fields") else []
    near = get_close_matches(location[-1], known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else f" (known: {', '.join(known)})"
