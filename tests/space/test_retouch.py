"""The tab Retouch without a browser: what hints do to the picture and the file, what is refused in which words."""

import gc
import json
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from photos import grey_photo
from PIL import Image
from skimage import data
from skimage.color import rgb2lab
from space_server import pipeline_of

from colorhub import ColorizationPipeline, Settings
from colorhub.hints import HintedLayers
from colorhub.space.retouch import tab as retouch
from colorhub.space.retouch.session import DRAWING, RetouchSession, hints_from
from colorhub.space.shared import catalogue as models
from colorhub.space.shared import jobs
from colorhub.space.shared.files import PREVIEWS

pytestmark = pytest.mark.usefixtures("space")
RED = {"x": 90, "y": 60, "color": "#a33c2e"}


@pytest.fixture(scope="module")
def model_folder(model_folder: Path) -> Path:
    from colorhub import create

    create("siggraph17", width=4, working_size=64).save_pretrained(model_folder / "native")
    return model_folder


@pytest.fixture
def photo(space: Path) -> Path:
    """Two grey fields side by side, so that what spreads has an edge to stop at, with EXIF."""
    exif = Image.Exif()
    exif[270] = "Two walls, 1931"
    fields = np.full((240, 400), 90, np.uint8)
    fields[:, 200:] = 190
    path = space / "walls.jpg"
    Image.fromarray(fields).save(path, quality=97, exif=exif)
    return path


def opened(photo: Path, model: str = "unet") -> RetouchSession:
    return RetouchSession.of(pipeline_of(model), photo)


def colors(path: str | Path) -> np.ndarray:
    """ab of a file, ``(h, w, 2)``."""
    return rgb2lab(np.asarray(Image.open(path).convert("RGB")))[..., 1:]


def shown(answer: dict[str, str]) -> np.ndarray:
    """ab of the picture that the page is told to show."""
    return colors(answer["picture"].removeprefix("gradio_api/file="))


def asked(**sent: Any) -> gr.EventData:
    return gr.EventData(None, sent)


def problem(answer: str) -> None:
    """Raise what the page is told instead of a picture."""
    raise gr.Error(json.loads(answer)["problem"])


def now(session: RetouchSession, *hints: dict[str, Any]) -> str:
    return json.dumps({"photo": session.photo, "hints": list(hints)})


@pytest.mark.parametrize("model", ["unet", "several", "native"])
def test_a_hint_colors_its_thing_and_nothing_else(model: str, photo: Path) -> None:
    session = opened(photo, model)
    before = shown(session.draw([], 1.0))
    after = shown(session.draw(hints_from([RED], session.size), 1.0))
    wanted = rgb2lab(np.array([[[0xA3, 0x3C, 0x2E]]], np.uint8))[0, 0, 1:]
    limit = np.hypot(*wanted)
    assert np.hypot(*(after[60, 90] - wanted)) < np.hypot(*(before[60, 90] - wanted))
    assert after[60, 90, 0] > before[60, 90, 0] + 10
    if model != "native":  # such a network has a say of its own everywhere
        assert np.hypot(*(after - before)[:, 240:].mean(axis=(0, 1))) < 0.1 * limit


def test_the_download_keeps_size_format_and_metadata(photo: Path) -> None:
    session = opened(photo)
    path = retouch.full_size(session, 1.0, now(session, RED))
    with Image.open(path) as image:
        assert (image.size, image.format, image.getexif()[270]) == ((400, 240), "JPEG", "Two walls, 1931")
    assert Path(path).name == "walls-colorized.jpg"
    assert np.ptp(np.asarray(Image.open(retouch.full_size(session, 0.0, now(session, RED)))), axis=2).max() <= 2


@pytest.mark.parametrize("model", ["unet", "native"])
def test_the_download_has_the_pixels_of_the_library(model: str, space: Path, model_folder: Path) -> None:
    grey_photo("rocket").save(space / "rocket.png")
    session = opened(space / "rocket.png", model)
    hints = [(90, 60, "#a33c2e"), (500, 400, "#3c8a4e")]
    session.draw(hints_from([[10, 10, "teal"]], session.size), 1.0)  # what was drawn before does not count
    written = session.download(hints_from([list(hint) for hint in hints], session.size), 1.3)
    pipeline = ColorizationPipeline(model_folder / model)
    expected = pipeline(space / "rocket.png", hints=hints, vividness=1.3).pixels
    assert np.array_equal(np.asarray(Image.open(written.path)), expected)


