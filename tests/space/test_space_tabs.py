"""The tabs Compare and Models without a browser: what streams in, what is downloaded, which figures are shown, and
that a card cannot run anything."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import Block
from local_hub import LocalHub
from PIL import Image
from skimage import data
from skimage.color import rgb2lab
from space_server import write_scores

from colorhub.hub.loading import ModelInfo
from colorhub.hub.published import PUBLISHED, Published
from colorhub.space.compare import comparison as comparing
from colorhub.space.compare import tab as compare
from colorhub.space.compare.tab import Compare
from colorhub.space.models import cards, plots, scores
from colorhub.space.models import tab as gallery
from colorhub.space.models.score_table import COLUMNS, MISSING, table
from colorhub.space.shared import catalogue as models
from colorhub.space.shared.jobs import open_photo

with gr.Blocks():
    PARTS = Compare()
NAMES = {part: name for name, part in vars(PARTS).items() if isinstance(part, Block)}


@pytest.fixture(scope="module")
def model_folder(model_folder: Path) -> Path:
    broken = model_folder / "broken"
    broken.mkdir()
    (broken / "config.json").write_text((model_folder / "unet" / "config.json").read_text())
    (broken / "model.safetensors").write_bytes(b"not weights")
    return model_folder


@pytest.fixture(autouse=True)
def space(space: Path, model_folder: Path) -> Path:
    """The page's folder for uploads; no model has scores."""
    for path in model_folder.glob("*/scores*.json"):
        path.unlink()
    return space


@pytest.fixture
def photo(space: Path) -> dict[str, str]:
    """An upload: a grey photo of 300 x 200 pixels."""
    path = space / "grandma.jpg"
    Image.fromarray(data.camera()).resize((300, 200)).save(path, quality=95)
    return {"path": str(path)}


def run(photo: object, names: object) -> list[dict[str, object]]:
    return [{NAMES[part]: value for part, value in update.items()} for update in compare.run(PARTS, None, photo, names)]


def states(grid: str) -> dict[str, str]:
    return dict(re.findall(r'<figure data-answer="([^"]+)" class="(\w+)"', grid))


def _undated(file: bytes) -> bytes:
    """A file without the time in its note, which may have moved on meanwhile."""
    return re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+", b"", file)


def chroma(pixels: np.ndarray) -> float:
    return float(np.hypot(*np.moveaxis(rgb2lab(pixels)[..., 1:], 2, 0)).mean())


# Compare


def test_answers_stream_in_one_model_after_the_other(photo: dict[str, str]) -> None:
    updates = run(photo, ["unet", "several", "other"])
    seen = [states(str(update["grid"])) for update in updates]
    assert [list(one) for one in seen] == [["Grey", "other", "several", "unet"]] * 4  # in the order of the list
    assert [list(one.values()) for one in seen] == [
        ["done", "working", "waiting", "waiting"],
        ["done", "done", "working", "waiting"],
        ["done", "done", "done", "working"],
        ["done", "done", "done", "done"],
    ]
    assert [update["status"] for update in updates[:2]] == [
        "other is at work: 1 of 3.",
        "several is at work: 2 of 3.",
    ]
    assert "3 answers for 300 x 200 pixels" in str(updates[-1]["status"])
    last = str(updates[-1]["grid"])
    assert len(re.findall(r'<span class="time">\d+\.\d+ s</span>', last)) == 3
    assert 'href="#model=several"' in last
    assert "eccv16 architecture" in last
    assert models.CACHE.names() == ["several", "unet"]  # not all three


def test_answers_are_those_of_the_single_tab(photo: dict[str, str], tmp_path: Path) -> None:
    from colorhub import Settings
    from colorhub.space.shared.jobs import colorize_upload, write_full_size

    session = run(photo, ["unet", "other"])[-1]["session"]
    with zipfile.ZipFile(session.write_zip()) as archive:
        for name in ("unet", "other"):
            pipeline = models.CACHE.pipeline(models.find(name, models.listed()))
            own = write_full_size(colorize_upload(pipeline, Path(photo["path"]), Settings()), 1.0, tmp_path).path
            packed = archive.read(f"grandma-{name}.jpg")
            assert _undated(packed) == _undated(own.read_bytes())
            assert pipeline.model.weights_sha256.encode() in packed  # the note on where colours come from


