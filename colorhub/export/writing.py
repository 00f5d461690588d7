"""Modules that torch can trace, and their graphs as ONNX: for any size, described, and written whole or not at all."""

import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colorhub import __version__
from colorhub._extras import MissingExtraError, require
from colorhub.color import chroma_limits, grey_to_lightness
from colorhub.inference.compose import compose
from colorhub.models import Colorizer
from colorhub.models.exported import COMPOSITION, INPUT, MODEL, SUFFIX, ExportedColorizer, Metadata
from colorhub.photo.errors import PhotoError
from colorhub.photo.saving import write_whole

OPSET = 20
_LARGEST = 2**31 - 1  # bytes: what one ONNX file can hold
_ANY_SIZE = 2**20  # a dimension that may not be as large as this is bounded
_LEAST_SIDE = 32  # of the picture that is traced; any other size is computed from symbols


class ExportError(ValueError):
    """A model that cannot be exported, or a file that cannot be written: one sentence.

    Example:
        >>> from colorhub.export import ExportError, write
        >>> try:
        ...     write(b"...", "unet.pt")
        ... except ExportError as error:
        ...     print(error)
        unet.pt must end in .onnx: that is how an exported model is recognized.
    """


class ModelGraph(nn.Module):
    """A colorizer with its padding and cropping: L in, the parts of its prediction that it has out, all float32."""

    def __init__(self, model: Colorizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, L: Tensor) -> tuple[Tensor, ...]:
        """``L``: ``(B, 1, H, W)``."""
        return tuple(part.float() for part in self.model(L) if part is not None)


class CompositionGraph(nn.Module):
    """:func:`colorhub.inference.compose.compose`, from grey as a file holds it."""

    def forward(self, grey: Tensor, L: Tensor, ab: Tensor, vividness: Tensor) -> Tensor:
        """``grey``: ``(B, 1, H, W)`` in 0..1; ``L``, ``ab``: ``(B, 1 and 2, h, w)``; ``vividness``: a scalar."""
        return compose(grey_to_lightness(grey), L, ab, vividness)  # type: ignore[arg-type]  # a scalar of the graph


@torch.no_grad()
def output_names(model: Colorizer) -> list[str]:
    """The parts of its prediction that a model has, in the order of :class:`ModelGraph`."""
    answer = model(torch.zeros(1, 1, model.multiple, model.multiple))
    return [name for name, part in answer._asdict().items() if part is not None]


def halved(model: Colorizer) -> Colorizer:
    """Make every layer with weights hold and compute them in half precision, whatever it is given.

    What a model does outside of its layers keeps its precision: reading L, scaling ab, the mean of a distribution.
    """
    for layer in model.modules():
        inner = [part for part in layer.modules() if part is not layer and _has_weights(part)]
        if layer is not model and not inner and _has_weights(layer):
            layer.half().register_forward_pre_hook(_to_half)
    return model


def _has_weights(part: nn.Module) -> bool:
    tensors = (*part.parameters(recurse=False), *part.buffers(recurse=False))
    return any(tensor.is_floating_point() for tensor in tensors)


def _to_half(layer: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.half() if isinstance(x, Tensor) and x.is_floating_point() else x for x in given)


