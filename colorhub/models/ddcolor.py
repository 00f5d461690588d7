"""DDColor: Kang, Yang, Ouyang, Ren, Li, Xie 2023, "DDColor: Towards Photo-Realistic Image Colorization via Dual
Decoders" (arXiv 2212.11613). The layers are those of the authors' release (github.com/piddnad/DDColor), whose weights
:meth:`DDColor.from_release` reads.

What differs from the original: any picture size, where the original squashes every photo to a square; spectral
normalization is folded into the weights, so what is trained further here has none; ab is kept within -128..128. The
last enlargement and the product with the colour embeddings are computed in another order, which gives the same numbers:
everything after the last ReLU is linear, so 256 channels at full size become the two that are asked for while they are
still at a quarter of it.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorhub.color import lightness_to_grey
from colorhub.models.base import Colorizer, Prediction, WeightsError, initialize, load_strictly
from colorhub.models.ddcolor_decoder import HEADS, ColorDecoder, PixelDecoder, blurred, shuffled_together

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as every ConvNeXt was trained with
_ENLARGED = 4  # at the end, from the pixel decoder's size to the picture's

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


class Size(NamedTuple):
    """A ConvNeXt (Liu et al. 2022): blocks and channels of its four stages."""

    depths: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]


SIZES = {
    "tiny": Size((3, 3, 9, 3), (96, 192, 384, 768)),
    "large": Size((3, 3, 27, 3), (192, 384, 768, 1536)),
    "test": Size((1, 1, 2, 1), (8, 16, 24, 32)),
}


class DDColor(Colorizer):
    """A ConvNeXt encoder, a pixel decoder back to a quarter of the size, and a colour decoder that refines learned
    colour queries by attention to it; the product of both, with the picture itself, becomes ab.

    Args:
        size: ``tiny`` or ``large``, the encoder; ``test`` is one for tests.
        width: channels of the pixel decoder; 512 is the paper's. Queries are half as long.
        queries: number of colour queries; 100 in all releases.
        layers: of the colour decoder; they look at three scales in turn.
        working_size: short side in pixels of the working picture; the authors' programs colour 512 x 512.

    Raises:
        ValueError: an unknown size, or a width that attention cannot be divided into.

    References:
        Kang et al. 2023, "DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders" (arXiv 2212.11613).

    Example:
        >>> import torch
        >>> from colorhub.models import DDColor
        >>> model = DDColor(**DDColor.tiny()).eval()  # DDColor() is as large as the authors'
        >>> model(torch.full((1, 1, 40, 60), 50.0)).ab.shape
        torch.Size([1, 2, 40, 60])
    """

    architecture = "ddcolor"
    multiple = 32
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        size: str = "large",
        width: int = 512,
        queries: int = 100,
        layers: int = 9,
        working_size: int = 512,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"Unknown size {size!r}. Expected one of {', '.join(SIZES)}.")
        if width < 4 * HEADS or width % (4 * HEADS) or queries < 1 or layers < 1:
            raise ValueError(
                f"width must be a multiple of {4 * HEADS}, queries and layers at least 1, "
                f"got {width}, {queries} and {layers}."
            )
        self.size = size
        self.working_size = working_size
        self.encoder = _Encoder(SIZES[size])
        self.freeze(self.encoder.convnext.head)  # classifies; in the releases, and never asked
        self.pixels = PixelDecoder(SIZES[size].channels, width)
        self.colors = ColorDecoder(self.pixels.channels, queries, layers, width // 2)
        self.expand = nn.Linear(width // 2, _ENLARGED**2 * (width // 2))
        self.refine = nn.Conv2d(queries + 3, 2, 1)
        self._initialize()
        # Buffers, so that the weights bring along the scale they were trained with.
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))

    def _initialize(self) -> None:
        together = torch.empty(self.expand.weight.shape, device=self.expand.weight.device)
        shuffled_together(together, _ENLARGED)
        with torch.no_grad():
            self.expand.weight.copy_(_pixels_first(together))
        nn.init.zeros_(self.expand.bias)
        initialize([self.refine])

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        return {"size": "test", "width": 32, "queries": 5, "layers": 3, "working_size": 32}

    @classmethod
    def from_release(
        cls, weights: Mapping[str, Tensor], config: Mapping[str, Any] | None = None, **settings: Any
    ) -> Self:
        """A model with the weights of one of the authors' releases.

        Args:
            weights: the state dict of the release's ``DDColor``, with its spectral normalization; sizes are taken from
                its tensors.
            config: of the authors' ``config.json``; only checked, since the tensors say the same.
            settings: keywords of the constructor that the tensors do not tell: ``working_size``.

        Raises:
            WeightsError: weights of another architecture or variant; a tensor is missing, extra or misshapen.
        """
        found = _Released(weights, config)
        name = found.size_among(SIZES)
        model = cls(name, found.width, found.queries, found.layers, **settings)
        tensors = _renamed(weights)
        tensors["expand.weight"] = _pixels_first(tensors["expand.weight"])
        tensors["expand.bias"] = _pixels_first(tensors["expand.bias"])
        load_strictly(model, tensors, "The release's weights")
        return model.eval()

    def predict(self, L: Tensor, hints: Tensor | None = None) -> Prediction:
        """``L``: ``(B, 1, H, W)``, both sides a multiple of 32."""
        picture = (lightness_to_grey(L) - self.mean) / self.deviation
        maps = self.pixels(self.encoder(picture))
        color = self.colors(maps)
        weight = self.refine.weight.flatten(1).to(color.dtype)
        weight_of_queries, weight_of_picture = weight.split([color.shape[1], 3], dim=1)
        ab = self._answer(maps[-1], weight_of_queries @ color)
        ab = ab + F.conv2d(picture.to(ab.dtype), weight_of_picture.to(ab.dtype)[:, :, None, None])
        return Prediction(ab=(ab + self.get_parameter("refine.bias")[:, None, None]).float().clamp(-128, 128))

    def _answer(self, coarse: Tensor, color: Tensor) -> Tensor:
        """Features ``(B, width / 2, h, w)``, enlarged 4 times, times two colours ``(B, 2, width / 2)``."""
        batch, hidden, height, width = coarse.shape
        x = F.relu(self.expand(coarse.permute(0, 2, 3, 1)))
        x = x.reshape(batch, -1, hidden) @ color.to(x.dtype).transpose(1, 2)
        x = x.reshape(batch, height, width, _ENLARGED**2, 2).permute(0, 4, 3, 1, 2)
        return blurred(F.pixel_shuffle(x.flatten(1, 2).float(), _ENLARGED))


class _Encoder(nn.Module):
    """timm's ConvNeXt, with one more normalization of what each of its stages answers."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        from timm.layers import LayerNorm2d
        from timm.models.convnext import ConvNeXt

        self.convnext = ConvNeXt(depths=size.depths, dims=size.channels, num_classes=0)
        self.norms = nn.ModuleList(LayerNorm2d(count, eps=1e-6) for count in size.channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` to features at 1/4, 1/8, 1/16 and 1/32 of the size."""
        x = self.convnext.stem(x)
        features = []
        for stage, norm in zip(self.convnext.stages, self.norms, strict=True):
            x = stage(x)
            features.append(norm(x))
        return features


def _pixels_first(tensor: Tensor) -> Tensor:
    """Reorder the outputs of the last enlargement: a pixel shuffle takes the pixels of a block next to each other for
    every channel; here the channels of a pixel are next to each other."""
    return tensor.unflatten(0, (-1, _ENLARGED**2)).transpose(0, 1).flatten(0, 1)


class _Released:
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


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
    names = [f"{base}.weight_{part}" for part in ("orig", "u", "v")]
    if not weights.keys() >= set(names):
        raise WeightsError(
            f"The release's weights do not hold the spectral normalization of {base}: weight_u, weight_v."
        )
    original, u, v = (weights[name] for name in names)
    return original / torch.dot(u, original.flatten(1) @ v)


def _own_name(released: str) -> str:
    for pattern, to in _RENAMED:
        if pattern.match(released):
            return pattern.sub(to, released, count=1)
    return released
