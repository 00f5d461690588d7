"""Protocols: named files that say what is measured, on which cut of a picture, from which grey."""

import hashlib
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, field_validator

from colorhub.settings import Settings

FOLDER = Path(__file__).parent / "protocols"
DEFAULT = "colorhub-3"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProtocolError(ValueError):
    """A protocol that there is not, or a file that is none: the message says which."""


class Cut(_Section):
    """How a picture becomes a square of ``size`` pixels, and which pictures count."""

    crop: Literal["centre", "stretch"]
    size: Annotated[int, Field(ge=32, le=2048)]
    at_most: Annotated[int, Field(gt=0)] | None = None
    skip_grey: bool = True


def _settings(values: dict[str, Any]) -> Settings:
    return Settings.from_dict({"in_color": "recolor", **values})


class Grey(_Section):
    """The lightness an answer starts from: a protocol of :func:`colorhub.color.grey_lightness`."""

    protocol: Literal["lab", "luma"] = "lab"


class Rebalancing(_Section):
    """How rare a colour is: a file of ``python -m training.prior``, relative to the project."""

    prior: str


class Metric(_Section):
    """What a figure means, and which way is better."""

    better: Literal["higher", "lower", "none"]
    definition: str


class Robustness(_Section):
    """Other greys of some of the pictures. ``films``: parts of red, green and blue; ``fading``: black and white in
    gamma-encoded grey; ``border``: its width as part of a side."""

    pictures: Annotated[int, Field(gt=0)]
    metrics: tuple[str, ...]
    films: dict[str, tuple[float, float, float]]
    fading: tuple[float, float]
    border: Annotated[float, Field(gt=0, lt=0.5)]


class Failures(_Section):
    """``collapse``: the chroma ratio below which an answer counts as grey."""

    collapse: Annotated[float, Field(gt=0, lt=1)]


class Curve(_Section):
    """Answers with more and less colour. ``vividness``: factors on chroma, rising; ``metrics``: what is measured of
    each, beside the set metrics of the judge; ``at``: colourfulness at which entries are compared."""

    vividness: Annotated[tuple[Annotated[float, Field(ge=0, le=4)], ...], Field(min_length=2)]
    metrics: tuple[str, ...]
    at: tuple[float, ...]

    @field_validator("vividness")
    @classmethod
    def _rising(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(a >= b for a, b in pairwise(values)):
            raise ValueError("vividness must rise from one to the next")
        return values

    @field_validator("metrics")
    @classmethod
    def _with_colorfulness(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "colorfulness" not in names:
            raise ValueError("metrics must name colorfulness, against which the others are drawn")
        return names


class Protocol(_Section):
    """One file under ``protocols/``; ``sha256`` is that of the file.

    ``settings``: those that models answer with, beside colouring what is in colour already. Protocols that say nothing
    of them show the network every picture as it is.
    """

    name: str
    summary: str
    pictures: Cut
    grey: Grey = Grey()
    settings: Annotated[Settings, PlainValidator(_settings)] = _settings({"restore": False})
    rebalancing: Rebalancing | None = None
    metrics: dict[str, Metric]
    set_metrics: dict[str, str] = {}
    robustness: Robustness | None = None
    failures: Failures | None = None
    curve: Curve | None = None
    sha256: str


def load_protocol(name: str) -> Protocol:
    """A protocol by its name.

    Raises:
        ProtocolError: there is no such protocol, or its file is wrong.
    """
    path = FOLDER / f"{name}.toml"
    if path.parent != FOLDER or not path.is_file():
        raise ProtocolError(f"No protocol {name!r}. There are: {', '.join(protocol_names())}.")
    try:
        protocol = Protocol(
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **tomllib.loads(path.read_text("utf-8"))
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ProtocolError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ProtocolError(f"{path.name} is no protocol: {error}.") from error
    if protocol.name != name:
        raise ProtocolError(f"{path.name} calls itself {protocol.name!r}: a protocol has the name of its file.")
    return protocol


def protocol_names() -> list[str]:
    """The names of all protocols."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
