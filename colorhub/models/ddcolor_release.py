"""The names in DDColor's released state dicts, and ours."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colorhub.models.base import WeightsError

# What the authors' config.json must say; other variants were never released.
_EXPECTED = {
    "decoder_name": "MultiScaleColorDecoder",
    "num_output_channels": 2,
    "last_norm": "Spectral",
    "do_normalize": False,
    "num_scales": 3,
}
_ENCODER = (
    (r"encoder\.arch\.downsample_layers\.0\.", r"encoder.convnext.stem."),
    (r"encoder\.arch\.downsample_layers\.(\d)\.", r"encoder.convnext.stages.\1.downsample."),
    (r"encoder\.arch\.stages\.(\d)\.(\d+)\.dwconv\.", r"encoder.convnext.stages.\1.blocks.\2.conv_dw."),
    (r"encoder\.arch\.stages\.(\d)\.(\d+)\.pwconv(\d)\.", r"encoder.convnext.stages.\1.blocks.\2.mlp.fc\3."),
    (r"encoder\.arch\.stages\.(\d)\.(\d+)\.", r"encoder.convnext.stages.\1.blocks.\2."),
    (r"encoder\.arch\.norm(\d)\.", r"encoder.norms.\1."),
    (r"encoder\.arch\.norm\.", r"encoder.convnext.head.norm."),
)
_DECODER = (
    (r"decoder\.layers\.(\d)\.shuf\.conv\.0\.", r"pixels.blocks.\1.expand."),
    (r"decoder\.layers\.(\d)\.shuf\.conv\.1\.", r"pixels.blocks.\1.expand_norm."),
    (r"decoder\.layers\.(\d)\.bn\.", r"pixels.blocks.\1.skip_norm."),
    (r"decoder\.layers\.(\d)\.conv\.0\.", r"pixels.blocks.\1.merge."),
    (r"decoder\.layers\.(\d)\.conv\.2\.", r"pixels.blocks.\1.merge_norm."),
    (r"decoder\.last_shuf\.conv\.0\.", r"expand."),
    (r"refine_net\.0\.0\.", r"refine."),
    (r"^std$", r"deviation"),
)
_ATTENTION = r"decoder\.color_decoder\.transformer_{}_attention_layers\.(\d+)\.{}\."
_COLORS = (
    (r"decoder\.color_decoder\.query_feat\.weight", r"colors.queries"),
    (r"decoder\.color_decoder\.query_embed\.weight", r"colors.query_places"),
    (r"decoder\.color_decoder\.level_embed\.weight", r"colors.levels"),
    (r"decoder\.color_decoder\.input_proj\.", r"colors.project."),
    (_ATTENTION.format("cross", r"multihead_attn\.out_proj"), r"colors.layers.\1.cross.out."),
    (_ATTENTION.format("cross", "multihead_attn"), r"colors.layers.\1.cross."),
    (_ATTENTION.format("cross", "norm"), r"colors.layers.\1.cross_norm."),
    (_ATTENTION.format("self", r"self_attn\.out_proj"), r"colors.layers.\1.own.out."),
    (_ATTENTION.format("self", "self_attn"), r"colors.layers.\1.own."),
    (_ATTENTION.format("self", "norm"), r"colors.layers.\1.own_norm."),
    (r"decoder\.color_decoder\.transformer_ffn_layers\.(\d+)\.linear1\.", r"colors.layers.\1.widen."),
    (r"decoder\.color_decoder\.transformer_ffn_layers\.(\d+)\.linear2\.", r"colors.layers.\1.narrow."),
    (r"decoder\.color_decoder\.transformer_ffn_layers\.(\d+)\.norm\.", r"colors.layers.\1.norm."),
    (r"decoder\.color_decoder\.decoder_norm\.", r"colors.norm."),
    (r"decoder\.color_decoder\.color_embed\.layers\.", r"colors.embed."),
)
_RENAMED = [
    (re.compile(f"^{pattern}" if pattern[0] != "^" else pattern), to)
    for pattern, to in (*_ENCODER, *_DECODER, *_COLORS)
]


class Released:
    """What the tensors of a release say about its network.

    Raises:
        WeightsError: they are not DDColor's, or of a variant that this class does not have.
    """

    def __init__(self, weights: Mapping[str, Tensor], config: Mapping[str, Any] | None) -> None:
        for key, value in _EXPECTED.items():
            if config and config.get(key, value) != value:
                raise WeightsError(
                    f"The release's config says {key} = {config[key]!r}, and only {value!r} can be loaded: this is "
                    "another variant of DDColor."
                )
        self.weights = weights
        self.queries, hidden = self._shape("decoder.color_decoder.query_feat.weight")
        self.width = 2 * hidden
        self.layers = self._count(r"decoder\.color_decoder\.transformer_ffn_layers\.(\d+)\.")

    def size_among(self, sizes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]) -> str:
        """The name of the encoder that these tensors are of, among names with (depths, channels)."""
        depths = tuple(self._count(rf"encoder\.arch\.stages\.{stage}\.(\d+)\.") for stage in range(4))
        channels = tuple(self._shape(f"encoder.arch.norm{stage}.weight")[0] for stage in range(4))
        for name, size in sizes.items():
            if size == (depths, channels):
                return name
        raise WeightsError(
            f"The release's encoder has {depths} blocks of {channels} channels: none of {', '.join(sizes)} has."
        )

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self.weights:
            raise WeightsError(f"These are not the weights of a released DDColor: {name} is missing.")
        return tuple(self.weights[name].shape)

    def _count(self, pattern: str) -> int:
        matches = [re.match(pattern, name) for name in self.weights]
        return 1 + max((int(found[1]) for found in matches if found), default=-1)


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A release's tensors under our names, with spectral normalization folded into the weights and the three parts of
    every attention's projection apart. What has no name of ours keeps its own."""
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        base, _, kind = name.rpartition(".")
        if kind in ("weight_u", "weight_v") and f"{base}.weight_orig" in weights:
            continue
        if kind == "weight_orig":
            name, tensor = f"{base}.weight", _folded(weights, base)
        own = _own_name(name)
        if kind in ("in_proj_weight", "in_proj_bias"):
            own = own.removesuffix(kind)
            for part, rows in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                found[f"{own}{part}.{kind.removeprefix('in_proj_')}"] = rows
        else:
            found[own] = tensor.flatten(1) if own == "expand.weight" else tensor
    return found


def _folded(weights: Mapping[str, Tensor], base: str) -> Tensor:
    """A weight over its largest singular value (Miyato et al. 2018), as the stored vectors u and v estimate it."""
    tensors = [weights.get(f"{base}.weight_{part}") for part in ("orig", "u", "v")]
    if any(tensor is None for tensor in tensors):
        raise WeightsError(
            f"The release's weights do not hold the spectral normalization of {base}: weight_u, weight_v."
        )
    original, u, v = tensors
    return original / torch.dot(u, original.flatten(1) @ v)


def _own_name(released: str) -> str:
    for pattern, to in _RENAMED:
        if pattern.match(released):
            return pattern.sub(to, released, count=1)
    return released