def test_drawing_answers_with_its_number_and_redraws_what_is_without_hints_only_for_vividness(photo: Path) -> None:
    session = opened(photo)
    sent = {"photo": session.photo, "hints": [RED], "longest": 300}
    first, second, pale = (
        json.loads(retouch.draw(session, vividness, asked(number=number, **sent)))
        for number, vividness in enumerate((1.0, 1.0, 0.5), start=7)
    )
    assert [answer["number"] for answer in (first, second, pale)] == [7, 8, 9]
    assert first["plain"] == second["plain"] != pale["plain"]
    assert len({answer["picture"] for answer in (first, second, pale)}) == 3
    assert np.abs(shown(pale)).mean() < np.abs(shown(first)).mean()
    for number in range(PREVIEWS + 3):
        retouch.draw(session, 0.5, asked(number=number, **sent))
    assert len(list(session.folder.glob("*.jpg"))) <= PREVIEWS + 1
    assert Path(pale["plain"].removeprefix("gradio_api/file=")).is_file()  # still asked for by "Without hints"


def test_previews_have_the_screens_size(space: Path) -> None:
    grey_photo("rocket", (3000, 2000)).save(space / "large.jpg")
    session = opened(space / "large.jpg")
    hints = hints_from([RED], session.size)
    asked_for = (700, 9000, 1, "x", None)
    pictures = [session.draw(hints, 1.0, longest)["picture"] for longest in asked_for]
    sizes = [Image.open(picture.removeprefix("gradio_api/file=")).width for picture in pictures]
    assert sizes == [768, 2048, 256, 2048, 2048]
    with Image.open(session.download(hints, 1.0).path) as image:
        assert image.size == (3000, 2000)


def test_another_model_keeps_photo_and_hints(photo: Path) -> None:
    first = opened(photo)
    first.draw(hints_from([RED], first.size), 1.0)
    answer = retouch.change_model(first, "several", 1.0)
    page = json.loads(answer[-1])
    assert (answer[0].model, page["photo"], page["hints"]) == ("several", first.photo, [RED])
    assert shown(page)[60, 90, 0] > 15