def test_zip_holds_all_answers_at_full_size_without_loading_again(space: Path) -> None:
    path = space / "wide scan.png"
    Image.fromarray(data.camera()).resize((2600, 300)).save(path)  # wider than a preview
    session = run({"path": str(path)}, ["unet", "several", "other"])[-1]["session"]
    models.CACHE.clear()
    file = Path(compare.all_at_full_size(session))
    assert models.CACHE.names() == []
    assert file.name == "wide scan-compared.zip"
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"wide scan-{name}.png" for name in ("other", "several", "unet")]
        for name in archive.namelist():
            with Image.open(io.BytesIO(archive.read(name))) as image:
                assert (image.size, image.format, image.mode) == ((2600, 300), "PNG", "RGB")
                assert chroma(np.asarray(image)) > 0.5
        text = archive.read("wide scan-several.png")
    assert b"several" in text
    assert session.answers["several"].colored.layer.provenance.settings.size == 64


def test_contact_sheet_shows_every_picture_with_its_label(photo: dict[str, str]) -> None:
    from colorhub.space.compare.sheet import Tile, write_sheet

    session = run(photo, ["unet", "other"])[-1]["session"]
    tiles = [Tile(path, name, "0.1 s") for name, path in session.pictures.items()]
    assert [tile.name for tile in tiles] == ["Grey", "other", "unet"]
    sheet = write_sheet(tiles, session.folder / "sheet.jpg")
    page = Image.open(sheet.path)
    assert page.getexif()[270] == "Grey (0.1 s); other (0.1 s); unet (0.1 s)"
    labels = []
    for tile, box in zip(tiles, sheet.boxes, strict=True):
        width, height = box[2] - box[0], box[3] - box[1]
        expected = np.asarray(Image.open(tile.picture).convert("RGB").resize((width, height)), float)
        assert np.abs(np.asarray(page.crop(box), float) - expected).mean() < 4
        labels.append(np.asarray(page.crop((box[0], box[3] + 8, box[2], box[3] + 42)).convert("L")) < 128)
    assert all(label.sum() > 100 for label in labels)  # ink
    assert all((labels[i] != labels[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))
    assert [(one >= 0) for one in sheet.boxes[0]] == [True] * 4


def test_contact_sheet_of_the_page_names_times(photo: dict[str, str]) -> None:
    update = run(photo, ["unet"])[-1]
    path = Path(update["sheet"]["value"])
    assert path.name == "grandma-contact-sheet.jpg"
    assert re.fullmatch(r"Grey; unet \(\d+\.\d+ s\)", Image.open(path).getexif()[270])


def test_a_model_that_fails_says_so_and_the_others_go_on(photo: dict[str, str]) -> None:
    updates = run(photo, ["broken", "unet"])
    last = updates[-1]
    assert states(str(last["grid"])) == {"Grey": "done", "broken": "failed", "unet": "done"}
    problem = re.search(r'<p class="problem">(.*?)</p>', str(last["grid"]))[1]
    assert "safetensors" in problem
    assert "1 answer for 300 x 200 pixels. 1 failed: broken." in str(last["status"])
    assert last["zip"]["visible"]
    with zipfile.ZipFile(last["session"].write_zip()) as archive:
        assert archive.namelist() == ["grandma-unet.jpg"]


def test_when_every_model_fails_there_is_nothing_to_download(photo: dict[str, str]) -> None:
    updates = run(photo, ["broken"])
    assert "0 answers" in str(updates[-1]["status"])
    assert updates[0]["zip"]["visible"] is False
    assert "zip" not in updates[-1]
    with pytest.raises(gr.Error, match="no answer to download"):
        compare.all_at_full_size(updates[-1]["session"])


def test_a_photo_in_colour_is_shown_beside_what_the_models_saw(space: Path) -> None:
    path = space / "coffee.jpg"
    Image.fromarray(data.coffee()).save(path, quality=95)
    last = run({"path": str(path)}, ["unet"])[-1]
    pictures = last["session"].pictures
    assert list(pictures) == ["Grey", "unet", "As sent"]
    grey, _, sent = (np.asarray(Image.open(one)) for one in pictures.values())
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    assert np.abs(sent.astype(int) - data.coffee()).mean() < 5
    assert np.abs(rgb2lab(grey)[..., 0] - rgb2lab(data.coffee())[..., 0]).mean() < 1
    assert "saw only its lightness" in str(last["status"])


@pytest.mark.parametrize(
    ("upload", "names", "words"),
    [
        (None, ["unet"], "choose a photo"),
        ("photo", [], "at least one model"),
        ("photo", None, "at least one model"),
        ("photo", ["unett"], "Did you mean 'unet'"),
        ("photo", ["someone/repository"], "no model"),
        ("letter", ["unet"], "letter.jpg is text"),
        ("/etc/hostname", ["unet"], "not uploaded here"),
    ],
)
def test_refusals_in_one_sentence(
    upload: str | None, names: list[str] | None, words: str, photo: dict[str, str], space: Path
) -> None:
    (space / "letter.jpg").write_text("Dear all, this is no picture.")
    sent = {"photo": photo, "letter": {"path": str(space / "letter.jpg")}, None: None}.get(upload, {"path": upload})
    with pytest.raises(gr.Error, match=words) as refused:
        run(sent, names)
    assert refused.value.message.count(". ") <= 1
    assert refused.value.print_exception is False


def test_pairs_are_of_this_comparison_only(photo: dict[str, str]) -> None:
    last = run(photo, ["unet", "other"])[-1]
    session = last["session"]
    assert last["left"] == gr.update(choices=["Grey", "other", "unet"], value="other")
    assert last["pair"] == (str(session.pictures["other"]), str(session.pictures["unet"]))
    with pytest.raises(gr.Error, match="no such picture"):
        compare.show_pair(session, "Grey", "../../etc/passwd")
    with pytest.raises(gr.Error, match="choose it again"):
        compare.show_pair(None, "Grey", "unet")
    session.close()
    assert not session.folder.exists()


def test_models_for_photos_on_this_machine_are_chosen_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        PUBLISHED, "far", Published("owner/far", "0" * 40, "unet", "mit", "A far model.", label="for tests")
    )
    picker, _ = compare.fill_models()
    assert {"unet", "other", "several", "far"} <= {value for _, value in picker["choices"]}
    assert "far" not in picker["value"]
    assert {"unet", "other", "several"} <= set(picker["value"])
    assert ("far (for tests, download)", "far") in picker["choices"]
    assert "eccv16" not in picker["value"]
    assert compare.fill_models(["other"])[0]["value"] == ["other"]


