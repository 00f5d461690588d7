"""The loader and its sources: determinism, resuming, sharding, unusable pictures, film response, errors that teach."""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Features, Image, Value
from PIL import Image as PillowImage
from skimage.data import chelsea

from colorhub.color import grey_to_lightness, rgb_to_lab
from training.config import Crop, Data
from training.data import loader as training_data
from training.data.augment import FILM_DRAWS, film_lightness, is_grey, lightness_and_color, white_balanced
from training.data.loader import Batch, Cursor, Loader, Shard, decode
from training.data.sources import DataError, open_pictures
from training.validate import load_validation_set

SIZE = 8
KINDS = ("map", "stream")


def _encoded(colour: Sequence[int], size: tuple[int, int] = (SIZE, SIZE), kind: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    PillowImage.new("RGB", size, tuple(colour)).save(buffer, kind, **options)
    return buffer.getvalue()


def _number(index: int) -> bytes:
    """A plain picture that tells its row: red is the number, the rest makes it colourful."""
    return _encoded((index, 255 - index // 2, 30))


def _write(path: Path, pictures: Sequence[bytes], column: str = "image") -> None:
    schema = Features({column: Image(), "key": Value("string")}).arrow_schema
    rows = [{column: {"bytes": picture, "path": None}, "key": str(i)} for i, picture in enumerate(pictures)]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=5)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """40 numbered pictures in 4 shards."""
    folder = tmp_path_factory.mktemp("shards")
    for shard in range(4):
        _write(folder / f"train-0000{shard}-of-00004.parquet", [_number(shard * 10 + i) for i in range(10)])
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def _settings(**changes) -> Data:
    crops = [Crop(size=SIZE, batch_size=3, weight=2), Crop(size=SIZE * 2, batch_size=2, cover=(1.0, 1.0))]
    return Data(**{"crops": crops, "shuffle_buffer": 7, "flip": 0.5, "aspect_jitter": 1.2, **changes})


def _take(dataset, data: Data, shard: Shard, batches: int, cursor: Cursor | None = None) -> list[Batch]:
    with Loader(dataset, data, shard, cursor) as loader:
        return [next(loader) for _ in range(batches)]


def _open(folder: Path, kind: str):
    return open_pictures([str(folder)], "train", streaming=kind == "stream")


def _numbers(batches: Sequence[Batch]) -> list[int]:
    return [int(picture[0].float().mean().round()) for batch in batches for picture in batch.rgb]


def _same(a: Sequence[Batch], b: Sequence[Batch]) -> bool:
    return len(a) == len(b) and all(
        torch.equal(x.rgb, y.rgb) and torch.equal(x.draws, y.draws) and x.cursor == y.cursor
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_batches_another_does_not(shards, kind):
    dataset = _open(shards, kind)
    first = _take(dataset, _settings(), Shard(seed=3), 8)
    assert _same(first, _take(_open(shards, kind), _settings(threads=4), Shard(seed=3), 8))
    assert not _same(first, _take(dataset, _settings(), Shard(seed=4), 8))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", [1, 2, 3])
def test_resuming_at_any_cursor_goes_on_as_if_nothing_had_happened(shards, kind, world):
    dataset, data = _open(shards, kind), _settings()
    random = np.random.default_rng(world)
    for rank in range(world):
        shard = Shard(seed=5, rank=rank, world_size=world)
        whole = _take(dataset, data, shard, 30)  # several epochs
        assert whole[-1].cursor.epoch >= 1
        for after in random.choice(29, 3, replace=False):
            cursor = whole[after].cursor
            assert _same(_take(_open(shards, kind), data, shard, 29 - after, cursor), whole[after + 1 :])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_an_epoch_shows_every_row_once_over_all_processes(shards, kind, world):
    data = _settings(crops=[Crop(size=SIZE, batch_size=1)], flip=0)
    epochs: list[Counter] = [Counter(), Counter()]
    orders = set()
    for rank in range(world):
        batches = _take(_open(shards, kind), data, Shard(rank=rank, world_size=world), 2 * 40 // world + 2)
        for batch in batches:
            if batch.cursor.epoch < 2:
                epochs[batch.cursor.epoch][_numbers([batch])[0]] += 1
        orders.add(tuple(_numbers(batches)))
    assert epochs[0] == Counter(range(40))
    if world == 1:  # others may end their second epoch at different batches
        assert epochs[1] == Counter(range(40))
    assert len(orders) == world


def test_every_epoch_has_its_own_order(shards):
    data = _settings(crops=[Crop(size=SIZE, batch_size=1)])
    for kind in KINDS:
        numbers = _numbers(_take(_open(shards, kind), data, Shard(), 80))
        assert sorted(numbers[:40]) == sorted(numbers[40:]) == list(range(40))
        assert numbers[:40] != numbers[40:]
        assert numbers[:40] != list(range(40))


def test_all_processes_draw_the_same_crop_for_a_batch(shards):
    data = _settings()
    shapes = [
        [batch.rgb.shape for batch in _take(_open(shards, "map"), data, Shard(rank=r, world_size=2), 12)]
        for r in (0, 1)
    ]
    assert shapes[0] == shapes[1]
    assert len(set(shapes[0])) == 2


def test_the_streams_of_pictures_stay_what_they_were(shards):
    """Bundled weights are repeatable only while the same recipe draws the same pictures: order, crop, flip, film."""
    data = _settings(crops=[Crop(size=4, batch_size=5, cover=(0.5, 1.0))], flip=0.5)
    batch = _take(_open(shards, "map"), data, Shard(seed=0, rank=1, world_size=2), 2)[1]
    order = np.random.default_rng((0, 0)).permutation(40)[1::2]
    assert _numbers([batch]) == order[5:10].tolist()
    for position, draws in zip(range(5, 10), batch.draws, strict=True):
        random = np.random.default_rng((0, 0, 1, position))
        random.uniform(), random.uniform(), random.random(3)  # cover, stretch, place and flip
        assert np.array_equal(draws.numpy(), random.random(FILM_DRAWS, dtype=np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_grey_and_broken_pictures_are_skipped_and_counted(tmp_path, kind):
    good = [_number(i) for i in range(10)]
    bad = [_encoded((90, 90, 90)), _encoded((91, 91, 90)), b"no picture", good[0][:40]]
    _write(tmp_path / "train-0.parquet", [*good[:5], *bad, *good[5:]])
    data = _settings(crops=[Crop(size=SIZE, batch_size=5)])
    batches = _take(_open(tmp_path, kind), data, Shard(), 5)
    assert set(_numbers(batches)) == set(range(10))
    end = batches[-1].cursor  # in its third epoch
    assert 4 <= end.grey <= 6
    assert 4 <= end.broken <= 6
    assert _same(_take(_open(tmp_path, kind), data, Shard(), 4, batches[0].cursor), batches[1:])


def test_every_skipped_picture_is_counted_once(tmp_path):
    good, grey, broken = _number(1), _encoded((9, 9, 9)), b"x"
    rows = [good, grey, good, broken, good, broken]
    _write(tmp_path / "train-0.parquet", rows)
    data = _settings(crops=[Crop(size=SIZE, batch_size=1)])
    for batch in _take(_open(tmp_path, "map"), data, Shard(seed=8), 7):
        orders = [np.random.default_rng((8, epoch)).permutation(6) for epoch in range(batch.cursor.epoch + 1)]
        orders[-1] = orders[-1][: batch.cursor.position]
        seen = [rows[i] for i in np.concatenate(orders)]
        assert (batch.cursor.grey, batch.cursor.broken) == (seen.count(grey), seen.count(broken))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("picture", "words"), [(_encoded((90, 90, 90)), "6 are grey"), (b"no picture", "6 cannot be decoded")]
)
def test_data_without_a_usable_picture_ends_with_a_sentence(tmp_path, kind, picture, words):
    _write(tmp_path / "train-0.parquet", [picture] * 5)
    with pytest.raises(DataError, match=words):
        _take(_open(tmp_path, kind), _settings(), Shard(), 1)


def test_many_grey_pictures_in_one_epoch_are_no_reason_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "_HOPELESS", 8)
    grey = _encoded((90, 90, 90))
    _write(tmp_path / "train-0.parquet", [grey, grey, _number(1), grey, grey, grey] * 4)
    in_order = _settings(shuffle_buffer=1)
    assert set(_numbers(_take(_open(tmp_path, "stream"), in_order, Shard(), 6))) == {1}


def test_a_folder_of_pictures_with_and_without_splits(tmp_path):
    for split, count in (("train", 5), ("validation", 2)):
        (tmp_path / split / "deep").mkdir(parents=True)
        for i in range(count):
            (tmp_path / split / "deep" / f"{i}.PNG").write_bytes(_number(i))
    data = _settings(crops=[Crop(size=SIZE, batch_size=5)])
    for kind in KINDS:
        assert sorted(_numbers(_take(_open(tmp_path, kind), data, Shard(), 1))) == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match=r"no split 'test'. Splits found: train, validation"):
        open_pictures([str(tmp_path)], "test")
    flat = open_pictures([str(tmp_path / "train")], "validation", streaming=False)
    assert len(flat) == 5


def test_several_sources_are_joined(shards, tmp_path):
    (tmp_path / "100.png").write_bytes(_number(100))
    _write(tmp_path / "more.parquet", [_number(200)])
    data = _settings(crops=[Crop(size=SIZE, batch_size=42)])
    for streaming in (True, False):
        names = [str(shards), str(tmp_path / "more.parquet")]
        both = open_pictures(names, "train", streaming=streaming)
        assert set(_numbers(_take(both, data, Shard(), 1))) == {*range(40), 200}
    mixed = tmp_path / "folder"
    mixed.mkdir()
    (tmp_path / "100.png").rename(mixed / "100.png")
    three = open_pictures([*names, str(mixed), "synthetic"], "train", streaming=True)
    assert len(list(three)) == 40 + 1 + 1 + 16


def test_roles_are_looked_up_under_colorhub_data(shards, monkeypatch, tmp_path):
    monkeypatch.setenv("COLORHUB_DATA", str(shards.parent))
    monkeypatch.chdir(tmp_path)
    assert len(open_pictures([shards.name], "train", streaming=False)) == 40
    with pytest.raises(DataError, match=r"No data named 'phots': not under \$COLORHUB_DATA"):
        open_pictures(["phots"], "train")


@pytest.mark.parametrize("streaming", [True, False])
def test_wrong_data_is_refused_with_what_was_found(shards, tmp_path, streaming):
    def refused(*arguments: str, column: str = "image") -> str:
        with pytest.raises(DataError) as caught:
            dataset = open_pictures([arguments[0]], *arguments[1:], column=column, streaming=streaming)
            _take(dataset, _settings(image_column=column), Shard(), 1)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no split 'validation'. Splits found: train" in refused(str(shards), "validation")
    assert "no column 'picture'. Columns found: image, key. Set data.image_column=image" in refused(
        str(shards), "train", column="picture"
    )
    (tmp_path / "empty").mkdir()
    assert "no parquet files and no pictures" in refused(str(tmp_path / "empty"), "train")
    (tmp_path / "words.txt").write_text("no picture")
    assert "is a file" in refused(str(tmp_path / "words.txt"), "train")
    (tmp_path / "train-0.parquet").write_bytes(b"no parquet")
    assert "train-0.parquet" in refused(str(tmp_path), "train")
    pq.write_table(pa.table({"image": [1, 2]}), tmp_path / "numbers.parquet")
    assert "holds int64, no pictures" in refused(str(tmp_path / "numbers.parquet"), "train")
    _write(tmp_path / "none.parquet", [])
    assert "empty" in refused(str(tmp_path / "none.parquet"), "train")


def test_a_plain_column_of_bytes_works(tmp_path):
    pq.write_table(pa.table({"image": [_number(7), _number(8)]}), tmp_path / "plain.parquet")
    for streaming in (True, False):
        dataset = open_pictures([str(tmp_path / "plain.parquet")], "train", streaming=streaming)
        assert set(_numbers(_take(dataset, _settings(crops=[Crop(size=SIZE, batch_size=2)]), Shard(), 1))) == {7, 8}


def test_a_process_without_rows_says_so(tmp_path):
    _write(tmp_path / "train-0.parquet", [_number(1)])
    with pytest.raises(DataError, match="fewer pictures than there are processes"):
        _take(_open(tmp_path, "map"), _settings(), Shard(rank=1, world_size=2), 1)


def test_decoding_is_upright_and_cheap_for_large_jpegs():
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    upright = decode({"bytes": _encoded((200, 10, 10), (60, 40), "JPEG", exif=exif), "path": None})
    assert upright.size == (40, 60)
    large = {"bytes": _encoded((200, 10, 10), (1600, 1200), "JPEG"), "path": None}
    assert decode(large, at_least=100).size == (200, 150)
    assert decode(large).size == (1600, 1200)


def test_is_grey_measures_mean_chroma_like_numpy():
    random = np.random.default_rng(0)
    for spread in (1, 3, 5, 60):
        pixels = (random.integers(0, 180, (9, 7, 1)) + random.integers(0, spread, (9, 7, 3))).astype(np.uint8)
        mean = np.ptp(pixels, axis=2).mean()
        assert is_grey(PillowImage.fromarray(pixels), mean + 1e-6)
        assert not is_grey(PillowImage.fromarray(pixels), mean)


@pytest.mark.parametrize("kind", KINDS)
def test_load_validation_set_are_the_same_set_for_any_number_of_processes(tmp_path, kind):
    pictures = [_number(i) for i in range(50)]
    _write(tmp_path / "train-0.parquet", [*pictures[:3], _encoded((5, 5, 5)), b"x", *pictures[3:]])
    data = _settings(validation_size=SIZE, validation_limit=45)
    whole = load_validation_set(_open(tmp_path, kind), data, Shard())
    assert whole.pictures[:, 0, 0, 0].tolist() == list(range(45))
    for world in (2, 3, 5):
        parts = [
            load_validation_set(_open(tmp_path, kind), data, Shard(rank=r, world_size=world)) for r in range(world)
        ]
        assert sorted(row for part in parts for row in part.rows.tolist()) == list(range(45))
        assert all(torch.equal(part.pictures, whole.pictures[part.rows]) and part.total == 45 for part in parts)


def test_validation_without_colour_says_what_was_found(tmp_path):
    _write(tmp_path / "train-0.parquet", [_encoded((5, 5, 5)), b"x"])
    with pytest.raises(DataError, match="1 grey, 1 broken"):
        load_validation_set(_open(tmp_path, "stream"), _settings(), Shard())


# Film response


@pytest.fixture
def rgb() -> torch.Tensor:
    return torch.rand(4, 3, 12, 10, generator=torch.Generator().manual_seed(0))


EVEN = 0.25 / 0.6  # the draw at which corners are as light as the middle


def _draws(count: int, **fixed: float) -> torch.Tensor:
    names = ["chosen", "red", "green", "blue", "gamma", "black", "white", "grain", "softness", "vignette"]
    draws = torch.rand(count, FILM_DRAWS, generator=torch.Generator().manual_seed(1))
    draws[:, 8], draws[:, 9] = 0, EVEN
    for name, value in fixed.items():
        draws[:, names.index(name)] = value
    return draws


def test_the_channel_mix_sums_to_one():
    """So a grey picture stays as it is where nothing else happens to it."""
    grey = torch.linspace(0.05, 1, 20).view(1, 1, 4, 5).expand(6, 3, 4, 5)
    found = film_lightness(grey, _draws(6, gamma=0.5, black=0, white=0, grain=0))
    assert torch.allclose(found, grey_to_lightness(grey[:, :1]), atol=1e-3)


def test_film_stays_in_range_for_any_draws(rgb):
    extremes = torch.cat([torch.zeros(1, FILM_DRAWS), torch.ones(1, FILM_DRAWS), _draws(2)])
    for picture in (rgb, torch.zeros_like(rgb), torch.ones_like(rgb)):
        found = film_lightness(picture, extremes)
        assert found.shape == (4, 1, 12, 10)
        assert found.min() >= 0
        assert found.max() <= 100


def test_orthochromatic_film_sees_blue_brighter_than_red():
    red, blue = (torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 4, 4) for c in ([0.8, 0.1, 0.1], [0.1, 0.1, 0.8]))
    blind_to_red = _draws(1, red=0, green=0.2, blue=1, gamma=0.5, black=0, white=0, grain=0)
    assert film_lightness(blue, blind_to_red).mean() > film_lightness(red, blind_to_red).mean() + 20


def test_fading_lifts_black_and_dims_white():
    ends = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 4, 2)
    found = film_lightness(ends, _draws(1, gamma=0.5, black=1, white=1, grain=0))
    assert torch.allclose(
        found[0, 0, 0], grey_to_lightness(torch.tensor([0.25, 0.8])), atol=1e-2
    )  # 1e-4 of black is clamped


def test_grain_has_its_strength_and_repeats(rgb):
    flat = torch.full((1, 3, 64, 64), 0.5)
    draws = _draws(1, gamma=0.5, black=0, white=0, grain=1)
    grainy, clean = film_lightness(flat, draws), film_lightness(flat, _draws(1, gamma=0.5, black=0, white=0, grain=0))
    slope = (grey_to_lightness(torch.tensor(0.51)) - grey_to_lightness(torch.tensor(0.49))) / 0.02
    assert (grainy - clean).std().item() == pytest.approx(0.05 * slope.item(), rel=0.05)
    assert torch.equal(film_lightness(flat, draws), grainy)
    assert not torch.equal(film_lightness(rgb, _draws(4))[0], film_lightness(rgb.flip(0), _draws(4).flip(0))[1])


def test_softness_blurs_and_keeps_the_mean():
    step = (torch.arange(32) >= 16).float().view(1, 1, 1, 32).expand(1, 3, 32, 32) * 0.5 + 0.25
    plain = {"gamma": 0.5, "black": 0.0, "white": 0.0, "grain": 0.0}
    sharp, soft = (film_lightness(step, _draws(1, softness=s, **plain)) for s in (0.0, 1.0))
    assert soft.diff(dim=3).abs().max() < sharp.diff(dim=3).abs().max() / 2
    assert torch.allclose(soft[..., :8], sharp[..., :8], atol=1e-3)  # far from the edge nothing changes


@pytest.mark.parametrize(("draw", "corner"), [(0.0, 0.5 * 1.25), (EVEN, 0.5), (1.0, 0.5 * 0.65)])
def test_light_falls_off_or_rises_towards_the_corners(draw, corner):
    flat = torch.full((1, 3, 33, 33), 0.5)
    found = film_lightness(flat, _draws(1, gamma=0.5, black=0, white=0, grain=0, vignette=draw))[0, 0]
    assert found[0, 0].item() == pytest.approx(grey_to_lightness(torch.tensor(corner)).item(), abs=0.1)
    assert found[16, 16].item() == pytest.approx(grey_to_lightness(torch.tensor(0.5)).item(), abs=0.1)


def test_film_is_drawn_for_its_share_and_off_at_zero(rgb):
    codes, draws = (rgb * 255).byte(), _draws(4)
    draws[:, 0] = torch.tensor([0.0, 0.29, 0.31, 0.9])
    L, ab = rgb_to_lab(codes / 255)
    off = lightness_and_color(codes, draws, Data(film=0.0))
    torch.testing.assert_close(off, (L, ab), rtol=0, atol=1e-4)
    found, target = lightness_and_color(codes, draws, Data(film=0.3))
    assert torch.equal(target, off[1])  # the colour asked for is always the picture's own
    assert [torch.equal(found[i], off[0][i]) for i in range(4)] == [False, False, True, True]
    torch.testing.assert_close(found[:2], film_lightness(codes[:2] / 255, draws[:2]))


def test_grain_of_a_resumed_run_is_the_same(shards):
    data, shard = _settings(film=1.0), Shard(seed=2)
    whole = _take(_open(shards, "stream"), data, shard, 4)
    again = _take(_open(shards, "stream"), data, shard, 1, whole[2].cursor)
    lightness = [lightness_and_color(b.rgb, b.draws, data)[0] for b in (whole[3], again[0])]
    assert torch.equal(*lightness)


def test_white_balance_takes_a_lamp_out_of_a_picture_and_leaves_a_neutral_one():
    """A lamp is a factor on each channel of linear light; white things that it shines on are white again."""
    picture = np.asarray(PillowImage.fromarray(chelsea()).convert("L"))
    grey = np.repeat(picture[..., None], 3, axis=2).astype(float)
    lamp = np.array([1.25, 1.0, 0.8]) ** (1 / 2.2)
    warm = PillowImage.fromarray((grey * 0.9 * lamp).clip(0, 255).round().astype(np.uint8))
    part = warm.crop((100, 50, 200, 150))
    for strength, left in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0)):
        found = np.asarray(white_balanced(part, warm, strength), float)
        cast = np.log(found[..., 0].mean() / found[..., 2].mean()) / np.log(lamp[0] / lamp[2])
        assert cast == pytest.approx(left, abs=0.03)
    neutral = PillowImage.fromarray(grey.astype(np.uint8))
    assert np.array_equal(np.asarray(white_balanced(neutral, neutral, 1.0)), np.asarray(neutral))
    red = PillowImage.fromarray(np.full((64, 64, 3), (200, 20, 20), np.uint8))
    assert np.ptp(np.asarray(white_balanced(red, red, 1.0))[0, 0]) > 100  # what has one colour keeps most of it
