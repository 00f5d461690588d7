"""The Space without a browser: what it does with a photo, what it refuses in which words, what it keeps in memory."""

import gc
import inspect
import io
import json
import os
import re
import subprocess
import sys
import weakref
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from photos import grey_photo
from PIL import Image, ImageCms
from skimage import data
from skimage.color import rgb2lab
from space_server import ROOT, pipeline_of

from colorhub import ColorizationPipeline, Settings
from colorhub.photo import ColorAnswer
from colorhub.settings import DEFAULT_MODEL, FIELDS
from colorhub.space import build
from colorhub.space.colorize import alternatives, several, single
from colorhub.space.colorize import tab as colorize
from colorhub.space.retouch import tab as retouch
from colorhub.space.shared import catalogue as models
from colorhub.space.shared import jobs, limits, panel
from colorhub.space.shared.examples import example_photos
from colorhub.space.shared.files import PhotoSession

pytestmark = pytest.mark.usefixtures("space")


@pytest.fixture
def grey_jpeg(space: Path) -> Path:
    """A grey JPEG of 512 x 512 pixels with EXIF."""
    exif = Image.Exif()
    exif[270], exif[271] = "Grandma, 1931", "Box camera"
    path = space / "grandma.jpg"
    grey_photo("astronaut").save(path, quality=95, exif=exif, dpi=(300, 300))
    return path


ASKED = ("unet", 1.0, 0, 1, True, "auto")  # of the panel: model, vividness, size, views, restore, in_color


def lightness(path: Path) -> np.ndarray:
    return rgb2lab(np.asarray(Image.open(path).convert("RGB")))[..., 0]


def color(path: Path, model: str = "unet", **settings: object) -> jobs.Colored:
    return jobs.colorize_upload(pipeline_of(model), path, Settings(**settings))


# What happens to a photo


def test_full_size_file_keeps_lightness_size_metadata_and_format(grey_jpeg: Path, tmp_path: Path) -> None:
    written = jobs.write_full_size(color(grey_jpeg), 1.0, tmp_path).path
    assert written.name == "grandma-colorized.jpg"
    with Image.open(written) as image:
        assert (image.size, image.format, image.mode) == ((512, 512), "JPEG", "RGB")
        assert image.getexif()[270] == "Grandma, 1931"
        assert image.getexif()[271] == "Box camera"
        assert tuple(map(round, image.info["dpi"])) == (300, 300)
    assert np.abs(lightness(written) - lightness(grey_jpeg)).mean() < 0.5
    chroma = np.hypot(*np.moveaxis(rgb2lab(np.asarray(Image.open(written)))[..., 1:], 2, 0))
    assert chroma.mean() > 1


def undated(file: bytes) -> bytes:
    """A file without the time in its record."""
    return re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+", b"", file)


@pytest.mark.parametrize("settings", [{}, {"views": 3, "size": 96}, {"restore": False, "vividness": 1.7}])
def test_the_file_is_the_one_that_python_writes(
    settings: dict[str, object], grey_jpeg: Path, tmp_path: Path, model_folder: Path
) -> None:
    """The same bytes: pixels, metadata and record."""
    written = jobs.write_full_size(color(grey_jpeg, **settings), Settings(**settings).vividness, tmp_path).path
    expected = ColorizationPipeline(model_folder / "unet")(grey_jpeg, **settings).encode()[0]
    assert undated(written.read_bytes()) == undated(expected)
    assert b"colorhub" in expected


def test_16_bit_png_stays_16_bit(space: Path, tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 96 * 128).astype(np.uint16).reshape(96, 128)
    Image.fromarray(ramp).save(space / "scan.png")
    written = jobs.write_full_size(color(space / "scan.png"), 1.0, tmp_path).path
    header = written.read_bytes()[:26]
    assert header[1:4] == b"PNG"
    assert header[24] == 16


@pytest.mark.parametrize(("name", "expected"), [("a.JPEG", "a-colorized.JPEG"), ("b.png", "b-colorized.jpg")])
def test_suffix_is_the_users_where_it_fits_the_format(
    name: str, expected: str, grey_jpeg: Path, tmp_path: Path
) -> None:
    named = grey_jpeg.rename(grey_jpeg.with_name(name))  # a JPEG, whatever its name says
    assert jobs.write_full_size(color(named), 1.0, tmp_path).path.name == expected


