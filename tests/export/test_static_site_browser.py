"""The static site's engine in Chromium, beside the Python pipeline."""

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from static_site import Engine, build, opened, png

from colorhub import MODELS, ColorizationPipeline, Photo, create
from colorhub.color import grey_lightness
from colorhub.settings import DEFAULT_MODEL

pytestmark = pytest.mark.browser
NAMES = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "camera",
    "coins",
    "moon",
    "page",
    "text",
    "clock",
    "brick",
    "grass",
)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose answer is smoothed where hues differ, and made stronger."""
    folder = tmp_path_factory.mktemp("models") / "calm"
    torch.manual_seed(0)
    small = MODELS["semantic"].tiny() | {"smoothing": 4, "chroma_scale": 1.12, "temperature": 0.35}
    model = create("semantic", **small).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(weights.half())  # as published ones are
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, calm: Path) -> Path:
    return build(tmp_path_factory.mktemp("static") / "site", DEFAULT_MODEL, calm)


@pytest.fixture(scope="module")
def engine(site: Path, chromium: Any) -> Iterator[Engine]:
    """Without threads: on a page that may not have any."""
    with opened(site, chromium, isolated=False) as engine:
        yield engine


@pytest.fixture(scope="module")
def threaded(site: Path, chromium: Any) -> Iterator[Engine]:
    """With two threads."""
    with opened(site, chromium, threads=2) as engine:
        yield engine


@pytest.fixture(scope="module")
def pipeline() -> ColorizationPipeline:
    """In float32: the browser has nothing else."""
    pipeline = ColorizationPipeline(device="cpu")
    pipeline.network.precision = "fp32"
    return pipeline


def photos() -> list[np.ndarray]:
    """Twenty: of usual shapes, faded, dark, bordered, toned, smaller than the network's picture; two panoramas."""
    made = [np.asarray(grey_of(name)) for name in NAMES]
    camera = made[NAMES.index("camera")]
    cat = made[NAMES.index("chelsea")]
    made += [np.tile(camera[:200], (1, 4)), np.tile(cat.T[:, :150], (6, 1))]
    made += [(90 + camera * 0.35).astype(np.uint8), np.pad(cat, 40, constant_values=245), (cat * 0.2).astype(np.uint8)]
    made += [toned(camera), camera[::4, ::4].copy(), camera[3:, 5:398].copy()]
    return made


def grey_of(name: str) -> np.ndarray:
    picture = getattr(data, name)()
    if picture.ndim == 3:
        picture = picture[..., :3] @ np.array([0.299, 0.587, 0.114])
    return picture.round().astype(np.uint8)


def toned(grey: np.ndarray, strength: float = 1.0) -> np.ndarray:
    paper = 1 - strength * np.array([0, 0.1, 0.25])
    return np.clip(grey[..., None] * paper + 12 * strength, 0, 255).astype(np.uint8)


def test_colors_are_those_of_python(engine: Engine, threaded: Engine, pipeline: ColorizationPipeline) -> None:
    facts = [one.run("return engine.ready();") for one in (engine, threaded)]
    assert [(one["backend"], one["threads"]) for one in facts] == [("wasm", 1), ("wasm-threads", 2)]
    for number, pixels in enumerate(photos()):
        expected = pipeline(pixels, in_color="recolor").pixels
        found = engine.colored(pixels)
        assert found.shape == (*pixels.shape[:2], 4)
        with_threads = threaded.colored(pixels)
        assert np.abs(with_threads.astype(int) - found.astype(int)).max() <= 1, number
        assert (found[..., 3] == 255).all()
        apart = np.abs(found[..., :3].astype(int) - expected.astype(int))
        assert np.percentile(apart, 99.9) <= 2, number
        own = lightness(np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels)
        errors = [np.abs(lightness(one) - own) for one in (found[..., :3], expected)]
        assert errors[0].mean() <= errors[1].mean() + 0.01, number
        assert np.percentile(errors[0], 99.9) <= np.percentile(errors[1], 99.9) + 0.3, number


def test_how_an_answer_is_read_is_as_in_python(engine: Engine, calm: Path) -> None:
    """The model's smoothing and its scale of chroma."""
    pipeline = ColorizationPipeline(calm, device="cpu")
    pipeline.network.precision = "fp32"
    expected = pipeline(data.camera(), in_color="recolor").pixels.astype(int)
    found = engine.colored(data.camera(), model="calm")[..., :3].astype(int)
    assert np.ptp(expected, axis=2).mean() > 1
    assert np.percentile(np.abs(found - expected), 99.9) <= 2


