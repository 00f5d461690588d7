"""Models and the composition as ONNX files, for onnxruntime in any language; :mod:`parity` compares them with torch.

A model's graph takes ``L`` ``(B, 1, H, W)``, 0..100, of any size, and gives ``ab`` ``(B, 2, H, W)`` in CIELAB units,
``logits`` where it has a distribution and ``class_logits`` where it names the scene. The composition's graph takes
``grey`` ``(B, 1, H, W)``, gamma-encoded in 0..1, the ``L`` and ``ab`` of a model ``(B, 1 and 2, h, w)`` and the scalar
``vividness``, and gives ``rgb`` ``(B, 3, H, W)``, sRGB in 0..1. All are float32, whatever is inside.
"""

from colorhub.export.parity import LEVELS, TOLERANCE, Difference, composition_differences, model_differences, smooth
from colorhub.export.writing import ExportError, export_composition, export_model, write

__all__ = [
    "LEVELS",
    "TOLERANCE",
    "Difference",
    "ExportError",
    "composition_differences",
    "export_composition",
    "export_model",
    "model_differences",
    "smooth",
    "write",
]
