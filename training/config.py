"""The typed recipe: a TOML file, overridden by ``key=value`` words from the command line. Unknown keys are errors."""

import tomllib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from colorhub._text import nearest
from training.objectives import TASK_SECTIONS, Positive, Probability, RegressionTask, Section, Tasks

_RENAMED = {"unet-vivid": "unet-high-chroma", "unet-calm": "unet-low-chroma"}  # recipes of version 0.1


class RecipeError(ValueError):
    """A recipe that cannot be run: the message names the key, what was expected and the nearest valid one."""


class Crop(Section):
    """One crop size: every step draws one of the recipe's crops by ``weight`` and takes ``batch_size`` of them."""

    size: Positive = 128
    batch_size: Positive = 32  # pictures a process takes for one batch
    weight: Annotated[float, Field(gt=0)] = 1.0
    # Part of the picture's short side that the crop covers, smallest and largest.
    cover: tuple[Probability, Probability] = (0.5, 1.0)


class Data(Section):
    """Where pictures come from and what is done to them.

    A source is a role under ``$COLORHUB_DATA``, a folder of pictures, a folder of parquet shards, one parquet file or
    a Hub dataset id (``owner/name`` or ``owner/name:configuration``); ``synthetic`` needs no data. Several are joined.
    """

    train: list[str] = Field(default=["photos"], min_length=1)
    validation: list[str] = Field(default=["photos"], min_length=1)
    train_split: str = "train"
    validation_split: str = "validation"
    # Part of the training rows that is kept apart for validation, instead of data.validation (not streaming).
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0
    image_column: str = "image"
    label_columns: list[str] = Field(default=[])  # joined they name the class: ["source", "label"] gives "intel/forest"
    label_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0  # of each class's pictures (not streaming)
    streaming: bool = True  # read rows in passing; false: copied once to the datasets cache, shuffled over all rows
    shuffle_buffer: Positive = 1000  # rows a stream holds to shuffle them
    threads: Positive = 2  # that decode, a process
    crops: list[Crop] = Field(default=[Crop()], min_length=1)
    flip: Probability = 0.5
    aspect_jitter: Annotated[float, Field(ge=1, le=2)] = 1.0  # 1.33: the aspect is stretched by up to 4:3 either way
    grey: Literal["lab", "luma"] = "lab"
    white_balance: Probability = 0.0  # how much of a picture's colour cast is taken out: 1 makes its lights neutral
    film: Probability = 0.0  # part of the pictures whose grey is made by a random film response
    grey_threshold: Annotated[float, Field(ge=0)] = 3.0  # of 255: pictures of less mean chroma are skipped as grey
    validation_size: Positive = 256
    validation_limit: Positive | None = 256


class Optimizer(Section):
    """How the weights move. One optimizer step takes ``accumulate`` batches of every process."""

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


class Run(Section):
    """How long, where to, and how it is watched."""

    steps: Positive = 1000  # optimizer steps, all processes together
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    channels_last: bool = True
    compile: bool = False
    output: str = "runs"  # the run is written to output/name; with several nodes a folder that all of them see
    resume: bool = True  # go on from the newest checkpoint in the output folder, if there is one
    checkpoint_every: Positive = 500
    keep_checkpoints: Positive = 2
    validate_every: Positive = 500
    log_every: Positive = 20
    patience: Positive | None = None  # validations without a better metric before stopping
    metric: Literal["gain", "psnr", "loss", "accuracy"] = "gain"
    tensorboard: bool = True


class ParameterGroup(Section):
    """Weights of the model that are trained otherwise than the rest: those whose names match any of its patterns. Of
    several parts that match a weight, the first counts."""

    match: list[str] = Field(min_length=1)  # such as ["backbone.*"]
    rate: Annotated[float, Field(ge=0)] = 1.0  # times optimizer.learning_rate
    # Kept as they are, batch statistics included, before this step; "end": throughout.
    frozen_until: Annotated[int, Field(ge=0)] | Literal["end"] = 0


