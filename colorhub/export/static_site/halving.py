"""Weights of an ONNX file in half precision, for a file half as large; what is computed with them stays float32.

A processor computes float32, so half precision inside would only be rounded again and again. The cast in front of every
weight is done once, when the file is loaded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

_FEWEST = 256  # values that are worth a cast


def with_half_weights(content: bytes, outputs: Sequence[str] | None = None) -> bytes:
    """The content of the same ONNX file with its larger float32 weights in half precision.

    Args:
        outputs: those to keep; all when not given.
    """
    import onnx

    model = onnx.load_from_string(content)
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _FEWEST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, half = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    _put_first(model.graph, casts)
    if outputs is not None:
        kept = [output for output in model.graph.output if output.name in outputs]
        del model.graph.output[:]
        model.graph.output.extend(kept)
    return bytes(model.SerializeToString())


def _put_first(graph: Any, nodes: list[Any]) -> None:
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *others])
