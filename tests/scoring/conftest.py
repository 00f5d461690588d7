"""What tests of scoring share."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from colorhub import create
from colorhub.models import UNet


@pytest.fixture
def scored_folder(tmp_path: Path) -> Path:
    """A folder with ``pictures``, 104 crops of 64 pixels that name no label, and ``small``, a tiny ``unet``."""
    (tmp_path / "pictures").mkdir()
    picture = data.coffee()
    for i in range(104):
        crop = picture[2 * i : 2 * i + 64, 3 * i : 3 * i + 64]
        Image.fromarray(crop).save(tmp_path / "pictures" / f"{i:03d}.png")
    torch.manual_seed(0)
    create("unet", **UNet.tiny()).save_pretrained(tmp_path / "small")
    return tmp_path
