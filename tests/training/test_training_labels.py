"""What pictures are called, and which of them are trained on: joined columns, few labels, rows held out."""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features, Image, Value
from PIL import Image as PillowImage

from training.config import Crop, Data, Recipe
from training.data.labels import UNKNOWN, Labels, class_names, labelled_part
from training.data.loader import Loader, Shard
from training.data.sources import DataError, Pictures, open_pictures
from training.data.splits import open_data
from training.validate import load_validation_set

KINDS = ("map", "stream")
COLUMNS = ["source", "label"]
ROWS = [("intel", "forest"), ("intel", "sea"), ("cats", "cat"), ("intel", "forest"), ("intel", ""), (None, "sea")]


def _picture(index: int) -> bytes:
    """A plain picture that tells its row by its red, in colours that are not grey."""
    buffer = BytesIO()
    PillowImage.new("RGB", (8, 8), (index, 255 - index // 2, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def _write(path: Path, columns: dict[str, Sequence], features: dict[str, object] | None = None) -> Path:
    kinds = features or {name: Value("string") for name in columns}
    count = len(next(iter(columns.values())))
    pictures = [{"bytes": _picture(i), "path": None} for i in range(count)]
    schema = Features({"image": Image(), **kinds}).arrow_schema
    pq.write_table(pa.Table.from_pydict({"image": pictures, **columns}, schema=schema), path)
    return path


def _open(path: Path, kind: str, labels: Sequence[str]) -> Pictures:
    return open_pictures([str(path)], "train", streaming=kind == "stream", labels=labels)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def scenes(tmp_path) -> Path:
    sources, labels = zip(*ROWS, strict=True)
    return _write(tmp_path / "scenes.parquet", {"source": sources, "label": labels})


@pytest.fixture
def digits(tmp_path) -> Path:
    """60 rows: 30 of class a, 20 of b, 10 of c."""
    return _write(tmp_path / "digits.parquet", {"label": ["a"] * 30 + ["b"] * 20 + ["c"] * 10})


def _recipe(path: Path, **data: object) -> Recipe:
    own = {"train": [str(path)], "streaming": False, "label_columns": ["label"], "validation_size": 8, **data}
    task = {"name": "transfer"} if own["label_columns"] else {"name": "regression"}
    metric = "accuracy" if own["label_columns"] else "gain"
    return Recipe.model_validate({"name": "run", "data": own, "task": task, "run": {"metric": metric}})


def _reds(dataset: Pictures) -> list[int]:
    """Which rows a data set holds, read back from its pictures."""
    return [PillowImage.open(BytesIO(row["image"]["bytes"])).getpixel((0, 0))[0] for row in dataset]


@pytest.mark.parametrize("kind", KINDS)
def test_joined_columns_name_the_classes_and_number_the_rows(scenes, kind):
    dataset = _open(scenes, kind, COLUMNS)
    names = class_names(dataset, COLUMNS)
    assert names == ("cats/cat", "intel/forest", "intel/sea")
    labels = Labels(dataset, COLUMNS, names)
    assert [labels.number(row) for row in dataset] == [1, 2, 0, 1, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("kind", KINDS)
def test_columns_join_in_the_order_given(scenes, kind):
    assert "forest/intel" in class_names(_open(scenes, kind, COLUMNS), COLUMNS[::-1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_the_model_does_not_know_is_unknown(scenes, kind):
    dataset = _open(scenes, kind, COLUMNS)
    labels = Labels(dataset, COLUMNS, ("intel/forest", "intel/mountain"))
    assert [labels.number(row) for row in dataset] == [0, UNKNOWN, UNKNOWN, 0, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("kind", KINDS)
def test_class_numbers_of_the_data_are_read_as_their_names(tmp_path, kind):
    features = {"label": ClassLabel(names=["dog", "ant", "bee"])}
    path = _write(tmp_path / "named.parquet", {"label": [2, 0, 1, -1, 0]}, features)
    dataset = _open(path, kind, ["label"])
    names = class_names(dataset, ["label"])
    assert names == ("ant", "bee", "dog")  # sorted by name, whatever their numbers in the data
    assert [Labels(dataset, ["label"], names).number(row) for row in dataset] == [1, 2, 0, UNKNOWN, 2]


def test_without_columns_everything_is_unknown(scenes):
    dataset = _open(scenes, "map", [])
    assert {Labels(dataset, [], ["cat"]).number(row) for row in dataset} == {UNKNOWN}


@pytest.mark.parametrize("kind", KINDS)
def test_the_most_frequent_classes_are_taken(digits, kind):
    dataset = _open(digits, kind, ["label"])
    assert class_names(dataset, ["label"], most=2) == ("a", "b")
    assert class_names(dataset, ["label"], most=3) == class_names(dataset, ["label"]) == ("a", "b", "c")


def test_fewer_classes_than_the_head_is_one_sentence(digits, tmp_path):
    with pytest.raises(DataError, match=r"tells 4 classes apart, .* name 3 \(a, b, c\): set model.classes"):
        class_names(_open(digits, "map", ["label"]), ["label"], most=4)
    alone = _write(tmp_path / "alone.parquet", {"label": ["a", "a", ""]})
    with pytest.raises(DataError, match=r"tells 2 classes apart, .* name 1 \(a\)"):
        class_names(_open(alone, "map", ["label"]), ["label"])


def _part(path: Path, fraction: float, seed: int) -> list[int]:
    dataset = _open(path, "map", ["label"])
    return _reds(labelled_part(dataset, ["label"], ("a", "b", "c"), fraction, seed))


def test_a_fraction_is_taken_of_every_class(digits):
    rows = _part(digits, 0.5, seed=0)
    assert Counter("a" if row < 30 else "b" if row < 50 else "c" for row in rows) == {"a": 15, "b": 10, "c": 5}
    assert rows == sorted(set(rows))


def test_the_seed_decides_which_pictures_keep_their_labels(digits):
    assert _part(digits, 0.5, seed=1) == _part(digits, 0.5, seed=1) != _part(digits, 0.5, seed=2)


def test_only_the_named_classes_are_in_the_part(digits):
    dataset = _open(digits, "map", ["label"])
    assert set(_reds(labelled_part(dataset, ["label"], ("c",), 1.0, 0))) == set(range(50, 60))


def test_a_fraction_that_leaves_a_class_empty_says_what_would_do(digits):
    with pytest.raises(DataError, match=r"0\.02 leaves the class 'b' empty \(20 pictures in all\): use at least 0\.05"):
        _part(digits, 0.02, seed=0)
    assert len(_part(digits, 0.05, seed=0)) == 2 + 1 + 1


@pytest.mark.parametrize(("key", "value"), [("label_fraction", 0.5), ("held_out", 0.2)])
def test_a_stream_has_no_rows_to_choose_from(digits, key, value):
    recipe = _recipe(digits, streaming=True, validation=[str(digits)], **{key: value})
    with pytest.raises(DataError, match=rf"data\.{key} .*set data\.streaming=false"):
        open_data(recipe)


def test_held_out_rows_validate_and_are_not_trained_on(digits):
    train, validation, recipe = open_data(_recipe(digits, held_out=0.2))
    assert (len(train), len(validation)) == (48, 12)
    assert sorted(_reds(train) + _reds(validation)) == list(range(60))
    assert recipe.model.keywords["class_names"] == ["a", "b", "c"]


def test_held_out_rows_reach_the_loader_and_the_validation(digits):
    recipe = _recipe(digits, held_out=0.2, crops=[Crop(size=8, batch_size=48)], flip=0)
    train, validation, recipe = open_data(recipe)
    names = recipe.model.keywords["class_names"]
    held_out = load_validation_set(validation, recipe.data, Shard(), names)
    with Loader(train, recipe.data, Shard(), class_names=names) as loader:
        batch = next(loader)  # an epoch
    seen, kept = (pictures[:, 0, 0, 0].tolist() for pictures in (batch.rgb, held_out.pictures))
    assert sorted(seen + kept) == list(range(60))
    for rows, labels in ((seen, batch.labels), (kept, held_out.labels)):
        assert labels.tolist() == [0 if row < 30 else 1 if row < 50 else 2 for row in rows]


def test_every_seed_has_the_same_rows_held_out(digits):
    kept = []
    for seed in (0, 7):
        recipe = _recipe(digits, held_out=0.2)
        recipe = recipe.model_copy(update={"run": recipe.run.model_copy(update={"seed": seed})})
        kept.append(_reds(open_data(recipe)[1]))
    assert kept[0] == kept[1] == sorted(kept[0])


def test_the_fraction_is_of_the_rows_that_are_left(digits):
    whole, validation, _ = open_data(_recipe(digits, held_out=0.2))
    half, again, _ = open_data(_recipe(digits, held_out=0.2, label_fraction=0.5))
    assert _reds(again) == _reds(validation)
    assert set(_reds(half)) < set(_reds(whole))
    left = Counter(np.digitize(_reds(whole), (30, 50)).tolist())
    assert Counter(np.digitize(_reds(half), (30, 50)).tolist()) == {kind: int(n / 2 + 0.5) for kind, n in left.items()}


def test_rows_are_held_out_without_labels_as_well(digits):
    train, validation, recipe = open_data(_recipe(digits, held_out=0.01, label_columns=[]))
    assert (len(train), len(validation)) == (59, 1)  # at least one
    assert "class_names" not in recipe.model.keywords


def test_nothing_left_to_train_on_is_one_sentence(tmp_path):
    path = _write(tmp_path / "one.parquet", {"label": ["a"]})
    with pytest.raises(DataError, match=r"held_out=0.5 leaves none of the 1 training rows"):
        open_data(_recipe(path, held_out=0.5, label_columns=[]))


def test_without_held_out_validation_is_what_the_recipe_names(digits, scenes):
    recipe = _recipe(digits, validation=[str(scenes)])
    train, validation, _ = open_data(recipe)
    assert len(train) == 60
    assert sum(1 for _ in validation) == len(ROWS)


@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_held_out_is_a_part(value):
    with pytest.raises(ValueError, match="held_out"):
        Data(held_out=value)