def export_model(model: Colorizer, name: str | None = None, *, half: bool = False, optimized: bool = True) -> bytes:
    """The content of an ONNX file that computes what ``model(L)`` does, for any batch, height and width.

    Args:
        model: stays as it is; a copy in evaluation mode is exported, without hints.
        name: the model's, for the metadata; its architecture when not given.
        half: weights and convolutions in half precision, for a file half as large. Input and output stay float32.
        optimized: with normalizations folded into the weights in front of them; without, all weights are the model's.

    Raises:
        ExportError: torch cannot trace the model, packages are missing, or the file would be too large.

    Example:
        >>> import torch
        >>> from colorhub import load
        >>> from colorhub.export import export_model, write
        >>> from colorhub.models import ColorizeNet
        >>> write(export_model(ColorizeNet(**ColorizeNet.tiny()), "tiny"), "tiny.onnx")
        >>> load("tiny.onnx")(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        torch.Size([1, 2, 40, 60])
    """
    if isinstance(model, ExportedColorizer):
        raise ExportError(f"{model.path} is an exported model already: export the one it was made from.")
    _expect_packages()
    bytes_each = 2 if half else 4
    if sum(tensor.numel() for tensor in model.state_dict().values()) * bytes_each > _LARGEST:
        raise ExportError(f"The model {name} is larger than the 2 GB that one ONNX file can hold.")
    model = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    model.to(memory_format=torch.contiguous_format)  # a pipeline's is channels last, whose strides tie sizes together
    names = output_names(model)
    facts = Metadata(
        MODEL,
        __version__,
        architecture=model.architecture,
        name=name or model.architecture,
        working_size=model.working_size,
        context_size=model.context_size,
        multiple=model.multiple,
        has_distribution=model.has_distribution,
        chroma_recovery=float(model.chroma_recovery),
        chroma_scale=float(model.chroma_scale),
        weights_sha256=model.weights_sha256,
        precision="fp16" if half else "fp32",
    )
    graph = ModelGraph(halved(model) if half else model)
    # Of unlike sides that are not whole multiples: nothing about a size can be taken for a rule.
    least = -(-_LEAST_SIDE // model.multiple) * model.multiple
    L = torch.linspace(0, 100, 2 * (least + 1) * (2 * least + 3)).view(2, 1, least + 1, -1)
    sizes = {0: _dimension("batch"), 2: _dimension("height"), 3: _dimension("width")}
    return traced(graph, (L,), {INPUT: sizes}, names, facts, optimized=optimized)


def export_composition() -> bytes:
    """The content of an ONNX file that colours a full-size grey photo with a model's small answer.

    Raises:
        ExportError: packages are missing.

    Example:
        >>> import onnxruntime
        >>> from colorhub.export import export_composition
        >>> session = onnxruntime.InferenceSession(export_composition())
        >>> [given.name for given in session.get_inputs()], [made.name for made in session.get_outputs()]
        (['grey', 'L', 'ab', 'vividness'], ['rgb'])
    """
    _expect_packages()
    chroma_limits("cpu")  # computed once; while a graph is traced it would be computed from nothing
    batch = _dimension("batch")
    photo = {0: batch, 2: _dimension("height"), 3: _dimension("width")}
    layer = {0: batch, 2: _dimension("layer_height"), 3: _dimension("layer_width")}
    given = (torch.rand(2, 1, 51, 77), torch.rand(2, 1, 33, 46) * 100, torch.rand(2, 2, 33, 46), torch.tensor(1.0))
    shapes = {"grey": photo, "L": layer, "ab": layer, "vividness": {}}
    return traced(CompositionGraph(), given, shapes, ["rgb"], Metadata(COMPOSITION, __version__))


def write(content: bytes, target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an exported file, whole or not at all.

    Raises:
        ExportError: it cannot be written, or it exists and ``overwrite`` is off.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.export import write
        >>> write(b"what export_model gave", "unet.onnx")
        >>> Path("unet.onnx").stat().st_size
        22
        >>> write(b"other", "unet.onnx")
        Traceback (most recent call last):
            ...
        colorhub.export.writing.ExportError: unet.onnx exists already ...
    """
    path = Path(target)
    if path.suffix != SUFFIX:
        raise ExportError(f"{path} must end in {SUFFIX}: that is how an exported model is recognized.")
    try:
        write_whole(path, content, None, overwrite=overwrite)
    except PhotoError as error:
        raise ExportError(str(error)) from error


def _dimension(name: str) -> Any:
    return torch.export.Dim(name, min=1)


def traced(
    graph: nn.Module,
    given: tuple[Tensor, ...],
    sizes: dict[str, Any],
    outputs: Sequence[str],
    facts: Metadata,
    *,
    optimized: bool = True,
) -> bytes:
    """The content of an ONNX file that computes what a module does, for any size along the axes named in ``sizes``."""
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                graph.eval(),
                given,
                input_names=list(sizes),
                output_names=list(outputs),
                dynamic_shapes=tuple(sizes.values()),
                opset_version=OPSET,
                dynamo=True,
                optimize=optimized,
                verbose=False,
            )
    except Exception as error:  # tracing runs any code of any model
        raise ExportError(f"{facts.name or 'The composition'} cannot be exported: {_reason(error)}.") from error
    if not optimized:
        _folded(program.model)
    _expect_any_size(program.exported_program, facts)
    _describe(program.model, facts)
    proto = program.model_proto
    if facts.kind in (MODEL, COMPOSITION):
        sides = proto.graph.output[0].type.tensor_type.shape.dim[2:]
        for side, name in zip(sides, ("height", "width"), strict=True):
            side.dim_param = name  # torch says it by a formula of padding and cropping
    return proto.SerializeToString()


def _folded(model: Any) -> None:
    """Compute what depends on nothing: of what the exporter does otherwise, the part that leaves weights alone."""
    from onnxscript import optimizer

    optimizer.inline(model)
    optimizer.fold_constants(model)
    optimizer.remove_unused_nodes(model)


def _expect_any_size(program: Any, facts: Metadata) -> None:
    """A branch on a size is traced for the sizes that take it, and the exporter says nothing.

    A picture of one tile of the model's ``multiple`` may be left out: at the coarsest level it is one pixel, whose
    order in memory is ambiguous, and torch notes that it looked.
    """
    least = max(2, facts.multiple + 1)
    for bounds in program.range_constraints.values():
        if bounds.upper < _ANY_SIZE or bounds.lower > least:
            raise ExportError(
                f"{facts.name} cannot be exported: it decides by the size of the picture what to compute."
            )


def _describe(model: Any, facts: Metadata) -> None:
    """Our metadata in the place of the exporter's, which holds paths of this machine."""
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.metadata_props.clear()
    model.metadata_props.update(facts.as_text())
    model.producer_name, model.producer_version = "colorhub", __version__


def _expect_packages() -> None:
    try:
        require("export", "onnx", "onnxscript")
    except MissingExtraError as error:
        raise ExportError(str(error)) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says on its way: a failure comes as an exception."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _reason(error: BaseException) -> str:
    """The first line of the innermost cause: the exporter's own message is a page about how to report it."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__).rstrip(".")
    return text if len(text) <= 200 else text[:197] + "..."