def test_a_long_name_has_a_download(grey_jpeg: Path, tmp_path: Path) -> None:
    """253 bytes in 83 letters and a suffix: with -colorized it would have 263."""
    named = grey_jpeg.rename(grey_jpeg.with_name("\N{CJK UNIFIED IDEOGRAPH-5199}" * 83 + ".jpg"))
    name = jobs.write_full_size(color(named), 1.0, tmp_path).path.name
    assert len(name.encode()) <= 255
    assert name.endswith("-colorized.jpg")
    used: set[str] = set()
    names = [jobs.free_name(named.name, used) for _ in range(3)]
    assert len({*names}) == 3
    assert max(len(name.encode()) for name in names) <= 255


def test_gif_becomes_png_and_says_so(space: Path, tmp_path: Path) -> None:
    Image.fromarray(data.camera()).save(space / "old.gif")
    written = jobs.write_full_size(color(space / "old.gif"), 1.0, tmp_path)
    assert written.path.suffix == ".png"
    assert any("PNG" in note for note in written.notes)


def test_preview_is_small_and_vividness_only_composes(
    space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(data.camera()).resize((3000, 1500)).save(space / "wide.jpg")
    colored = color(space / "wide.jpg")
    models.CACHE.clear()
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path))  # there is no such model any more
    grey, plain, vivid = (jobs.after(colored, vividness).astype(int) for vividness in (0.0, 1.0, 4.0))
    assert plain.shape == (1024, 2048, 3)
    assert np.ptp(grey, axis=2).max() == 0
    assert np.ptp(plain, axis=2).mean() < np.ptp(vivid, axis=2).mean()
    assert jobs.after(colored, 1.0, longest=1024).shape == (512, 1024, 3)
    assert colored.size == (3000, 1500)
    assert jobs.before(colored).shape == plain.shape


def test_preview_shows_transparency_on_white(space: Path) -> None:
    pixels = np.dstack([np.full((40, 50), 90, np.uint8), np.zeros((40, 50), np.uint8)])
    Image.fromarray(pixels, "LA").save(space / "clear.png")
    assert (jobs.before(color(space / "clear.png")) == 255).all()


def test_color_photo_is_left_as_it_is_unless_asked(space: Path, tmp_path: Path) -> None:
    path = space / "coffee.jpg"
    Image.fromarray(data.coffee()).save(path)
    left = color(path)
    assert left.passed_through
    assert jobs.write_full_size(left, 1.0, tmp_path).path.read_bytes() == path.read_bytes()
    assert not color(path, in_color="recolor").passed_through


