"""Networks under the names and shapes of the authors' releases, computed in the order of their papers: what their state
dicts mean is known here without their code."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of ``(B, C, H, W)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    """Liu et al. 2022, figure 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.pwconv2(F.gelu(self.pwconv1(self.norm(self.dwconv(x).permute(0, 2, 3, 1)))))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


def tree(**parts: nn.Module) -> nn.Module:
    """A module whose parts have these names."""
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def convnext(depths: tuple[int, ...], widths: tuple[int, ...]) -> nn.Module:
    down = [nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], eps=1e-6))]
    for before, after in pairwise(widths):
        down.append(nn.Sequential(ChannelNorm(before, eps=1e-6), nn.Conv2d(before, after, 2, 2)))
    stages = [nn.Sequential(*(Block(width) for _ in range(depth))) for depth, width in zip(depths, widths, strict=True)]
    norms = {f"norm{i}": ChannelNorm(width, eps=1e-6) for i, width in enumerate(widths)}
    norm = nn.LayerNorm(widths[-1], eps=1e-6)
    return tree(downsample_layers=nn.ModuleList(down), stages=nn.ModuleList(stages), **norms, norm=norm)


class ReleasedDDColor(nn.Module):
    """Kang et al. 2023, section 3; ``nf`` is the width of the pixel decoder."""

    def __init__(self, depths=(1, 1, 2, 1), widths=(8, 16, 24, 32), nf=32, queries=5, layers=3) -> None:
        super().__init__()
        hidden = nf // 2
        self.encoder = tree(arch=convnext(depths, widths))
        outs, ins = (nf, nf, hidden), (widths[3], nf, nf)
        ups = [self.up(ins[i], widths[2 - i], outs[i]) for i in range(3)]
        shuffle = nn.Sequential(spectral_norm(nn.Conv2d(hidden, 16 * hidden, 1)))
        self.decoder = tree(
            layers=nn.ModuleList(ups),
            last_shuf=tree(conv=shuffle),
            color_decoder=self.colors(outs, hidden, queries, layers),
        )
        self.refine_net = nn.Sequential(nn.Sequential(spectral_norm(nn.Conv2d(queries + 3, 2, 1))))
        self.register_buffer("mean", MEAN.view(1, 3, 1, 1).clone())
        self.register_buffer("std", DEVIATION.view(1, 3, 1, 1).clone())

    @staticmethod
    def up(before: int, skip: int, after: int) -> nn.Module:
        shuffle = nn.Sequential(spectral_norm(nn.Conv2d(before, 4 * after, 1, bias=False)), nn.BatchNorm2d(4 * after))
        merge = spectral_norm(nn.Conv2d(after + skip, after, 3, padding=1, bias=False))
        conv = nn.Sequential(merge, nn.ReLU(), nn.BatchNorm2d(after))
        return tree(shuf=tree(conv=shuffle), bn=nn.BatchNorm2d(skip), conv=conv)

    @staticmethod
    def colors(channels: tuple[int, ...], hidden: int, queries: int, layers: int) -> nn.Module:
        attention = [nn.MultiheadAttention(hidden, 8) for _ in range(2 * layers)]
        norms = [nn.LayerNorm(hidden) for _ in range(3 * layers)]
        wide = [nn.Linear(hidden, 8 * hidden) for _ in range(layers)]
        narrow = [nn.Linear(8 * hidden, hidden) for _ in range(layers)]
        return tree(
            query_feat=nn.Embedding(queries, hidden),
            query_embed=nn.Embedding(queries, hidden),
            level_embed=nn.Embedding(3, hidden),
            input_proj=nn.ModuleList(nn.Conv2d(count, hidden, 1) for count in channels),
            transformer_self_attention_layers=nn.ModuleList(
                tree(self_attn=attention[i], norm=norms[i]) for i in range(layers)
            ),
            transformer_cross_attention_layers=nn.ModuleList(
                tree(multihead_attn=attention[layers + i], norm=norms[layers + i]) for i in range(layers)
            ),
            transformer_ffn_layers=nn.ModuleList(
                tree(linear1=wide[i], linear2=narrow[i], norm=norms[2 * layers + i]) for i in range(layers)
            ),
            decoder_norm=nn.LayerNorm(hidden),
            color_embed=tree(layers=nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))),
        )

    def forward(self, rgb: Tensor) -> Tensor:
        """Grey ``(B, 3, H, W)`` in 0..1 to ab ``(B, 2, H, W)``."""
        picture = (rgb - self.mean) / self.std
        features, x = [], picture
        for i in range(4):
            x = self.encoder.arch.stages[i](self.encoder.arch.downsample_layers[i](x))
            features.append(getattr(self.encoder.arch, f"norm{i}")(x))
        x, maps = features[3], []
        for block, skip in zip(self.decoder.layers, features[2::-1], strict=True):
            enlarged = blur(F.pixel_shuffle(F.relu(block.shuf.conv(x)), 2))
            x = block.conv(F.relu(torch.cat([enlarged, block.bn(skip)], dim=1)))
            maps.append(x)
        detail = blur(F.pixel_shuffle(F.relu(self.decoder.last_shuf.conv(x)), 4))
        product = torch.einsum("qbc,bchw->bqhw", self.refined(maps), detail)
        return self.refine_net(torch.cat([product, picture], dim=1))

    def refined(self, maps: list[Tensor]) -> Tensor:
        """Colour embeddings ``(Q, B, hidden)``."""
        part = self.decoder.color_decoder
        memory = [
            (part.input_proj[i](x).flatten(2) + part.level_embed.weight[i][:, None]).permute(2, 0, 1)
            for i, x in enumerate(maps)
        ]
        places = [sines(*x.shape[2:], memory[0].shape[2])[:, None] for x in maps]
        embed = part.query_embed.weight[:, None]
        x = part.query_feat.weight[:, None].repeat(1, len(maps[0]), 1)
        for i, feed in enumerate(part.transformer_ffn_layers):
            cross, own = part.transformer_cross_attention_layers[i], part.transformer_self_attention_layers[i]
            there = memory[i % 3]
            x = cross.norm(x + cross.multihead_attn(x + embed, there + places[i % 3], there)[0])
            x = own.norm(x + own.self_attn(x + embed, x + embed, x)[0])
            x = feed.norm(x + feed.linear2(F.relu(feed.linear1(x))))
        first, second, third = part.color_embed.layers
        return third(F.relu(second(F.relu(first(part.decoder_norm(x))))))