# Models


class Cells(HTMLParser):
    """The rows of tables: of every cell its sort key and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str | None, str]]] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self._open = tag in ("td", "th") or (self._open and tag in ("a", "button", "small"))
        if tag in ("td", "th"):
            self.rows[-1].append((dict(attributes).get("data-key"), ""))
        elif tag == "small" and self._open:
            self.handle_data(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, text: str) -> None:
        if self._open:
            key, before = self.rows[-1][-1]
            self.rows[-1][-1] = (key, before + text)


def rows_of(text: str) -> dict[str, list[tuple[str | None, str]]]:
    return {row[0][1]: row[1:] for row in Cells(text).rows}


def own_models() -> list[ModelInfo]:
    """The models of the test's own folder, without the bundled ones."""
    return [info for info in models.listed() if info.source == "folder"]


def test_table_shows_the_figures_of_the_file(model_folder: Path) -> None:
    written = {name: write_scores(model_folder / name, seed) for seed, name in enumerate(("other", "unet"), start=1)}
    (board,) = scores.boards(own_models())[:1]
    assert (board.protocol, board.source, board.pictures) == ("colorhub-1", "photos/test", 24)
    rows = rows_of(table(board, 0))
    names = [column.metric for column in COLUMNS]
    for name, content in written.items():
        cells = dict(zip(names, rows[name][2:], strict=False))
        for metric, (key, shown) in cells.items():
            figure = content["metrics"][metric]
            assert float(key) == figure["mean"]
            numbers = [float(part) for part in re.findall(r"[\d.]+", shown.replace("\N{MINUS SIGN}", "-"))]
            expected = [abs(figure[part]) for part in ("mean", "low", "high")]
            assert numbers == pytest.approx(expected, abs=0.051 if metric == "colorfulness" else 0.0051)
        assert float(rows[name][-1][0]) == content["timing"]["milliseconds_per_picture"]
    assert rows["Model"][-1][1].endswith("ms, cpu, 2 threads")
    assert list(rows)[1:] == ["unet", "other", "(no colour)", "(mean colour)", "(the originals)"]  # best gain first
    assert "originals 40.2" in rows["Model"][4][1]
    assert rows["(the originals)"][4][1].startswith("40.2")