def test_a_photo_that_may_be_in_colour_is_left_as_it_is_only_when_asked(
    space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorhub.photo.photo.seen_in_color", lambda rgb: ColorAnswer.UNSURE)
    path = space / "coffee.png"
    Image.fromarray(data.coffee()).save(path)
    assert colorize.in_color({"path": str(path)}) == "unsure"
    colored = color(path)
    assert colored.unsure
    assert alternatives.status(colored).startswith(alternatives.NOT_SURE)
    left = color(path, in_color="keep")
    assert left.passed_through
    assert alternatives.status(left).startswith(alternatives.KEPT)
    assert jobs.write_full_size(left, 1.0, tmp_path).path.read_bytes() == path.read_bytes()
    again = color(path, in_color="recolor")
    assert not again.unsure
    filled = jobs.fill_album(pipeline_of("unet"), [path], Settings(), tmp_path)
    assert filled.unsure == ("coffee.png",)
    assert "may have been in colour already: coffee.png" in several.in_prose(filled)


def test_summary_names_model_time_and_sizes(grey_jpeg: Path) -> None:
    summary = color(grey_jpeg, size=96).summary
    assert "by unet, working size 96" in summary
    assert "512 x 512 pixels" in summary
    assert " s by " in summary


def test_session_keeps_few_previews_and_removes_them_all(grey_jpeg: Path) -> None:
    session = PhotoSession(color(grey_jpeg))
    shown = [session.show(step / 20, longest=64)[1] for step in range(30)]
    assert len(set(shown)) == 30  # a name of its own each time: a browser would show the old picture again
    assert len(list(session.folder.glob("after-*.jpg"))) == 24
    assert Path(shown[-1]).is_file()
    session.close()
    assert not session.folder.exists()


# Several photos


def test_album_names_duplicates_broken_and_color(grey_jpeg: Path, space: Path, tmp_path: Path) -> None:
    (space / "second").mkdir()
    twin = space / "second" / "Grandma.jpg"
    twin.write_bytes(grey_jpeg.read_bytes())
    (space / "letter.jpg").write_text("Dear all, this is no picture.")
    Image.fromarray(data.coffee()).save(space / "coffee.jpg")
    told: list[str] = []
    paths = [grey_jpeg, space / "letter.jpg", twin, space / "coffee.jpg"]
    done = jobs.fill_album(pipeline_of("unet"), paths, Settings(), tmp_path, progress=told.append)
    assert (done.colored, done.kept) == (2, ("coffee.jpg",))
    assert told == ["grandma.jpg", "letter.jpg", "Grandma.jpg", "coffee.jpg"]
    assert len(done.failed) == 1
    assert "letter.jpg" in done.failed[0]
    assert "text" in done.failed[0]
    with zipfile.ZipFile(done.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["grandma.jpg", "Grandma-2.jpg", "coffee.jpg"]
        assert archive.read("coffee.jpg") == (space / "coffee.jpg").read_bytes()
    prose = several.in_prose(done)
    assert "2 photos coloured" in prose
    assert "letter.jpg" in prose


def test_album_of_broken_files_only_is_an_error_in_words(space: Path) -> None:
    (space / "empty.png").touch()
    with pytest.raises(gr.Error, match=r"empty\.png"):
        several.color_album([{"path": str(space / "empty.png")}], *ASKED)


def test_album_has_a_limit() -> None:
    with pytest.raises(gr.Error, match="at most 50"):
        several.color_album([{"path": "x"}] * 51, *ASKED)


def test_file_names_cannot_write_markup() -> None:
    shown = limits.plain("<b>[a](http://b)*.jpg")
    assert shown == r"&lt;b>\[a\](http://b)\*.jpg"


# Alternatives


def pixels_of(path: Path) -> np.ndarray:
    """What is in a file, whatever its record says about when it was made."""
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_alternatives_are_four_and_choosing_one_changes_preview_and_download(
    grey_jpeg: Path, tmp_path: Path, model_folder: Path
) -> None:
    *answer, go, back, pictures, note = single.color_file(grey_jpeg, None, "several", *ASKED[1:])
    session = answer[0]
    assert (go["visible"], back["visible"], pictures["visible"], note["visible"]) == (True, False, False, False)
    _, gallery, _ = alternatives.show_alternatives(session, 1.0)
    assert [caption for _, caption in gallery["value"]] == [f"Alternative {number}" for number in (1, 2, 3, 4)]
    files = [Path(path) for path, _ in gallery["value"]]
    assert all(path.parent == session.folder for path in files)
    assert len({path.read_bytes() for path in files}) == 4
    plain = jobs.write_full_size(session.colored, 1.0, tmp_path).path
    first = Path(session.show(1.0)[1]).read_bytes()

    _, (_, shown), status, back = alternatives.take(session, 1.0, gr.SelectData(None, {"index": 2, "value": None}))
    assert status.startswith("Alternative 3 by several, working size 64")
    assert back["visible"]
    assert Path(shown).read_bytes() != first
    chosen = session.download(1.0).path
    assert not np.array_equal(pixels_of(chosen), pixels_of(plain))
    expected = ColorizationPipeline(model_folder / "several")(grey_jpeg, samples=3)[2]
    with Image.open(io.BytesIO(expected.encode()[0])) as image:
        assert np.array_equal(pixels_of(chosen), np.asarray(image))
    assert '"sample": 3, "seed": 0' in unescape(chosen.read_bytes().decode("latin1"))  # the record says which it is

    session, (_, shown), status, back, _ = alternatives.take_first(session, 1.0)
    assert Path(shown).read_bytes() == first
    assert not back["visible"]
    back_again = session.download(1.0).path
    assert np.array_equal(pixels_of(back_again), pixels_of(plain))
    assert b"sample" not in back_again.read_bytes()


def test_more_alternatives_are_others(grey_jpeg: Path) -> None:
    session = PhotoSession(color(grey_jpeg, "several"))
    alternatives.show_alternatives(session, 1.0)
    before = [other.layer.ab for other in session.others]
    alternatives.show_alternatives(session, 1.0)
    assert [other.alternative for other in session.others] == [5, 6, 7, 8]
    assert all(not torch.equal(one, other.layer.ab) for one in before for other in session.others)


def test_a_model_with_one_answer_says_so_instead_of_a_button(grey_jpeg: Path) -> None:
    *_, go, back, pictures, note = single.color_file(grey_jpeg, None, *ASKED)
    assert not (go["visible"] or back["visible"] or pictures["visible"])
    assert note["visible"]
    assert "unet has one answer for a photo" in note["value"]
    assert "several" in note["value"]


def test_a_photo_in_colour_has_no_alternatives(space: Path) -> None:
    Image.fromarray(data.coffee()).save(space / "coffee.jpg")
    *_, go, _, _, note = single.color_file(space / "coffee.jpg", None, "several", *ASKED[1:])
    assert not (go["visible"] or note["visible"])


def test_alternatives_refuse_in_words(grey_jpeg: Path) -> None:
    with pytest.raises(gr.Error, match="choose it again"):
        alternatives.show_alternatives(None, 1.0)
    with pytest.raises(gr.Error, match="no such picture"):
        session = PhotoSession(color(grey_jpeg, "several"))
        alternatives.take(session, 1.0, gr.SelectData(None, {"index": 0, "value": None}))


def test_the_same_settings_do_not_colour_anew(grey_jpeg: Path) -> None:
    """gradio tells of one choice from a list twice."""
    session = single.color_file(grey_jpeg, None, *ASKED)[0]
    again = single.color_again(session, ASKED[0], 1.5, *ASKED[2:])
    assert again == [gr.skip()] * len(again)
    changed = single.color_again(session, "other", *ASKED[1:])[0]
    assert (changed.colored.model, session.colored.model) == ("other", "unet")
    opened = retouch.open_file(grey_jpeg, None, "unet", 1.0)[0]
    again = retouch.change_model(opened, "unet", 1.0)
    assert again == [gr.skip()] * len(again)


def test_loading_is_told_only_the_first_time(grey_jpeg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(models, "show_progress", told.append)
    for _ in range(2):
        single.color_file(grey_jpeg, None, "other", *ASKED[1:])
    assert re.fullmatch(r"Loading other \(0\.\d MB\): only the first time", told[0])
    assert told[1] == ""


# What is refused


def broken(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.jpg"
    whole = folder / "whole.jpg"
    Image.fromarray(data.camera()).save(whole)
    content = {
        "empty": b"",
        "text": b"only words",
        "cut": whole.read_bytes()[:4000],
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "zip": b"PK\x03\x04" + bytes(60),
    }
    path.write_bytes(content[kind])
    return path


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "svg", "zip"])
def test_broken_files_get_one_sentence(kind: str, space: Path) -> None:
    path = broken(space, kind)
    with pytest.raises(gr.Error) as refused:
        single.color_upload(None, {"path": str(path)}, *ASKED)
    message = str(refused.value.message)
    assert path.name in message
    assert str(space) not in message  # no folder of the server
    assert message.endswith(".")
    assert refused.value.print_exception is False


def test_more_than_50_megapixels_are_refused_before_decoding(space: Path) -> None:
    path = space / "huge.png"
    Image.new("1", (30_000, 30_000)).save(path)
    with pytest.raises(gr.Error, match=r"50\.0 million are accepted here") as refused:
        single.color_upload(None, {"path": str(path)}, *ASKED)
    assert "max_pixels" not in refused.value.message


def test_too_large_a_file_is_refused(grey_jpeg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 2**20)
    with grey_jpeg.open("ab") as file:
        file.write(bytes(2**20))
    with pytest.raises(limits.RefusedError, match="larger than 1 MB"):
        limits.upload_path(str(grey_jpeg))


@pytest.mark.parametrize("upload", [None, "", {}, {"path": None}])
def test_nothing_sent_is_said(upload: object) -> None:
    with pytest.raises(limits.RefusedError, match="choose a photo"):
        limits.upload_path(upload)


def test_files_of_the_server_are_not_read(space: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    Image.fromarray(data.camera()).save(secret)
    (space / "link.jpg").symlink_to(secret)
    for path in (secret, space / ".." / "secret.jpg", space / "link.jpg"):
        with pytest.raises(limits.RefusedError, match="not uploaded here"):
            limits.upload_path({"path": str(path)})
    with pytest.raises(limits.RefusedError, match="no longer here"):
        limits.upload_path(str(space / "gone.jpg"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "unett"}, "Did you mean 'unet'"),
        ({"model": "../../etc"}, "no model"),
        ({"model": "someone/repository"}, "no model"),
        ({"vividness": 5}, "vividness must be a number between 0 and 4, got 5"),
        ({"vividness": "very"}, "between 0 and 4"),
        ({"size": 5}, "size must be a whole number between 16 and 4096 pixels"),
        ({"size": 1025}, "at most 1024 pixels on this page"),
        ({"size": 1000, "views": 3}, "at most 768 pixels on this page with views=3"),
        ({"views": 2}, "views must be 1 or 3"),
        ({"in_color": "leave"}, "'auto' or 'recolor' or 'keep'"),
        ({"temperature": 0.5}, "has one answer"),
        ({"format": "doc"}, "format"),
        ({"image": None}, "choose a photo"),
    ],
)
def test_endpoint_refuses_in_words(change: dict[str, object], words: str, grey_jpeg: Path) -> None:
    asked = {"image": {"path": str(grey_jpeg)}, "model": "", "vividness": 1.0, "size": 0, **change}
    with pytest.raises(gr.Error, match=words):
        colorize.colorize(**asked)


def test_endpoint_returns_the_file(grey_jpeg: Path) -> None:
    answer = colorize.colorize({"path": str(grey_jpeg)}, size=128)
    assert Path(answer).name == "grandma-colorized.jpg"
    assert Image.open(answer).size == (512, 512)


def test_unreadable_weights_are_said(model_folder: Path, grey_jpeg: Path, tmp_path: Path, monkeypatch) -> None:
    bad = tmp_path / "weights" / "bad"
    bad.mkdir(parents=True)
    (bad / "config.json").write_text((model_folder / "unet" / "config.json").read_text())
    (bad / "model.safetensors").write_bytes(b"not weights")
    monkeypatch.setenv("COLORHUB_MODELS", str(bad.parent))
    with pytest.raises(gr.Error, match="safetensors"):
        colorize.colorize({"path": str(grey_jpeg)}, model="bad")


def test_unexpected_errors_are_logged_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error) as shown, limits.error_messages():
        raise RuntimeError("secret detail")
    assert "secret" not in shown.value.message
    assert "secret detail" in caplog.text


