"""Models exported to ONNX, run by onnxruntime: files of :mod:`colorhub.export`, used like any other model."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from colorhub._extras import MissingExtraError, require
from colorhub._text import one_line
from colorhub.models.base import Colorizer, Prediction
from colorhub.models.repository import WeightsError

SUFFIX = ".onnx"
MODEL, COMPOSITION = "colorhub model", "colorhub composition"
INPUT = "L"


@dataclass(frozen=True)
class Metadata:
    """What an exported file says about its model, beside the graph.

    ``kind``: a model or the composition; ``weights_sha256``: of the safetensors file that the weights come from;
    ``precision``: ``fp32`` or ``fp16``; the rest as in :class:`~colorhub.Colorizer`.
    """

    kind: str
    colorhub_version: str
    architecture: str = ""
    name: str = ""
    working_size: int = 0
    context_size: int | None = None
    multiple: int = 1
    has_distribution: bool = False
    chroma_recovery: float = 0.0
    chroma_scale: float = 1.0
    weights_sha256: str = ""
    precision: str = "fp32"

    def as_text(self) -> dict[str, str]:
        """Keys and values as ONNX holds them: text as it is, the rest as JSON."""
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in asdict(self).items()}

    @classmethod
    def from_text(cls, found: dict[str, str]) -> Self:
        """The reverse of :meth:`as_text`. Raises ``ValueError`` or ``KeyError`` for what it did not write."""
        later = {"chroma_recovery", "chroma_scale"} - found.keys()  # files of version 0.1 do not have them
        kinds = {field.name: field.type for field in fields(cls) if field.name not in later}
        values: dict[str, Any] = {
            key: found[key] if kind is str else json.loads(found[key]) for key, kind in kinds.items()
        }
        wrong = [key for key, kind in kinds.items() if not isinstance(values[key], kind)]  # type: ignore[arg-type]
        if values["kind"] not in (MODEL, COMPOSITION):
            wrong.append("kind")
        if wrong:
            raise ValueError(f"its {wrong[0]} is {found[wrong[0]]!r}")
        return cls(**values)


class ExportedColorizer(Colorizer):
    """A file that ``colorhub export`` wrote. It has no parameters, cannot be trained and runs in its own precision.

    Args:
        path: of the file.

    Raises:
        WeightsError: no ONNX file, not one of ours, the composition, or onnxruntime is not installed.
    """

    architecture = "onnx"  # of an instance: that of the model it was exported from

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        session = open_session(self.path)
        facts = _metadata(session, self.path)
        self.architecture = facts.architecture
        self.working_size, self.context_size = facts.working_size, facts.context_size
        self.multiple, self.has_distribution = facts.multiple, facts.has_distribution
        self.chroma_recovery, self.chroma_scale = facts.chroma_recovery, facts.chroma_scale
        self.weights_sha256 = facts.weights_sha256
        self.metadata = facts
        self._outputs = [output.name for output in session.get_outputs()]
        self._sessions = {"cpu": session}

    def save_pretrained(self, *arguments: Any, **keywords: Any) -> Any:
        """Refused: the file is all there is."""
        raise WeightsError(f"{self.path} is an exported model: copy the file, or save the model it was exported from.")

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """As any model's, on the device of ``L`` where onnxruntime can use it, else on the processor."""
        values = self._session(L.device.type).run(self._outputs, {INPUT: np.ascontiguousarray(L.float().cpu())})
        answers = (torch.from_numpy(value).to(L.device) for value in values)
        return Prediction(**dict(zip(self._outputs, answers, strict=True)))

    def _session(self, device: str) -> Any:
        if device not in self._sessions:
            self._sessions[device] = open_session(self.path, device)
        return self._sessions[device]


def open_session(source: Path | bytes, device: str = "cpu") -> Any:
    """An ``onnxruntime.InferenceSession`` of a file or of its content, with as many threads as torch uses.

    Raises:
        WeightsError: onnxruntime is not installed, or does not take the file.
    """
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what matters comes as an exception
    wanted = ["CUDAExecutionProvider"] * (device == "cuda") + ["CPUExecutionProvider"]
    providers = [provider for provider in wanted if provider in runtime.get_available_providers()]
    try:
        content = source if isinstance(source, bytes) else str(source)
        return runtime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's own errors have no common base but this
        name = "The exported model" if isinstance(source, bytes) else source
        raise WeightsError(f"{name} is not a readable ONNX file: {one_line(error)}.") from error


def _metadata(session: Any, path: Path) -> Metadata:
    found = session.get_modelmeta().custom_metadata_map
    if found.get("kind") not in (MODEL, COMPOSITION):
        raise WeightsError(f"{path} is an ONNX file, but not one that colorhub export wrote.")
    if found["kind"] == COMPOSITION:
        raise WeightsError(f"{path} holds the composition of a photo and its colours, not a model that finds colours.")
    try:
        return Metadata.from_text(found)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} does not describe its model as colorhub export does: {one_line(error)}.") from error


def _onnxruntime() -> ModuleType:
    try:
        require("export", "onnxruntime")
    except MissingExtraError as error:
        raise WeightsError(str(error)) from error
    import onnxruntime

    return onnxruntime