def test_the_default_stands_first_and_is_marked(model_folder: Path) -> None:
    for seed, name in enumerate(("other", "unet"), start=1):
        write_scores(model_folder / name, seed)
    (board,) = scores.boards(own_models())[:1]
    shown = Cells(table(board, 0, "other")).rows
    assert [row[0][1] for row in shown[1:3]] == ["other | the default", "unet"]
    assert "aria-sort" not in table(board, 0, "other")
    assert table(board, 0, models.default_model(own_models())) in gallery.page_of(own_models())


def test_numbers_sort_as_numbers(model_folder: Path) -> None:
    for seed, name in enumerate(("other", "unet", "several"), start=1):
        write_scores(model_folder / name, seed)
    (board,) = scores.boards(own_models())[:1]
    rows = [row for row in Cells(table(board, 0)).rows if row[0][0]]
    times = [float(row[-1][0]) for row in rows]
    texts = [row[-1][1] for row in rows]
    assert sorted(times) != [times[texts.index(text)] for text in sorted(texts)]  # text would be in another order
    assert sorted(times) == [7.25, 7.25 * 3.1, 7.25 * 3.1**2]


def test_times_of_different_devices_name_them(model_folder: Path) -> None:
    timing = {"milliseconds_per_picture": 1.5, "device": "cuda", "name": "A GPU"}
    write_scores(model_folder / "other", 1)
    write_scores(model_folder / "unet", 2, timing=timing)
    (board,) = scores.boards(own_models())[:1]
    rows = rows_of(table(board, 0))
    write_scores(model_folder / "several", 3, timing={**timing, "device": "cpu", "threads": 1})
    (board,) = scores.boards(own_models())[:1]
    assert rows_of(table(board, 0))["several"][-1][1].endswith("cpu, 1 thread")
    assert "threads" not in rows["Model"][-1][1]
    assert rows["other"][-1][1].endswith("cpu, 2 threads")
    assert "cuda" in rows["unet"][-1][1]


def test_no_two_models_are_drawn_alike() -> None:
    """More models than there are colours: colour and shape together tell them apart."""
    gain, colors = scores.Figure(1.0, 0.9, 1.1), scores.Figure(20.0)
    names = [f"model-{number}" for number in range(20)]
    rows = [scores.Row(name, "unet", 1.0, {"gain": gain, "colorfulness": colors}, 5.0, "cpu") for name in names]
    legend = plots.plots(scores.Board("colorhub-1", "photos/test", 4, rows)).split("</ul>")[0]
    drawn = re.findall(r'<li class="(series-\d)">.*?d="(.*?)"', legend)
    assert len(set(drawn)) == len(drawn) == 20