def test_suggestions(photo: Path) -> None:
    several, unet = opened(photo, "several"), opened(photo)
    likely = several.suggest(90, 60)
    assert likely["title"] == "Likely here, says several"
    assert 1 < len(likely["colors"]) <= 6
    assert len(set(likely["colors"])) == len(likely["colors"])
    around = unet.suggest(90, 60)
    assert around["title"] == "From the colour here"
    for color in likely["colors"] + around["colors"]:  # of the photo's lightness there
        lightness = rgb2lab(np.array([[[int(color[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8))[0, 0, 0]
        assert lightness == pytest.approx(rgb2lab(np.full((1, 1, 3), 90, np.uint8))[0, 0, 0], abs=1.5)


def test_hints_are_saved_and_loaded(photo: Path) -> None:
    session = opened(photo)
    green = {"x": 300, "y": 10, "color": "#3c8a4e"}
    path = retouch.save_hints(session, now(session, RED, green))
    assert Path(path).name == "walls-hints.json"
    assert json.loads(Path(path).read_text())["size"] == [400, 240]
    answers = [json.loads(retouch.load_hints(session, {"path": path})) for _ in range(2)]
    assert sorted(answers[0]["hints"], key=lambda hint: hint["x"]) == [RED, green]
    assert answers[0] != answers[1]  # the page hears of changes only


def refuse_load(text: str) -> Callable[[RetouchSession], object]:
    def load(session: RetouchSession) -> object:
        path = session.folder / "mine.json"
        path.write_text(text)
        return retouch.load_hints(session, {"path": str(path)})

    return load


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda s: problem(retouch.draw(None, 1.0, asked(photo=s.photo, hints=[]))), "no longer here"),
        (lambda s: problem(retouch.draw(s, 1.0, asked(photo="another", hints=[]))), "no longer here"),
        (
            lambda s: problem(retouch.draw(s, 1.0, asked(photo=s.photo, hints=[{**RED, "x": 400}]))),
            "outside the picture",
        ),
        (lambda s: problem(retouch.draw(s, 1.0, asked(photo=s.photo, hints=[{**RED, "color": "reddish"}]))), "reddish"),
        (lambda s: problem(retouch.draw(s, 1.0, asked(photo=s.photo, hints=[{}]))), "Hint 1"),
        (lambda s: problem(retouch.draw(s, 1.0, asked(photo=s.photo, hints=[RED] * 201))), "200 hints"),
        (lambda s: problem(retouch.draw(s, 9.0, asked(photo=s.photo, hints=[]))), "between 0 and 4"),
        (lambda s: problem(retouch.suggest(s, asked(photo=s.photo, x=-1, y="a"))), "whole pixel"),
        (lambda s: retouch.save_hints(s, now(s)), "no hint to save"),
        (lambda s: retouch.full_size(s, 1.0, "{"), "no longer here"),
        (refuse_load("What a lovely wall."), "no JSON in mine.json"),
        (refuse_load('{"size": [640, 480], "hints": []}'), "640 x 480"),
    ],
)
def test_refusals_are_one_sentence(ask: Callable[[RetouchSession], object], words: str, photo: Path) -> None:
    session = opened(photo)
    with pytest.raises(gr.Error) as refused:
        ask(session)
    assert words in refused.value.message
    assert str(session.folder) not in refused.value.message


def test_a_photo_is_taken_over_with_the_alternative_that_was_chosen(photo: Path, space: Path) -> None:
    colored = jobs.colorize_upload(pipeline_of("several"), photo, Settings())
    (other,) = jobs.other_answers(pipeline_of("several"), colored, 1)
    taken = RetouchSession.taken(pipeline_of("several"), other)
    assert np.abs(shown(taken.draw([], 1.0)) - shown(opened(photo, "several").draw([], 1.0))).mean() > 1
    Image.fromarray(data.coffee()).save(space / "coffee.jpg")
    in_color = RetouchSession.taken(
        pipeline_of("unet"), jobs.colorize_upload(pipeline_of("unet"), space / "coffee.jpg", Settings())
    )
    assert in_color.lines == ["This photo is in colour: the model saw only its lightness."]


def test_a_photo_keeps_no_network_and_no_full_size_plane_in_memory(photo: Path) -> None:
    Image.open(photo).resize((2600, 2000)).save(photo)  # larger than a preview
    tracemalloc.start()  # numpy tells it what it takes
    session = opened(photo, "several")
    network = models.CACHE.network(models.find("several", models.listed()))
    weights = weakref.ref(next(network.model.parameters()))
    del network
    session.draw(hints_from([RED], session.size), 1.0)
    for other in ("unet", "other"):
        pipeline_of(other)
    gc.collect()
    assert weights() is None
    largest = max(block.size for block in tracemalloc.take_snapshot().traces)
    tracemalloc.stop()
    assert 1024 * 1024 < largest < 2600 * 2000  # that of the preview
    likely = session.suggest(90, 60)
    session.draw(hints_from([RED, {**RED, "x": 2000}], session.size), 1.0)
    assert likely["title"] == "Likely here, says several"
    assert "several" not in models.CACHE.names()  # neither needs the network again


def test_files_go_with_the_session_and_only_a_few_are_ready_to_draw(photo: Path) -> None:
    sessions = [opened(photo) for _ in range(DRAWING + 2)]
    for session in sessions:
        session.draw(hints_from([RED], session.size), 1.0)
    gc.collect()
    assert sum(type(one) is HintedLayers for one in gc.get_objects()) <= DRAWING
    sessions[0].draw(hints_from([RED], sessions[0].size), 1.0)  # ready anew
    for session in sessions:
        session.close()
    assert not any(session.folder.exists() for session in sessions)
