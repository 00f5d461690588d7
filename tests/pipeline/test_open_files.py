"""A pipeline called with open files: each is one picture, read from its start."""

import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorhub import ColorizationPipeline, ColorPhoto, Photo, PhotoError


@pytest.fixture
def path(grey: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(grey[:60, :80]).save(tmp_path / "cup.png")
    return tmp_path / "cup.png"


@pytest.fixture
def expected(pipeline: ColorizationPipeline, path: Path) -> np.ndarray:
    return pipeline(path).pixels


def test_an_open_file_is_one_picture(pipeline: ColorizationPipeline, path: Path, expected: np.ndarray) -> None:
    with path.open("rb") as file, path.open("rb", buffering=0) as raw, io.BytesIO(path.read_bytes()) as memory:
        for source in (file, raw, memory):
            answer = pipeline(source)
            assert isinstance(answer, ColorPhoto)
            assert np.array_equal(answer.pixels, expected)


@pytest.mark.parametrize("at", [0, 1, 100, None])
def test_it_is_read_from_its_start(
    pipeline: ColorizationPipeline, path: Path, expected: np.ndarray, at: int | None
) -> None:
    written = io.BytesIO()
    Image.open(path).save(written, "PNG")  # which leaves it at its end
    with path.open("rb") as file:
        for source in (file, written):
            if at is not None:
                source.seek(at)
            assert np.array_equal(pipeline(source).pixels, expected)
            assert np.array_equal(Photo.open(source).grey, Photo.open(path).grey)  # and again


def test_other_things_that_are_files(
    pipeline: ColorizationPipeline, path: Path, expected: np.ndarray, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as album:
        album.write(path, "cup.png")
    with (
        zipfile.ZipFile(tmp_path / "album.zip") as album,
        album.open("cup.png") as member,
        tempfile.SpooledTemporaryFile() as spooled,
        tempfile.NamedTemporaryFile() as named,
    ):
        for copy in (spooled, named):
            copy.write(path.read_bytes())
        for source in (member, spooled, named):
            assert np.array_equal(pipeline(source).pixels, expected)


def test_a_pipe_is_read_from_where_it_is(pipeline: ColorizationPipeline, path: Path, expected: np.ndarray) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(path.read_bytes())  # less than a pipe holds
    with os.fdopen(reading, "rb") as file:
        assert np.array_equal(pipeline(file).pixels, expected)


def test_files_in_a_list_give_a_list(pipeline: ColorizationPipeline, path: Path, expected: np.ndarray) -> None:
    with path.open("rb") as file, path.open("rb") as other:
        answers = pipeline([file, other], progress=False)
        assert [np.array_equal(answer.pixels, expected) for answer in answers] == [True, True]
        answers = pipeline(iter([file]), progress=False)
        assert np.array_equal(answers[0].pixels, expected)


def test_hints_samples_and_errors_are_those_of_one_photo(pipeline: ColorizationPipeline, path: Path) -> None:
    with path.open("rb") as file:
        assert pipeline(file, hints=[(9, 9, "red")]).provenance is not None
    with (
        path.open(encoding="latin-1") as text,
        pytest.raises(PhotoError, match="was opened as text; open it"),
    ):
        pipeline(text)
    with pytest.raises(PhotoError, match="is empty"):
        pipeline(io.BytesIO())