def test_missing_figures_are_a_dash_and_nothing_breaks(model_folder: Path) -> None:
    write_scores(model_folder / "other", 1, timing=None, robustness=None, baselines=None, definitions=None)
    write_scores(model_folder / "unet", 2, metrics={"gain": {"mean": 0.5}, "psnr": None, "ab_auc": "high"})
    page = gallery.page_of(models.listed())
    rows = rows_of(page)
    assert rows["unet"][2] == ("0.5", "0.50")
    assert [shown for _, shown in rows["unet"][3:9]] == [MISSING] * 6
    assert rows["other"][-1] == ("", MISSING)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"metrics": 3}', '{"metrics": {"gain": {"mean": "NaN"}}, "also": 4}']
)
def test_a_file_that_is_no_scores_counts_as_not_measured(content: str, model_folder: Path) -> None:
    (model_folder / "other" / "scores.json").write_text(content)
    listed = models.listed()
    assert "other" in [info.name for info in scores.unmeasured(listed, scores.boards(listed))]


def test_bundled_scores_of_any_age_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_MODELS", "")
    bundled = [info for info in models.listed() if info.source == "bundled"]
    board = scores.boards(bundled)[0]
    for row, info in ((row, info) for row in board.rows for info in bundled if info.name == row.model):
        assert row.figures["gain"].mean == info.gain
    assert 'id="board-0"' in gallery.page_of(bundled)


def test_protocols_and_pictures_never_share_a_table(model_folder: Path) -> None:
    first = write_scores(model_folder / "other", 1)
    other_pictures = {**first["data"], "fingerprint": "fedcba9876543210"}
    write_scores(model_folder / "unet", 2, data=other_pictures, also=[{**first, "also": None}])
    write_scores(model_folder / "several", 3, protocol="zhang-ctest10k")
    found = [
        (board.protocol, [row.model for row in board.rows])
        for board in scores.boards(models.listed())
        if board.pictures == 24
    ]
    assert found[0] == ("colorhub-1", ["other", "unet"])  # unet's further pictures are other's
    assert sorted(found[1:]) == [("colorhub-1", ["unet"]), ("zhang-ctest10k", ["several"])]


def test_models_without_scores_are_listed(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "far", Published("owner/far", "0" * 40, "unet", "mit", "A far model."))
    write_scores(model_folder / "other", 1)
    page = gallery.page_of(models.listed())
    listed = page[page.index('class="unmeasured"') :]
    for name in ("unet", "several", "far"):
        assert f'href="#model={name}"' in listed
    assert "#model=other" not in listed
    far = re.search(r"#model=far.*?</li>", listed)[0]
    assert "Not measured yet" in listed
    assert "not on this machine" in far
    card = gallery.shown_card("far")
    assert "not on this machine" in card
    assert 'href="https://huggingface.co/owner/far"' in card


def svgs(text: str) -> Iterator[ElementTree.Element]:
    return (ElementTree.fromstring(one) for one in re.findall(r"<svg role.*?</svg>", text, re.DOTALL))


def test_plots_place_points_where_the_figures_say(model_folder: Path) -> None:
    for seed, name in enumerate(("other", "unet", "several"), start=1):
        write_scores(model_folder / name, seed)
    board = scores.boards(own_models())[0]
    speed, colors, robust = svgs(plots.plots(board))

    def places(drawing: ElementTree.Element) -> dict[str, tuple[float, float]]:
        found = {}
        for group in drawing.iter("g"):
            dot = next(path for path in group.iter("path") if path.get("class") == "dot")
            x, y = map(float, re.findall(r"[-\d.]+", dot.get("transform")))
            found[group.find("title").text.split(":")[0]] = (x, y)
        return found

    fast = places(speed)
    steps = np.diff([fast[name] for name in ("other", "unet", "several")], axis=0)
    assert steps[0] == pytest.approx(steps[1], abs=0.2)  # equal factors of time and equal steps of gain
    assert steps[0][0] > 0 > steps[0][1]  # slower is further right, better further up
    mark = next(line for line in colors.iter("line") if line.get("class") == "mark")
    assert float(mark.get("y1")) < min(y for _, y in places(colors).values())  # the originals are more colourful
    gains = places(robust)
    assert len(gains) == 3 * 7
    assert gains["unet, fading"][0] < gains["unet, lab"][0] < gains["several, lab"][0]
    title = next(g.find("title").text for g in robust.iter("g") if "unet, luma" in g.find("title").text)
    assert title == "unet, luma: 0.40 dB [0.10, 0.70]"