# Models


def test_the_cache_holds_the_two_used_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_folder: Path) -> None:
    for name in "abc":
        folder = tmp_path / "three" / name
        folder.mkdir(parents=True)
        for file in ("config.json", "model.safetensors"):
            (folder / file).write_bytes((model_folder / "other" / file).read_bytes())
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "three"))
    infos = {info.name: info for info in models.listed()}
    cache = models.ModelCache(2)
    first = cache.network(infos["a"])
    cache.network(infos["b"])
    assert cache.network(infos["a"]) is first
    cache.pipeline(infos["c"])
    assert cache.names() == ["a", "c"]
    assert cache.pipeline(infos["a"]).name == "a"


def test_a_model_that_has_made_room_leaves_memory_though_its_photos_stay(grey_jpeg: Path) -> None:
    pipeline = pipeline_of("unet")
    photo = pipeline.open(grey_jpeg)
    network = weakref.ref(models.CACHE.network(models.find("unet", models.listed())))
    weights = weakref.ref(next(network().model.parameters()))
    session = PhotoSession(jobs.colorize_upload(pipeline, grey_jpeg, Settings()))
    plain, light = pipeline(photo).pixels, sum(weight.numel() for weight in pipeline.model.parameters())
    assert light == sum(weight.numel() for weight in network().model.parameters())
    assert all(weight.is_meta for weight in pipeline.model.parameters())
    for other in ("other", "several"):
        pipeline_of(other)
    gc.collect()
    assert (network(), weights()) == (None, None)
    assert session.show(0.5)
    assert models.CACHE.names() == ["other", "several"]
    assert np.array_equal(pipeline(photo).pixels, plain)  # loaded anew when it is asked
    assert models.CACHE.names() == ["several", "unet"]