def lightness(rgb: np.ndarray) -> np.ndarray:
    unit = torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)[None]
    return grey_lightness(unit)[0, 0].numpy()


def prints() -> Iterator[np.ndarray]:
    """A hundred: colour photographs, whole and in parts, in full colour and muted; prints of them, with a tone, faded,
    dark, bordered, on a mount."""
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        rgb = getattr(data, name)()[..., :3]
        height, width = rgb.shape[:2]
        for part in (rgb, rgb[: height // 2], rgb[:, width // 3 :], rgb[height // 4 :, : width // 2], rgb[::2, ::2]):
            grey = (part @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
            yield np.ascontiguousarray(part)
            yield (grey[..., None] + 0.3 * (part.astype(float) - grey[..., None])).clip(0, 255).astype(np.uint8)
            yield toned(grey, 0.6)
            yield np.pad((80 + grey * 0.4).astype(np.uint8), grey.shape[0] // 10, constant_values=240)
            yield np.pad(toned(grey), ((60, 60), (80, 80), (0, 0)), mode="constant", constant_values=180)


def test_decisions_are_those_of_python(engine: Engine, pipeline: ColorizationPipeline) -> None:
    pictures = list(prints())
    assert len(pictures) == 100
    answers = []
    for number, pixels in enumerate(pictures):
        photo = Photo.open(pixels)
        restored = pipeline.prepare(photo, in_color="recolor").restored
        found = engine.analyzed(pixels)
        answers.append(found["inColor"])
        assert found["inColor"] == photo.in_color.value.replace("unsure", "not sure"), number
        assert found["restored"] == restored, number
    assert {"yes", "no"} <= set(answers)


def test_vividness_needs_no_network(engine: Engine, pipeline: ColorizationPipeline) -> None:
    """At 0 it is the photo; in between it is Python's; a smaller copy has the width that was asked for."""
    grey = data.coins()
    assert np.abs(engine.colored(grey, vividness=0)[..., :3].astype(int) - grey[..., None]).max() <= 1
    stronger = engine.colored(grey, vividness=1.7)[..., :3].astype(int)
    expected = pipeline(grey, vividness=1.7).pixels.astype(int)
    assert np.percentile(np.abs(stronger - expected), 99.9) <= 2
    assert engine.colored(grey, width=100).shape[1] == 100


def test_transparency_and_16_bits(engine: Engine) -> None:
    grey = data.coins()
    clear = np.dstack([grey, grey, grey, np.where(grey > 100, 255, 40).astype(np.uint8)])
    assert (engine.colored(clear)[..., 3] == clear[..., 3]).all()
    script = """
        const grey = Uint16Array.from({ length: 64 * 48 }, (_, i) => (i % 64) * 1000);
        const { id, inColor } = await engine.analyze({ width: 64, height: 48, grey });
        await engine.predict(id, {});
        const made = await engine.compose(id, { vividness: 0 });
        return [inColor, [...made.pixels.subarray(0, 256)].filter((_, i) => i % 4 === 0)];"""
    answer, row = engine.run(script)
    assert answer == "no"
    assert np.abs(np.array(row) - np.arange(64) * 1000 / 257).max() <= 1


def test_bands_are_the_picture(engine: Engine) -> None:
    script = """
        const { id } = await engine.analyze(await bitmapOf(png));
        await engine.predict(id, {});
        const { width, height, pixels } = await engine.compose(id, {});
        const joined = new Uint8ClampedArray(pixels.length);
        const rows = [];
        const onBand = (y, count, rgba) => {
          rows.push(y, count);
          joined.set(rgba, 4 * y * width);
        };
        await engine.compose(id, { onBand });
        return [pixels.every((value, i) => value === joined[i]), rows];"""
    wide = np.tile(data.camera(), (4, 3))
    same, rows = engine.run(script, png=png(wide))
    assert same
    assert len(rows) > 2
    assert sum(rows[1::2]) == len(wide)


def test_strips_are_a_jpeg_as_libjpeg_writes_it(engine: Engine) -> None:
    """Of sides that are no whole blocks, in several restart intervals; what is transparent stands on white."""
    script = """
        const { behind, head } = await import(new URL("engine/jpeg.js", site));
        const { id, width, height } = await engine.analyze(await bitmapOf(png));
        await engine.predict(id, {});
        const { pixels } = await engine.compose(id, {});
        const parts = head(width, height, []);
        let number = 0;
        const onBand = (y, rows, made) => void parts.push(made, behind(number++, y + rows === height));
        await engine.compose(id, { kind: "jpeg", onBand });
        engine.release(id);
        const file = new Uint8Array(await new Blob(parts).arrayBuffer());
        return [number, textOf(file), textOf(pixels)];"""
    grey = np.tile(data.camera(), (2, 3))[:931, :1205]
    alpha = np.full_like(grey, 255)
    alpha[:40, 5:90] = 100
    count, ours, text = engine.run(script, png=png(np.dstack([grey, grey, grey, alpha])))
    assert count > 3
    rgba = np.frombuffer(base64.b64decode(text), np.uint8).reshape(*grey.shape, 4)
    share = rgba[..., 3:] / 255
    flat = (rgba[..., :3] * share + 255 * (1 - share)).round().astype(np.uint8)
    theirs = io.BytesIO()
    Image.fromarray(flat).save(theirs, "JPEG", quality=95, subsampling=0)
    found, expected = (Image.open(io.BytesIO(one)) for one in (base64.b64decode(ours), theirs.getvalue()))
    assert found.quantization == expected.quantization
    assert np.percentile(np.abs(np.asarray(found).astype(int) - np.asarray(expected)), 99.9) <= 3
    lost = [np.abs(np.asarray(one).astype(int) - flat).mean() for one in (found, expected)]
    assert lost[0] <= 1.01 * lost[1]


def test_bands_wait_until_they_are_used(engine: Engine) -> None:
    """Memory stays bounded where a file is written slower than it is composed; cancelling ends the wait."""
    script = """
        const { id, height } = await engine.analyze(await bitmapOf(png));
        await engine.predict(id, {});
        let [begun, ended, most, rows] = [0, 0, 0, 0];
        const onBand = async (y, count) => {
          most = Math.max(most, ++begun - ended);
          await new Promise((go) => setTimeout(go, 30));
          ended += 1;
          rows += count;
        };
        await engine.compose(id, { onBand });
        const cancelling = new AbortController();
        const stuck = engine.compose(id, { onBand: () => new Promise(() => {}), signal: cancelling.signal });
        setTimeout(() => cancelling.abort(), 300);
        const name = await stuck.catch((error) => error.name);
        const { width } = await engine.compose(id, { width: 100 });
        engine.release(id);
        return [begun, most, rows === height, name, width];"""
    begun, most, whole, name, width = engine.run(script, png=png(np.tile(data.camera(), (6, 6))))
    assert begun > 20
    assert most <= 5
    assert (whole, name, width) == (True, "AbortError", 100)


def test_one_that_is_cancelled_leaves_the_engine_alive(engine: Engine) -> None:
    script = """
        const { id } = await engine.analyze(await bitmapOf(png));
        const cancelling = new AbortController();
        const going = engine.predict(id, { signal: cancelling.signal });
        cancelling.abort();
        const name = await going.catch((error) => error.name);
        await engine.predict(id, {});
        return [name, (await engine.compose(id, {})).width];"""
    assert engine.run(script, png=png(data.coins())) == ["AbortError", data.coins().shape[1]]


@pytest.mark.parametrize(
    "script",
    [
        "await engine.compose(12345, {})",
        "await engine.predict(12345, {})",
        "const { id } = await engine.analyze(await bitmapOf(png)); await engine.compose(id, {})",
        "const { id } = await engine.analyze(await bitmapOf(png)); await engine.predict(id, { model: 'none' })",
    ],
)
def test_what_cannot_be_done_is_said(engine: Engine, script: str) -> None:
    caught = f"try {{ {script}; }} catch (error) {{ return [error.name, error.message]; }}"
    name, message = engine.run(caught, png=png(data.coins()))
    assert name == "EngineError"
    assert message.endswith(".")


def test_a_model_that_is_gone_is_a_sentence(site: Path, chromium: Any, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    (folder / f"models/{DEFAULT_MODEL}.onnx").unlink()
    script = """
        const { id } = await engine.analyze(await bitmapOf(png));
        return engine.predict(id, {}).catch((error) => [error.name, error.code]);"""
    with opened(folder, chromium) as engine:
        assert engine.run(script, png=png(data.coins())) == ["EngineError", "download"]
