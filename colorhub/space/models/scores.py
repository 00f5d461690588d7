"""The figures of ``scores.json`` files, read with patience: what is missing or misshapen is left out."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorhub.space.shared.catalogue import folder_of

if TYPE_CHECKING:
    from colorhub.hub.loading import ModelInfo

BASELINES = {"grey": "no colour", "mean_color": "mean colour", "original": "the originals"}


@dataclass(frozen=True)
class Figure:
    """A mean over pictures and its 95 % interval, where the file has one."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One model's figures on one set of pictures. ``robustness``: gain in dB by how the grey was made; ``curve``:
    figures at rising vividness."""

    model: str
    architecture: str
    megabytes: float | None
    figures: Mapping[str, Figure]
    milliseconds: float | None = None
    device: str = ""
    robustness: Mapping[str, Figure] = field(default_factory=dict)
    curve: Sequence[Mapping[str, Figure]] = ()


@dataclass
class Board:
    """Figures that may stand side by side: of the same pictures, under the same protocol.

    ``baselines``: of the answers without colour and with the mean colour, and of the originals. ``definitions``: what
    the metrics mean, as far as a file says.
    """

    protocol: str
    source: str
    pictures: int | None
    rows: list[Row] = field(default_factory=list)
    baselines: dict[str, Mapping[str, Figure]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """What all times were measured on; empty if not on the same."""
        devices = {row.device for row in self.rows if row.milliseconds}
        return devices.pop() if len(devices) == 1 else ""

    @property
    def originals_colorfulness(self) -> Figure | None:
        """How colourful the originals are."""
        return self.baselines.get("original", {}).get("colorfulness")


def boards(models: "Sequence[ModelInfo]") -> list[Board]:
    """All figures of these models, a board for every protocol and set of pictures, those with most models first.

    Boards never mix protocols, nor pictures: the file's fingerprints of both must agree.
    """
    found: dict[tuple[str, ...], Board] = {}
    for info in models:
        for scores in _files(info):
            for section in (scores, *_list(scores.get("also"))):
                _add(found, info, scores, _dict(section))
    return sorted(found.values(), key=lambda board: -len(board.rows))  # stable


def unmeasured(models: "Sequence[ModelInfo]", found: Sequence[Board]) -> "list[ModelInfo]":
    """The models without a row on any board."""
    measured = {row.model for board in found for row in board.rows}
    return [info for info in models if info.name not in measured]


def figure(value: Any) -> Figure | None:
    """A metric's ``{mean, low, high}``, or a set's ``{value, low, high}``; ``None`` for one that was not computed."""
    value = _dict(value)
    mean, low, high = (number(value.get(key)) for key in ("mean" if "mean" in value else "value", "low", "high"))
    return None if mean is None else Figure(mean, low, high)


def number(value: Any) -> float | None:
    """A finite number, or ``None``."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def _files(info: "ModelInfo") -> Iterator[dict[str, Any]]:
    folder = folder_of(info, "scores.json")
    for path in sorted(folder.glob("scores*.json")) if folder is not None and folder.is_dir() else []:
        if scores := _read(path):
            yield scores


def _read(path: Path) -> dict[str, Any]:
    try:
        return _dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _add(
    found: dict[tuple[str, ...], Board], info: "ModelInfo", scores: Mapping[str, Any], section: Mapping[str, Any]
) -> None:
    figures = _figures(section.get("metrics"))
    if not figures:
        return
    data, protocol = _dict(section.get("data")), str(scores.get("protocol") or "unnamed protocol")
    source = "/".join(Path(str(data[key])).name for key in ("source", "split") if data.get(key))
    key = (protocol, str(scores.get("protocol_sha256")), source, str(data.get("fingerprint")))
    if key not in found:
        count = number(data.get("pictures"))
        found[key] = Board(protocol, source, None if count is None else int(count))
        found[key].definitions |= {str(name): str(text) for name, text in _dict(scores.get("definitions")).items()}
    board = found[key]
    board.rows.append(_row(info, figures, section))
    for name in BASELINES:
        if name not in board.baselines and (baseline := _figures(_dict(section.get("baselines")).get(name))):
            board.baselines[name] = baseline


def _row(info: "ModelInfo", figures: Mapping[str, Figure], section: Mapping[str, Any]) -> Row:
    timing = _dict(section.get("timing"))
    variants = _dict(_dict(section.get("robustness")).get("variants"))
    gains = {str(name): figure(_dict(found).get("gain")) for name, found in variants.items()}
    return Row(
        info.name,
        info.architecture,
        info.megabytes,
        figures,
        number(timing.get("milliseconds_per_picture")),
        _device(timing),
        {name: gain for name, gain in gains.items() if gain is not None},
        [_figures(point) for point in _list(_dict(section.get("curve")).get("points"))],
    )


def _device(timing: Mapping[str, Any]) -> str:
    device, threads = str(timing.get("device") or ""), number(timing.get("threads"))
    if device != "cpu" or not threads:
        return device
    return f"cpu, {threads:.0f} thread{'' if threads == 1 else 's'}"


def _figures(value: Any) -> dict[str, Figure]:
    found = {str(name): figure(one) for name, one in _dict(value).items()}
    return {name: one for name, one in found.items() if one is not None}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