@pytest.mark.parametrize("model", ["unet", "several"])
def test_a_pipeline_of_the_cache_colours_as_any_other(model: str, grey_jpeg: Path, model_folder: Path) -> None:
    expected, found = ColorizationPipeline(model_folder / model), pipeline_of(model)
    for settings in (Settings(), Settings(views=3), Settings(size=96, restore=False, vividness=1.5)):
        assert np.array_equal(found(grey_jpeg, settings=settings).pixels, expected(grey_jpeg, settings=settings).pixels)
    assert found.name == model
    if model == "several":
        assert np.array_equal(found.confidence(grey_jpeg), expected.confidence(grey_jpeg))


@dataclass
class Asked:
    """What was done since the last look: how often the models were listed, which of their files were opened."""

    listed: int = 0
    opened: list[str] = field(default_factory=list)

    def since(self) -> tuple[int, list[str]]:
        found = self.listed, self.opened
        self.listed, self.opened = 0, []
        return found


@pytest.fixture
def asked(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Python's own audit of files, and a count of the calls that list the models."""
    import colorhub.models as public
    from colorhub.hub import loading

    seen, active, original = Asked(), [True], loading.list_models
    folders = (str(model_folder), str(ROOT / "model_cards"))

    def watch(event: str, args: tuple) -> None:
        if active and event == "open" and str(args[0]).startswith(folders):
            seen.opened.append(str(args[0]))

    def counted() -> list:
        seen.listed += 1
        return original()

    for module in (public, loading):
        monkeypatch.setattr(module, "list_models", counted)
    sys.addaudithook(watch)  # there is no way to take it away again
    yield seen
    active.clear()


def test_an_upload_lists_the_models_at_most_once_and_a_move_of_the_slider_reads_nothing(
    grey_jpeg: Path, asked: Asked
) -> None:
    for model in ("unet", "several", "unet"):
        session, *_ = single.color_file(grey_jpeg, None, model, *ASKED[1:])
        listed, opened = asked.since()
        assert listed == 1
    assert opened == []  # it was in memory and nothing has changed
    for longest in (limits.DRAFT, limits.PREVIEW):
        assert single.change_vividness(longest, session, 1.7)
    assert Path(single.full_size(session, 1.7)).is_file()
    assert asked.since() == (0, [])
    taken = retouch.open_taken(None, session, 1.0)[0]
    assert asked.since() == (1, [])
    taken.draw([], 0.4)
    assert asked.since() == (0, [])


def test_default_model_is_the_best_measured_on_disk() -> None:
    from colorhub.hub.loading import ModelInfo

    folder = [ModelInfo("x", "unet", "folder", "x"), ModelInfo(DEFAULT_MODEL, "semantic", "bundled", "a")]
    assert models.default_model(folder) == DEFAULT_MODEL
    better = [ModelInfo("y", "unet", "folder", "y", gain=1.5), ModelInfo("z", "unet", "hub", "z", gain=3.0)]
    assert models.default_model([folder[0], *better]) == "y"
    assert models.default_model([*folder, *better]) == DEFAULT_MODEL  # PSNR prefers pale answers
    compared = [*better, ModelInfo("far", "unet", "folder", "far", gain=1.0, kid=9.0)]
    compared.append(ModelInfo("near", "unet", "folder", "near", gain=0.5, kid=4.0))
    assert models.default_model(compared) == "near"
    assert models.default_model([]) is None


def test_picker_lists_models_with_size_and_what_they_are_for() -> None:
    from colorhub.hub.loading import ModelInfo

    picker, about, groups = panel.fill_models()
    lines = {value: line for line, value in picker["choices"]}
    assert {"unet", "other", "several"} <= set(lines)
    assert re.fullmatch(r"other · unet architecture · 0\.\d MB", lines["other"])
    assert "MB" in about
    listed = models.listed()
    assert [value for _, value in picker["choices"]] == [info.name for info in listed]
    headings = list(json.loads(unescape(re.search(r'data-groups="([^"]*)"', groups)[1])).values())
    assert len(headings) == len(listed)
    assert headings == sorted(headings)  # each group stands together
    assert set(headings) == {"For your photos", "Models of the reports"}
    about = ModelInfo("unet", "unet", "bundled", "x", 18.4, 1.734, "A U-Net for photographs.", label="for photos, pale")
    assert models.describe(about) == "for photos, pale · A U-Net for photographs · 18 MB"
    assert models.short_label(about) == "unet (for photos, pale)"
    assert models.short_label(about, "download") == "unet (for photos, pale, download)"


def test_no_list_of_models_ranks_them_by_a_figure() -> None:
    from colorhub.space.compare import tab as compare
    from colorhub.space.retouch import tab as retouch

    pickers = [panel.fill_models()[0], compare.fill_models()[0], retouch.fill_models()[0]]
    labels = [[label for label, _ in picker["choices"]] for picker in pickers]
    assert not any("dB" in label for shown in labels for label in shown)
    assert all("natural (for photos, vivid)" in shown for shown in labels[1:])
    assert any(label.startswith("natural · for photos, vivid · ") for label in labels[0])


def test_without_models_the_page_says_how_to_get_one(grey_jpeg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (panel, colorize):
        monkeypatch.setattr(module, "listed", list)
    picker, about, _ = panel.fill_models()
    assert picker["visible"] is False
    assert "COLORHUB_MODELS" in about
    with pytest.raises(gr.Error, match="COLORHUB_MODELS"):
        colorize.colorize({"path": str(grey_jpeg)})


# Controls, endpoint and settings say the same


def test_the_controls_are_those_of_the_settings() -> None:
    page = build()
    controls = {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}
    for elem_id in ("vividness", "vividness-album", "retouch-vividness"):
        slider, info = controls[elem_id], FIELDS["vividness"]
        assert (slider.minimum, slider.maximum, slider.value, slider.info) == (
            info.low,
            info.high,
            info.default,
            info.help,
        )
    for name in ("size", "views", "restore", "in_color"):
        control, info = controls[name.replace("_", "-")], FIELDS[name]
        assert control.info == info.help
        assert (control.value or None) == (info.default or None)
        values = [value for _, value in getattr(control, "choices", [])]
        assert not info.choices or tuple(values) == info.choices
        assert all(panel.settings_of(**{name: value}) for value in values)


def test_what_is_chosen_becomes_settings_in_this_order() -> None:
    chosen = panel.settings("other", 0, 96, 3, False, "keep")
    assert chosen == Settings(model="other", vividness=0, size=96, views=3, restore=False, in_color="keep")
    assert panel.settings(*ASKED[:2], None, None, None, None) == panel.settings("unet", 1.0, 0, 1, True, "auto")


def test_the_endpoints_parameters_are_those_of_the_settings() -> None:
    described = build().get_api_info()["named_endpoints"]["/colorize"]["parameters"]
    (image, *settings, recolor) = described
    assert image["parameter_name"] == "image"
    assert not image["parameter_has_default"]
    assert recolor["parameter_name"] == "recolor"
    assert [one["parameter_name"] for one in settings] == list(colorize.PARAMETERS)
    for one in settings:
        info = FIELDS[one["parameter_name"]]
        assert one["parameter_has_default"]
        assert (one["parameter_default"] or None) == (info.default or None)
        assert info.help in one["label"] or one["parameter_name"] == "model"
        if info.kind is str and info.choices:
            assert tuple(one["type"]["enum"]) == info.choices
        if info.kind in (int, float):
            assert one["type"]["type"] in ("integer", "number")
            assert info.range in one["label"]
    defaults = inspect.signature(colorize.colorize).parameters
    assert all((defaults[name].default or None) == (FIELDS[name].default or None) for name in colorize.PARAMETERS)


def test_a_client_colours_as_python_does_with_new_names_and_with_old_ones(
    grey_jpeg: Path, space: Path, model_folder: Path
) -> None:
    from gradio_client import Client, handle_file

    path = space / "coffee.png"
    Image.fromarray(data.coffee()).save(path)
    page = build()
    try:
        page.launch(prevent_thread_lock=True, quiet=True)
        client = Client(page.local_url, verbose=False)
        pipeline = ColorizationPipeline(model_folder / "unet")

        def same(*arguments: object, expected: dict[str, object], **named: object) -> bool:
            found = client.predict(handle_file(str(path)), *arguments, api_name="/colorize", **named)
            return np.array_equal(pixels_of(found), pipeline(path, **expected).pixels)

        assert same(expected={})
        assert same("", 1.0, None, "auto", 1, True, None, "", None, False, expected={})  # as the API's page writes it
        assert same(
            "unet", 1.3, 96, "recolor", 3, expected={"vividness": 1.3, "size": 96, "in_color": "recolor", "views": 3}
        )
        assert same(restore=False, in_color="recolor", expected={"restore": False, "in_color": "recolor"})
        with pytest.warns(FutureWarning, match="in_color='recolor'"):
            assert same("unet", 1.0, 0, True, expected={"in_color": "recolor"})
        with pytest.warns(FutureWarning, match="in_color='auto'"):
            assert same("", 1.0, 0, False, expected={})
        with pytest.warns(FutureWarning, match="in_color='recolor'"):
            assert same(recolor=True, expected={"in_color": "recolor"})
    finally:
        page.close()


# The page


def test_only_the_documented_endpoints_are_public() -> None:
    page = build()
    public = [function.api_name for function in page.fns.values() if function.api_visibility != "private"]
    assert public == ["colorize", "in_color"]


def test_examples_that_cannot_be_written_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where the folder would be")
    assert example_photos(tmp_path / "occupied") == []


def test_examples_are_grey_and_complete(tmp_path: Path) -> None:
    photos = example_photos(tmp_path)
    assert [path.stem for path in photos] == ["astronaut", "tower", "cat", "cheetah", "coffee", "lion", "rocket"]
    assert {Image.open(path).mode for path in photos} == {"L"}
    before = [path.stat().st_mtime_ns for path in photos]
    assert [path.stat().st_mtime_ns for path in example_photos(tmp_path)] == before


def python(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_page_is_built_without_torch() -> None:
    heavy = "{'torch', 'timm', 'datasets', 'skimage', 'spaces'}"
    assert python(f"import sys, colorhub.space as s; s.build(); print({heavy} & set(sys.modules))") == "set()"


# A stand-in for the library of ZeroGPU: what is lent goes through pickle into another process and back.
_SPACES = """
import multiprocessing, pickle
from concurrent.futures import ProcessPoolExecutor

def GPU(duration):
    def lend(function):
        def lent(*args):
            print("lent", function.__name__, len(pickle.dumps(args)), flush=True)
            with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as other:
                return other.submit(_run, function.__name__, *args).result()
        LENT[function.__name__] = function
        return lent
    return lend

LENT = {}

def _run(name, *args):
    return LENT[name](*args)
"""


@pytest.mark.slow
def test_zero_gpu_lends_the_network_data_and_loads_all_models_first(
    tmp_path: Path, model_folder: Path, grey_jpeg: Path
) -> None:
    (tmp_path / "spaces.py").write_text(_SPACES)
    code = f"""
import sys, torch; torch.set_num_threads(1)  # so that a fork of it can use them
from pathlib import Path
from colorhub import Settings
from colorhub.space.shared import catalogue as models, jobs
from colorhub.space.retouch.session import RetouchSession, hints_from
models.prepare_all()
print("held", sorted(models.CACHE.names()), models.CACHE.capacity)
pipeline = models.CACHE.pipeline(models.find("several", models.listed()))
photo, out = Path({str(grey_jpeg)!r}), Path({str(tmp_path)!r})
colored = jobs.colorize_upload(pipeline, photo, Settings(views=3))
jobs.write_full_size(colored, 1.0, out)
print("others", len(jobs.other_answers(pipeline, colored, 2)))
session = RetouchSession.of(pipeline, photo)
print("picture", session.draw(hints_from([[60, 60, "teal"]], session.size), 1.0))
"""
    zero = {"SPACE_ID": "me/space", "SPACES_ZERO_GPU": "true", "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    printed = python(code, COLORHUB_MODELS=str(model_folder), **zero)
    held = re.search(r"held \[(.*)\] None", printed)[1]
    assert {"other", "several", "unet"} <= set(re.findall(r"'([\w-]+)'", held))
    lent = re.findall(r"lent (\w+) (\d+)", printed)
    assert [name for name, _ in lent] == ["run_colors"] * 3 + ["run_colors"] + ["run_colors", "run_network"]
    assert max(int(size) for _, size in lent) < 100_000  # of a photo of 512 x 512 pixels only what the network sees
    assert "others 2" in printed
    assert "picture {" in printed
    expected = ColorizationPipeline(model_folder / "several")(grey_jpeg, views=3).encode()[0]
    assert np.array_equal(pixels_of(tmp_path / "grandma-colorized.jpg"), np.asarray(Image.open(io.BytesIO(expected))))


@pytest.mark.parametrize("missing", ["SPACE_ID", "SPACES_ZERO_GPU"])
def test_elsewhere_nothing_is_lent(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from colorhub.space.shared.zero import lend_gpu

    for name, value in {"SPACE_ID": "me/space", "SPACES_ZERO_GPU": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    work: Callable[[], int] = lambda: 1  # noqa: E731
    assert lend_gpu(work) is work


def test_icc_profile_survives_or_is_srgb(space: Path, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = space / "profiled.jpg"
    sepia = np.stack([data.camera() * share for share in (1.0, 0.85, 0.65)], axis=2).astype(np.uint8)
    Image.fromarray(sepia).save(path, icc_profile=profile, quality=95)
    colored = color(path)
    assert not colored.passed_through  # a toned print counts as black-and-white
    written = jobs.write_full_size(colored, 1.0, tmp_path).path
    kept = Image.open(written).info.get("icc_profile")
    assert kept is None or "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(kept)))
