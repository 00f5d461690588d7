"""What the files of a model folder say."""

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE

from colorhub.models import WeightsError, find_class
from colorhub.models.repository import read_config

SHEET = "samples.webp"
BEST = "best"


class CardError(ValueError):
    """A card that cannot be written: the message says which file is wrong and what was expected.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.hub.cards import CardError, write_card
        >>> from colorhub.models import UNet
        >>> UNet(**UNet.tiny()).save_pretrained("mine")
        >>> _ = Path("mine/scores.json").write_text("[")
        >>> try:
        ...     write_card(Path("mine"))
        ... except CardError as error:
        ...     print(error)
        mine/scores.json ...
    """


@dataclass(frozen=True)
class Words:
    """``card.toml``. All texts are Markdown, and may use the fields of the template themselves.

    Attributes:
        summary: one line for lists of models.
        label: what it is for in two or three words, such as "for photos, vivid", beside its name where one is chosen.
        about: what the model is; the first paragraph of its class's docstring when empty.
        training: how it was trained, beyond what ``training.json`` and ``recipe.toml`` say.
        data: what it was trained on, and under which terms.
        fails: where it fails, as seen by eye; measured failures come from ``scores.json``.
        use: what else there is to say about use and misuse.
        code: lines that run, in place of the usual three.
        license: an SPDX name in lower case, as the Hub knows it.
        base_model: the Hub's id of what it was trained from, such as a pre-trained encoder; none when empty.
        datasets: ids of training data on the Hub.
        tags: further tags.
        group: ``reports`` for a model that is shown for what a report says of it; empty for one to colour photos with.
        citation: BibTeX.
    """

    summary: str = ""
    label: str = ""
    about: str = ""
    training: str = ""
    data: str = ""
    fails: tuple[str, ...] = ()
    use: str = ""
    code: str = ""
    license: str = "apache-2.0"
    base_model: str = ""
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str = ""
    citation: str = ""


@dataclass(frozen=True)
class ModelFiles:
    """One model folder, read. ``scores``, ``recipe`` and ``training`` are empty where there is no such file."""

    folder: Path
    config: dict[str, Any]
    scores: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    words: Words = field(default_factory=Words)

    @property
    def name(self) -> str:
        """The folder's; the run's where that is what a training leaves, which is called ``best`` in every run."""
        name, stages = self.folder.resolve().name, self.training.get("stages")
        return str(stages[-1].get("recipe", name)) if name == BEST and stages else name

    @property
    def architecture(self) -> str:
        """A name of ``colorhub.MODELS``, or an outside class's."""
        return str(self.config["architecture"])

    @property
    def megabytes(self) -> float:
        """Size of the weights in units of 10^6 bytes."""
        return (self.folder / SAFETENSORS_SINGLE_FILE).stat().st_size / 1e6

    @property
    def sections(self) -> list[dict[str, Any]]:
        """The scores on each source of pictures."""
        return [self.scores, *self.scores.get("also", [])] if self.scores else []

    @property
    def has_sheet(self) -> bool:
        """Whether there is a sheet of sample pictures."""
        return (self.folder / SHEET).is_file()


def read_folder(folder: Path) -> ModelFiles:
    """Read what a card is made from.

    Raises:
        CardError: no model folder, or a file in it that is not what its name says.
    """
    if not (folder / SAFETENSORS_SINGLE_FILE).is_file():
        raise CardError(f"{folder} has no {SAFETENSORS_SINGLE_FILE}: a card belongs into a model's folder.")
    try:
        config = read_config(folder / CONFIG_NAME)
    except (WeightsError, OSError) as error:
        raise CardError(str(error)) from error
    return ModelFiles(
        folder,
        config,
        _json(folder / "scores.json"),
        _toml(folder / "recipe.toml"),
        _json(folder / "training.json"),
        _words(folder / "card.toml"),
    )


def about_class(files: ModelFiles) -> str:
    """The first paragraph of the docstring of the model's class, or nothing where the class is not here."""
    try:
        words = find_class(files.architecture).__doc__ or ""
    except (LookupError, ValueError):
        return ""
    return words.strip().split("\n\n")[0].replace("\n    ", "\n")


def _words(path: Path) -> Words:
    given = _toml(path)
    expected = {one.name: type(one.default) for one in fields(Words)}
    for key, value in given.items():
        if key not in expected:
            raise CardError(f"{path}: unknown key {key!r}; there are {', '.join(expected)}.")
        wanted = list if expected[key] is tuple else str
        if not isinstance(value, wanted) or (wanted is list and not all(isinstance(part, str) for part in value)):
            raise CardError(f"{path}: {key} must be {'a list of texts' if wanted is list else 'a text'}.")
    texts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value.strip() for key, value in given.items()
    }
    return Words(**texts)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise CardError(f"{path} is not readable JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CardError(f"{path} must hold a JSON object.")
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path} is not readable TOML: {error}.") from error