class Model(BaseModel):
    """``architecture``: a name of ``colorhub.MODELS`` or of an installed package; all other keys are its constructor's
    keywords."""

    model_config = ConfigDict(extra="allow")
    architecture: str = "unet"

    @property
    def keywords(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Recipe(Section):
    name: Annotated[str, Field(min_length=1)]
    init: str | None = None  # weights to start from: a name, a folder or a Hub id
    init_skip: list[str] = Field(default=[])  # patterns of tensors that stay freshly initialized
    backbone: str | None = None  # its pre-trained weights: a file, or "timm" for timm's own from the Hub
    parts: list[ParameterGroup] = Field(default=[])
    model: Model = Model()
    data: Data = Data()
    task: Annotated[Tasks, Field(discriminator="name")] = RegressionTask()
    optimizer: Optimizer = Optimizer()
    run: Run = Run()
    _file: str = PrivateAttr(default="")
    _overrides: tuple[str, ...] = PrivateAttr(default=())

    @property
    def file(self) -> str:
        """The name of the file that it was read from, without its ending; empty for one that was made otherwise."""
        return self._file

    @property
    def overrides(self) -> tuple[str, ...]:
        """The ``section.key=value`` that replace the file's values."""
        return self._overrides

    @field_validator("task", mode="before")
    @classmethod
    def _regression_by_default(cls, task: Any) -> Any:
        return {"name": "regression", **task} if isinstance(task, dict) else task

    @model_validator(mode="after")
    def _skip_needs_init(self) -> "Recipe":
        if self.init_skip and self.init is None:
            raise ValueError("init_skip without init: nothing is loaded, so there is nothing to skip")
        return self

    @model_validator(mode="after")
    def _classes_need_labels(self) -> "Recipe":
        needs_labels = self.task.name == "transfer" or getattr(self.task, "class_weight", 0) > 0
        if needs_labels and not self.data.label_columns:
            raise ValueError(
                "the task learns classes, and data.label_columns names no column that holds them: "
                'for example data.label_columns=["label"]'
            )
        if self.data.label_columns and not needs_labels:
            raise ValueError("data.label_columns without a task that learns classes (task.class_weight above 0)")
        if self.model.keywords.get("classes") and not needs_labels:
            raise ValueError("model.classes without a task that learns classes (task.class_weight above 0)")
        return self

    @model_validator(mode="after")
    def _measured(self) -> "Recipe":
        of_classifiers = {"accuracy", "loss"}
        if (self.task.name == "transfer") > (self.run.metric in of_classifiers):
            raise ValueError(f"run.metric={self.run.metric} is no figure of a classifier: set run.metric=accuracy")
        if self.run.metric == "accuracy" and not self.data.label_columns:
            raise ValueError("run.metric=accuracy needs a task that learns classes")
        return self


def load_recipe(
    path: str | Path, overrides: Sequence[str] = (), adapted: Callable[[Recipe], dict[str, Any]] | None = None
) -> Recipe:
    """Read a recipe and apply ``section.key=value`` overrides.

    Args:
        path: a TOML file. Without a ``name`` the file's own is taken.
        overrides: values in TOML syntax; a bare word is a string, ``none`` takes a value away.
        adapted: other values made of the recipe's, such as those of ``--smoke``; the overrides still win.

    Raises:
        RecipeError: the file is missing or no TOML; a key is unknown (the nearest is named); a value has a wrong type.
    """
    path = Path(path)
    recipe = _recipe(path, _read(path), overrides)
    return recipe if adapted is None else _recipe(path, adapted(recipe), overrides)


def _read(path: Path) -> dict[str, Any]:
    if path.stem in _RENAMED and not path.exists():
        path = path.with_stem(_RENAMED[path.stem])
        warnings.warn(f"The recipe is called {path.name} now.", FutureWarning, stacklevel=3)
    try:
        return {"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))}
    except OSError as error:
        raise RecipeError(f"Recipe {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe {path} is no valid TOML: {error}.") from error


def _recipe(path: Path, values: dict[str, Any], overrides: Sequence[str]) -> Recipe:
    for override in overrides:
        _apply(values, override)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"Recipe {path}: {'; '.join(map(_explain, error.errors()))}.") from None
    recipe._file, recipe._overrides = path.stem, tuple(overrides)
    return recipe


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"Override {override!r} is not of the form key=value, for example run.steps=100.")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise RecipeError(f"Override {override!r}: {section} is not a section.")
    values[last] = _value(text)


def _value(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return float(text)  # TOML knows no .5
    except ValueError:
        return text


def _explain(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    # Pydantic names the kind of task.
    task = location.pop(1) if location[:1] == ["task"] and len(location) > 1 else None
    where = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r} ({_nearest(location, task)})"
    if error["type"] == "union_tag_invalid":
        tag = error["ctx"]["tag"]
        return f"task.name: there is no task {tag!r} ({nearest(tag, TASK_SECTIONS)})"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return f"{where}: {message}, got {error['input']!r}" if where else message


def _nearest(location: list[str], task: str | None) -> str:
    section: Any = Recipe
    for part in location[:-1]:
        field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        section = field.annotation if field else Crop  # the only sections inside a list
    return nearest(location[-1], (TASK_SECTIONS[task] if task else section).model_fields)