def test_curves_are_lines_through_their_points(model_folder: Path) -> None:
    def point(colors: float, gain: float, kernel: float | None) -> dict:
        found = {"vividness": 1.0, "colorfulness": {"mean": colors}, "gain": {"mean": gain, "low": gain, "high": gain}}
        return found if kernel is None else {**found, "kid-lite1": {"value": kernel, "low": 1.0, "high": 9.0}}

    first = [point(10, 1.0, 4.0), point(20, 2.0, None), point(30, 1.0, 5.0)]
    write_scores(model_folder / "other", 1, curve={"points": first, "at_colorfulness": {}})
    write_scores(model_folder / "unet", 2, curve={"points": "none"})
    drawn = plots.plots(scores.boards(own_models())[0])
    *_, gains, kernels = svgs(drawn)
    assert drawn.count("<figure") == 5  # nothing was recognised
    (line,) = [path for path in gains.iter("path") if path.get("class", "").startswith("line")]
    places = [tuple(map(float, pair.split(","))) for pair in line.get("d")[1:].split("L")]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[1][1] < places[0][1] == places[2][1]
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0], abs=0.2)
    texts = [group.find("title").text for group in kernels.iter("g")]
    assert texts[0] == "other: 4.00 [1.00, 9.00] at colourfulness 10.0"
    assert len(texts) == 2


def test_axes_have_round_ticks() -> None:
    assert plots.Axis("", 0.0, 42.0, 0, 100).ticks == [0, 20, 40]
    assert plots.Axis("", -0.4, 1.7, 0, 100).ticks == pytest.approx([0, 1])
    assert plots.Axis("", 4.0, 130.0, 0, 100, log=True).ticks == pytest.approx([5, 10, 20, 50, 100])
    assert plots.Axis("", 10.0, 1000.0, 0, 100, log=True)(100) == pytest.approx(50)


# Cards

HOSTILE = """---
license: mit
secret: head
---
# A card

<!-- models -->
Some <b>bold</b> text <script>alert(1)</script> and <img src=x onerror=alert(1)>.

<script>
alert(2)
</script>
<iframe src="https://example.com"></iframe>

[a](javascript:alert(3)) [b](https://example.com/?a="onclick="x) [c](data:text/html,x) [d](recipe.toml)

![own](samples.png) ![far](https://example.com/x.png) ![up](../secret.png) ![root](/etc/hostname) ![svg](x.svg)

| a | b |
| --- | --- |
| 1 | <script>alert(4)</script> |

```html
<script>alert(5)</script>
```
"""


