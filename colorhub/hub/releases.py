"""Weights that other authors published: where each is, whose, and under which licence.

None of them is part of colorhub: they are fetched from their authors when they are first asked for, and converted on
the user's machine.
"""

import re
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

# Of a Hub repository, the first of these that it has. Pickled files are read as tensors alone.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def sha256_prefix(name: str) -> str:
    """The beginning of its SHA-256 that a file's name carries, as in ``name-0123abcd.pth``; or empty."""
    found = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    return found[1] if found else ""


class Work(NamedTuple):
    """A publication with its code: ``page`` is the authors'."""

    authors: str
    title: str
    page: str
    license: str
    citation: str


class Release(NamedTuple):
    """One published file of weights.

    ``source`` is a repository on the Hub, ``owner/name``, or the URL of the file. ``revision`` pins a commit where one
    is known; else the one of the first download is kept.
    """

    architecture: str
    source: str
    work: Work
    summary: str
    data: str
    revision: str | None = None

    @property
    def on_hub(self) -> bool:
        """Whether it is a repository of the Hub."""
        return "://" not in self.source

    @property
    def stem(self) -> str:
        """What the authors call the file or the repository, without its suffix."""
        return PurePosixPath(urlsplit(self.source).path).stem

    @property
    def sha256_prefix(self) -> str:
        """The beginning of the file's SHA-256 that the authors put into its name; or empty."""
        return "" if self.on_hub else sha256_prefix(urlsplit(self.source).path)


_DDCOLOR = Work(
    authors="Xiaoyang Kang, Tao Yang, Wenqi Ouyang, Peiran Ren, Lingzhi Li, Xuansong Xie",
    title="DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders",
    page="https://github.com/piddnad/DDColor",
    license="apache-2.0",
    citation="""
@inproceedings{kang2023ddcolor,
  title = {DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders},
  author = {Kang, Xiaoyang and Yang, Tao and Ouyang, Wenqi and Ren, Peiran and Li, Lingzhi and Xie, Xuansong},
  booktitle = {ICCV},
  year = {2023}
}
""",
)
_SIGGRAPH17 = Work(
    authors="Richard Zhang, Jun-Yan Zhu, Phillip Isola, Xinyang Geng, Angela S. Lin, Tianhe Yu, Alexei A. Efros",
    title="Real-Time User-Guided Image Colorization with Learned Deep Priors",
    page="https://github.com/richzhang/colorization",
    license="bsd-2-clause",
    citation="""
@article{zhang2017real,
  title = {Real-Time User-Guided Image Colorization with Learned Deep Priors},
  author = {Zhang, Richard and Zhu, Jun-Yan and Isola, Phillip and Geng, Xinyang and Lin, Angela S. and Yu, Tianhe and
    Efros, Alexei A.},
  journal = {ACM Transactions on Graphics},
  volume = {36},
  number = {4},
  year = {2017}
}
""",
)
_ECCV16 = Work(
    authors="Richard Zhang, Phillip Isola, Alexei A. Efros",
    title="Colorful Image Colorization",
    page="https://github.com/richzhang/colorization",
    license="bsd-2-clause",
    citation="""
@inproceedings{zhang2016colorful,
  title = {Colorful Image Colorization},
  author = {Zhang, Richard and Isola, Phillip and Efros, Alexei A.},
  booktitle = {ECCV},
  year = {2016}
}
""",
)
_IMAGENET = "ImageNet (ILSVRC 2012), whose pictures are for non-commercial research and education."
_BUCKET = "https://colorizers.s3.us-east-2.amazonaws.com"

RELEASES: dict[str, Release] = {
    "ddcolor": Release(
        "ddcolor",
        "piddnad/ddcolor_modelscope",
        _DDCOLOR,
        "DDColor, large, the authors' choice for photographs",
        f"{_IMAGENET} Dull pictures were left out.",
    ),
    "ddcolor-tiny": Release(
        "ddcolor",
        "piddnad/ddcolor_paper_tiny",
        _DDCOLOR,
        "DDColor with a small encoder, a quarter of the weights",
        _IMAGENET,
    ),
    "ddcolor-artistic": Release(
        "ddcolor",
        "piddnad/ddcolor_artistic",
        _DDCOLOR,
        "DDColor, large, trained without the loss that asks for vivid colours",
        f"{_IMAGENET} And private pictures of the authors, many of them artistic.",
    ),
    "ddcolor-paper": Release(
        "ddcolor",
        "piddnad/ddcolor_paper",
        _DDCOLOR,
        "DDColor, large, as in the paper",
        _IMAGENET,
    ),
    "siggraph17": Release(
        "siggraph17",
        f"{_BUCKET}/siggraph17-df00044c.pth",
        _SIGGRAPH17,
        "The network of 2017 that takes colour hints from people",
        _IMAGENET,
    ),
    "eccv16-2016": Release(
        "eccv16",
        f"{_BUCKET}/colorization_release_v2-9b330a0b.pth",
        _ECCV16,
        "Colorful Image Colorization of 2016, with the authors' weights",
        _IMAGENET,
    ),
}


def release_named(name: str) -> str | None:
    """The release that a name, or the id of its repository, stands for."""
    if name in RELEASES:
        return name
    return next((known for known, release in RELEASES.items() if release.on_hub and release.source == name), None)
