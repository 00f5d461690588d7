"""A sheet of what a report's arms make of photographs that come with installed packages, and so may be shown."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.augment import center_crop
from training.reproduce.exam import from_lightness, model_of, painted
from training.samples import package_photographs
from training.scoring.figures import grey_answers

_GAP, _WORDS, _SIDE = 6, 150, 128


def sheet(folders: Sequence[tuple[str, Path]]) -> Image.Image:
    """A row for the grey photographs, for each arm's first seed, and for the originals.

    Args:
        folders: names and folders of runs.
    """
    originals = [np.asarray(center_crop(one, _SIDE)) for one in package_photographs().values()]
    rows = [("grey", grey_answers(originals))]
    rows += [(name, painted(partial(from_lightness, model_of(folder)), originals)) for name, folder in folders]
    rows.append(("original", originals))
    step = _SIDE + _GAP
    answer = Image.new("RGB", (_WORDS + step * len(originals) + _GAP, step * len(rows) + _GAP), "white")
    draw = ImageDraw.Draw(answer)
    for number, (name, pictures) in enumerate(rows):
        top = _GAP + step * number
        draw.text((_GAP, top + _SIDE // 2), name, font=ImageFont.load_default(14), fill="black")
        for column, pixels in enumerate(pictures):
            answer.paste(Image.fromarray(pixels), (_WORDS + step * column, top))
    return answer
