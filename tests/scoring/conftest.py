"""What tests of scoring share."""

from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from tiny import save_tiny


@pytest.fixture
def scored_folder(tmp_path: Path) -> Path:
    """A folder with ``pictures``, 104 crops of 64 pixels that name no label, and ``small``, a tiny ``unet``."""
    (tmp_path / "pictures").mkdir()
    picture = data.coffee()
    for i in range(104):
        crop = picture[2 * i : 2 * i + 64, 3 * i : 3 * i + 64]
        Image.fromarray(crop).save(tmp_path / "pictures" / f"{i:03d}.png")
    save_tiny(tmp_path / "small")
    return tmp_path