class Tags(HTMLParser):
    """Every tag of a text with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_cards_run_nothing_and_load_nothing_from_elsewhere(tmp_path: Path, space: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in (folder / "samples.png", tmp_path / "secret.png"):
        Image.new("RGB", (4, 4)).save(path)
    (folder / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
    shown = cards.render(HOSTILE, folder)
    tags = Tags(shown).found
    assert {tag for tag, _ in tags} <= {
        *("h2", "p", "a", "img", "span", "div", "table", "thead", "tbody", "tr", "th", "td", "pre", "code")
    }
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert [attributes["href"] for tag, attributes in tags if tag == "a" and attributes] == [
        "https://example.com/?a=%22onclick=%22x"
    ]
    (source,) = [attributes["src"] for tag, attributes in tags if tag == "img"]
    served = Path(source.removeprefix("gradio_api/file="))
    assert served.is_relative_to(space)
    assert served.read_bytes() == (folder / "samples.png").read_bytes()
    assert [tag for tag, attributes in tags if attributes.get("tabindex") == "0"] == ["div", "pre"]  # they may scroll
    assert "secret: head" not in shown
    assert "<!--" not in shown
    assert "&lt;script&gt;" in shown


def test_a_cards_picture_may_not_be_a_link_out_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    (folder / "samples.png").symlink_to(tmp_path / "secret.png")
    assert "<img" not in cards.render("![x](samples.png)", folder)


def test_the_bundled_card_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_MODELS", "")
    shown = gallery.shown_card("unet")
    folder = Path(next(info.location for info in models.listed() if info.name == "unet"))
    readme = (folder / "README.md").read_text()
    headings = re.findall(r"^#+ (.*)$", readme, re.MULTILINE)
    assert headings
    assert re.findall(r"<h\d>(.*?)</h\d>", shown) == headings
    assert "library_name" not in shown
    assert ("<img" in shown) is ("![" in readme)


def test_cards_of_unknown_models_are_refused() -> None:
    for name in ("../../etc", None, "someone/repository"):
        with pytest.raises(gr.Error, match="no model"):
            gallery.shown_card(name)


def test_a_card_asked_for_by_a_link_is_shown(model_folder: Path) -> None:
    (model_folder / "other" / "README.md").write_text("# Other\n\nSmall.")
    update, shown = gallery.open_card(gr.EventData(None, {"model": "other"}))
    assert update["value"] == "other"
    assert "<p>Small.</p>" in shown
    with pytest.raises(gr.Error, match="no model"):
        gallery.open_card(gr.EventData(None, {"model": ["x"]}))


def test_names_cannot_write_markup(photo: dict[str, str]) -> None:
    info = ModelInfo('"><script>x', "a<b>", "folder", "/nowhere")
    comparison = comparing.Comparison(Path(photo["path"]), open_photo(Path(photo["path"])), [info])
    assert "<script" not in compare.grid(comparison)
    assert "<script" not in gallery.page_of([info])
    assert "<script" not in cards.card(info)


def test_scores_are_written_as_the_scorer_writes_them(model_folder: Path) -> None:
    """The helper's file has no key that the scorer does not write."""
    section = (Path(__file__).parents[2] / "training/scoring/section.py").read_text()
    score = (Path(__file__).parents[2] / "training/score.py").read_text()
    written = write_scores(model_folder / "other", 1)
    assert json.dumps(written)
    for key in written:
        assert f'"{key}"' in section + score


def test_cards_and_scores_of_published_models_are_fetched_but_not_their_weights(
    hub: LocalHub, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scores(model_folder / "other", 3)
    Image.new("RGB", (4, 4)).save(tmp_path / "samples.png")
    files = {
        "README.md": b"---\nlicense: mit\n---\n# far\n\n![sheet](samples.png)",
        "scores.json": (model_folder / "other" / "scores.json").read_bytes(),
        "samples.png": (tmp_path / "samples.png").read_bytes(),
        "config.json": b"{}",
        "model.safetensors": b"weights",
    }
    hub.add("owner/far", files)
    commit = hub.commits("owner/far")[-1].oid
    monkeypatch.setitem(PUBLISHED, "far", Published("owner/far", commit, "unet", "mit", "A far model."))
    monkeypatch.setitem(PUBLISHED, "gone", Published("owner/gone", "0" * 40, "unet", "mit"))  # troubles no one
    info = next(info for info in models.listed() if info.name == "far")
    assert "not on this machine" in cards.card(info)
    cards.fetch_cards()
    assert not [line for line in hub.log if "safetensors" in line]
    assert "far" in [row.model for row in scores.boards([info])[0].rows]
    shown = cards.card(info)
    assert "<h2>far</h2>" in shown
    assert 'alt="sheet"' in shown
    assert "far" not in compare.fill_models()[0]["value"]  # its weights are not here