def blur(x: Tensor) -> Tensor:
    """The mean of each pixel, its left neighbour, the one above and the one between them; the border repeats."""
    padded = torch.cat([x[:, :, :1], x], dim=2)
    padded = torch.cat([padded[..., :1], padded], dim=3)
    return (padded[..., 1:, 1:] + padded[..., :-1, 1:] + padded[..., 1:, :-1] + padded[..., :-1, :-1]) / 4


def sines(height: int, width: int, hidden: int) -> Tensor:
    """Carion et al. 2020, number by number: ``(height * width, hidden)``."""
    rows = []
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            row = []
            for place in (2 * math.pi * y / height, 2 * math.pi * x / width):
                for i in range(hidden // 2):
                    angle = place / 10_000 ** (2 * (i // 2) / (hidden // 2))
                    row.append(math.cos(angle) if i % 2 else math.sin(angle))
            rows.append(row)
    return torch.tensor(rows)


def lively(net: nn.Module, *example: Tensor) -> nn.Module:
    """Weights and batch statistics with something to get wrong, power iterations of the spectral norms included."""
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.2)
        elif name.endswith("bias"):
            tensor.normal_(0, 0.1)
        elif tensor.ndim == 1 and name.endswith("weight"):
            tensor.uniform_(0.5, 1.5)
    with torch.no_grad():
        net.train()(*example)
    return net.eval()


def ddcolor_release(**sizes: object) -> ReleasedDDColor:
    """A small network whose answers are as strong as colours are."""
    torch.manual_seed(0)
    net = lively(ReleasedDDColor(**sizes), torch.rand(2, 3, 64, 64))
    with torch.no_grad():
        for tensor in net.decoder.color_decoder.color_embed.layers[2].parameters():
            tensor.mul_(300)
    return net


class ReleasedSIGGRAPH17(nn.Module):
    """Zhang et al. 2017, appendix: the local hints network and its distribution."""

    def __init__(self, w: int = 4) -> None:
        super().__init__()
        self.model1, self.model2 = block(4, w, w), block(w, 2 * w, 2 * w)
        self.model3, self.model4 = block(2 * w, *[4 * w] * 3), block(4 * w, *[8 * w] * 3)
        self.model5, self.model6 = (block(*[8 * w] * 4, gap=2) for _ in range(2))
        self.model7 = block(*[8 * w] * 4)
        self.model8up = nn.Sequential(nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1))
        self.model3short8 = nn.Sequential(nn.Conv2d(4 * w, 4 * w, 3, 1, 1))
        self.model8 = nn.Sequential(nn.ReLU(), *block(*[4 * w] * 3))
        self.model9up = nn.Sequential(nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1))
        self.model2short9 = nn.Sequential(nn.Conv2d(2 * w, 2 * w, 3, 1, 1))
        self.model9 = nn.Sequential(nn.ReLU(), *block(2 * w, 2 * w))
        self.model10up = nn.Sequential(nn.ConvTranspose2d(2 * w, 2 * w, 4, 2, 1))
        self.model1short10 = nn.Sequential(nn.Conv2d(w, 2 * w, 3, 1, 1))
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(2 * w, 2 * w, 3, 1, 1), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(4 * w, 529, 1))
        self.model_out = nn.Sequential(nn.Conv2d(2 * w, 2, 1), nn.Tanh())

    def forward(self, L: Tensor, ab: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Lightness, hints in CIELAB units and their mask as the weights know it, to ab and 529 logits."""
        one = self.model1(torch.cat([(L - 50) / 100, ab / 110, mask], dim=1))
        two = self.model2(one[:, :, ::2, ::2])
        three = self.model3(two[:, :, ::2, ::2])
        x = self.model7(self.model6(self.model5(self.model4(three[:, :, ::2, ::2]))))
        eight = self.model8(self.model8up(x) + self.model3short8(three))
        nine = self.model9(self.model9up(eight) + self.model2short9(two))
        ten = self.model10(self.model10up(nine) + self.model1short10(one))
        return self.model_out(ten) * 110, self.model_class(eight)


def block(*widths: int, gap: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=gap, dilation=gap), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]))


def siggraph17_release(w: int = 4) -> ReleasedSIGGRAPH17:
    torch.manual_seed(0)
    shapes = (2, 1, 32, 32), (2, 2, 32, 32), (2, 1, 32, 32)
    return lively(ReleasedSIGGRAPH17(w), *(torch.rand(shape) for shape in shapes))
