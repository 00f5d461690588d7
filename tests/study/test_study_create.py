"""Making a study: one path for originals and colourings, all or nothing, a manifest that cannot be changed."""

import hashlib
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import typed
from PIL import Image
from skimage import data
from skimage.color import rgb2lab
from study_commands import move_to
from tiny import save_tiny
from typer.testing import Result

from colorhub.study.create import create_study
from colorhub.study.design.config import Config, config_of
from colorhub.study.design.manifest import canonical, content_hash, read_manifest
from colorhub.study.design.prereg import preregistration
from colorhub.study.errors import ManifestError, StudyError
from colorhub.study.stimuli import files
from colorhub.study.stimuli.color_vision import DICHROMACY, colors, make_plates
from colorhub.study.stimuli.drawing import draw
from colorhub.study.stimuli.sources import open_source
from colorhub.study.studies import Study, open_study, study_names

SMALL = {"images": 8, "per_rater": 4, "size": 96, "practice": 2, "attention": 1}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two untrained models that colour differently, and strongly."""

    folders = []
    for number in range(2):
        folder = tmp_path_factory.mktemp("models") / f"model{number}"
        folders.append(str(save_tiny(folder, seed=number)))
    return folders


def small(**more: Any) -> Config:
    return config_of({"design": {**SMALL, **more.pop("design", {})}, "stopping": {"raters": 8}, **more})


@pytest.fixture(scope="module")
def study(models: list[str], tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("studies") / "root"
    create_study("first", "packaged", models, small(vision={"check": True}), seed=3, root=root)
    return open_study("first", root)


def pixels(study: Study, stimulus: str) -> np.ndarray:
    with Image.open(io.BytesIO(study.picture(stimulus))) as image:
        return np.asarray(image.convert("RGB"))


def test_all_files_look_the_same_from_outside(study: Study) -> None:
    paths = sorted((study.folder / "stimuli").iterdir())
    assert {path.stem for path in paths} == {*study.manifest.stimuli} | {
        plate["stimulus"] for plate in study.manifest.data["plates"]
    }
    assert {path.stat().st_size for path in paths} == {study.manifest.data["file_bytes"]}
    assert all(len(path.stem) == 32 and int(path.stem, 16) >= 0 for path in paths)
    for stimulus, facts in study.manifest.stimuli.items():
        content = (study.folder / "stimuli" / f"{stimulus}.webp").read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert chunks(content) == ["VP8X", "VP8 ", "PAD "]
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.size, image.mode) == ("WEBP", (96, 96), "RGB")
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile"} & set(image.info)


def chunks(content: bytes) -> list[str]:
    found, at = [], 12
    while at < len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        found.append(content[at : at + 4].decode())
        at += 8 + size + size % 2
    assert at == len(content) == struct.unpack_from("<I", content, 4)[0] + 8
    return found


def test_the_same_picture_is_never_sent_as_the_same_bytes(study: Study) -> None:
    stimulus = next(iter(study.manifest.stimuli))
    first, second = study.picture(stimulus), study.picture(stimulus)
    assert first != second
    assert len(first) == len(second)
    assert np.array_equal(pixels(study, stimulus), pixels(study, stimulus))
    for wrong in ("", "../manifest", "0" * 32, stimulus.upper() + "x"):
        with pytest.raises(StudyError):
            study.picture(wrong)


def test_original_and_colourings_differ_in_colour_alone(study: Study) -> None:
    by_image: dict[int, dict[str, np.ndarray]] = {}
    for stimulus, facts in study.manifest.stimuli.items():
        if facts["kind"] == "trial":
            by_image.setdefault(facts["image"], {})[facts["shown"]] = rgb2lab(pixels(study, stimulus))
    assert len(by_image) == 8
    for versions in by_image.values():
        assert set(versions) == {"original", "model0", "model1"}
        for model in ("model0", "model1"):
            apart = np.abs(versions[model] - versions["original"])
            assert apart[..., 0].mean() < 1.5  # of 100: what lossy WebP leaves, with colour at half the resolution
            assert abs((versions[model] - versions["original"])[..., 0].mean()) < 0.5
            assert apart[..., 1:].mean() > 2


def test_originals_are_the_photographs(study: Study) -> None:
    source = open_source("packaged", size=96)
    names = study.manifest.data["photos"]["drawn"]
    for stimulus, facts in study.manifest.stimuli.items():
        if facts["shown"] == "original" and facts["kind"] == "trial":
            file, left, top = names[facts["image"]].split("+")
            assert names[facts["image"]] in source.names
            if file == "coffee.png":
                own = data.coffee()[int(top) : int(top) + 96, int(left) : int(left) + 96]
                assert np.abs(pixels(study, stimulus).astype(int) - own).mean() < 6


def test_sequences_name_stimuli_that_are_there(study: Study) -> None:
    manifest = study.manifest
    assert len(manifest.sequences) == 10  # eight and a quarter in reserve
    for sequence in manifest.sequences:
        assert Counter(item["kind"] for item in sequence) == {"practice": 2, "trial": 4, "attention": 1}
        assert all(manifest.stimuli[one]["kind"] == item["kind"] for item in sequence for one in item["stimuli"])


def test_plates_are_read_by_normal_eyes_only() -> None:
    plates = make_plates(5, 1, "salt")
    assert [plate.line for plate in plates] == ["everybody", "deutan", "protan", "deutan", "protan"]
    for line, matrix in DICHROMACY.items():
        figure, ground = colors(line)
        seen = np.array(matrix) @ (figure - ground)
        assert np.abs(seen).max() < 1e-4  # alike to this kind of dichromat
        assert np.abs(figure - ground).max() > 0.3
        assert min(figure.min(), ground.min()) >= 0 and max(figure.max(), ground.max()) <= 1
        bright, dark = (np.array(matrix) @ np.array(colors("everybody"))[n] for n in range(2))
        assert np.abs(bright - dark).max() > 0.1
    with_digit = {plate.answer for plate in make_plates(20, 2, "salt")}
    assert with_digit <= set("23456789")
    assert len(with_digit) > 3
    assert all(plate.pixels.shape == (320, 320, 3) for plate in plates)


def test_the_manifest_is_frozen(study: Study, tmp_path: Path) -> None:
    path = study.folder / "manifest.json"
    whole = path.read_bytes()
    content = json.loads(whole)
    kept = {key: value for key, value in content.items() if key != "sha256"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert content["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    changes: list[tuple[bytes, str]] = [
        (whole[:1000], "no JSON"),
        (b"", "no JSON"),
        (b"[]", "no schema"),
        (canonical({**content, "seed": 4}), "changed after"),
        (canonical({**content, "schema": 2}), "newer colorhub"),
        (canonical({key: value for key, value in content.items() if key != "sequences"}), "sequences"),
        (whole.replace(b'"shown":"original"', b'"shown":"model0"', 1), "changed after"),
    ]
    for changed, words in changes:
        (tmp_path / "manifest.json").write_bytes(changed)
        with pytest.raises(ManifestError, match=words):
            read_manifest(tmp_path)
    unknown = {**content, "config": {**content["config"], "colour": 1}}
    (tmp_path / "manifest.json").write_bytes(canonical({**unknown, "sha256": content_hash(unknown)}))
    with pytest.raises(ManifestError, match="unknown key 'colour'"):
        read_manifest(tmp_path)
    assert read_manifest(study.folder).data == content


def test_the_preregistration_gives_nothing_away(study: Study) -> None:
    text, content = preregistration(study.manifest), study.manifest.data
    assert study.manifest.sha256 in text
    assert content["photos"]["fingerprint"] in text
    assert all(model["weights_sha256"] in text for model in content["models"])
    for heading in ("Hypotheses", "Design", "Stimuli", "Stopping", "Exclusions", "Primary analysis", "Hashes"):
        assert f"## {heading}\n" in text
    secrets = [content["salt"], *content["stimuli"], *content["photos"]["drawn"]]
    assert not [secret for secret in secrets if secret in text]
    assert max(map(len, text.split("\n"))) > 0 and "{" not in text


def test_the_draw_is_decided_by_the_seed_and_passes_over_what_has_no_colour(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "inside").mkdir(parents=True)
    for number, start in enumerate(range(0, 300, 60)):
        crop = Image.fromarray(data.astronaut()[100:300, start : start + 200])
        crop.save(folder / "inside" / f"{number}.png")
        crop.convert("L").save(folder / f"grey{number}.jpg")
    Image.fromarray(data.astronaut()[100:300, 0:200]).save(folder / "again.jpg", quality=90)
    Image.fromarray(data.astronaut()[120:180, 240:300]).save(folder / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"nothing")
    source = open_source(str(folder))
    one, two = draw(source, 5, 96, 7), draw(source, 5, 96, 7)
    assert one.names == two.names and one.fingerprint == two.fingerprint
    with pytest.raises(StudyError, match=r"5 not surely in colour.*1 the same picture again.*1 unreadable") as few:
        draw(source, 6, 96, 7)
    assert "1 smaller than the stimuli" in str(few.value)
    assert draw(source, 5, 96, 8).names != one.names
    assert all(square.shape == (96, 96, 3) for square in one.squares)


def test_parquet_files_are_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    Image.fromarray(data.coffee()).save(out, "PNG")
    rows = [{"image": {"bytes": out.getvalue(), "path": "coffee.png"}}] * 3
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test-00000-of-00001.parquet", row_group_size=2)
    source = open_source(str(tmp_path))
    assert source.names == [f"test-00000-of-00001.parquet#{at}" for at in ("0.0", "0.1", "1.0")]
    assert np.array_equal(source.read(2).rgb, data.coffee())
    with pytest.raises(StudyError, match="no split 'train': there are test"):
        open_source(str(tmp_path), "train")


def test_padding_keeps_the_picture() -> None:
    content = files.encode(data.astronaut()[:101, :77], 90)
    length = files.common_length([content])
    padded = files.padded(content, length)
    assert len(padded) == length
    before, after = (np.asarray(Image.open(io.BytesIO(one))) for one in (content, padded))
    assert np.array_equal(before, after)
    assert np.array_equal(before, np.asarray(Image.open(io.BytesIO(files.padded(padded, length + 1024)))))
    with pytest.raises(ValueError, match="does not fit"):
        files.padded(content, 100)


def test_photos_are_found_below_every_folder_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORHUB_DATA", os.pathsep.join([str(tmp_path / "new"), str(tmp_path / "old")]))
    (tmp_path / "old" / "album").mkdir(parents=True)
    Image.fromarray(data.coffee()).save(tmp_path / "old" / "album" / "one.png")
    assert open_source("album").names == ["one.png"]


def broken_model(folder: Path) -> str:
    weights = save_tiny(folder / "broken") / "model.safetensors"
    content = bytearray(weights.read_bytes())
    (header,) = struct.unpack_from("<Q", content)
    content[8 + header :] = b"\xff" * (len(content) - 8 - header)  # every weight is no number
    weights.write_bytes(content)
    return str(folder / "broken")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "first"}, "is taken"),
        ({"name": "Upper Case"}, "small letters"),
        ({"name": "../up"}, "small letters"),
        ({"photos": "nowhere"}, "No photos 'nowhere'"),
        ({"config": small(design={"images": 900})}, "Too few photos"),
        ({"models": ["unet", "no-such-model"]}, "No model 'no-such-model'"),
        ({"models": []}, "at least one model"),
        ({"models": ["unet", "a/unet"]}, "could not be told apart"),
        ({"models": ["original"]}, "meaning of its own"),
        ({"config": small(primary={"first": "other"})}, "primary.first is 'other'"),
        ({"config": small(primary={"first": "original"})}, "with itself"),
    ],
)
def test_all_or_nothing(study: Study, models: list[str], change: dict[str, Any], words: str) -> None:
    root = study.folder.parent
    before = sorted(root.rglob("*"))
    given = {"name": "second", "photos": "packaged", "models": models, "config": small(), "root": root, **change}
    with pytest.raises(StudyError, match=words) as refused:
        create_study(**given)
    assert "\n" not in str(refused.value)
    assert sorted(root.rglob("*")) == before


def test_a_model_that_fails_leaves_nothing(study: Study, tmp_path: Path) -> None:
    root = tmp_path / "studies"
    with pytest.raises(StudyError, match=r"The model .*broken fails on \w+\.(png|jpg)\+"):
        create_study("second", "packaged", [broken_model(tmp_path)], small(), root=root)
    assert not root.exists()


def test_a_full_disk_leaves_nothing(models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, written = tmp_path / "studies", []
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StudyError, match="No space left"):
        create_study("second", "packaged", models, small(), root=root)
    assert len(written) > 5
    assert not root.exists()


@pytest.fixture
def run(study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    root = move_to(tmp_path / "studies", monkeypatch)
    root.mkdir()
    (root / "first").symlink_to(study.folder)

    return partial(typed, "study")


def test_closing_asks_only_where_somebody_can_answer(run: Callable[..., Result], tmp_path: Path) -> None:
    refused = run("close", "first")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert re.fullmatch(r"Error: End first with 0 .* There is no terminal .*: --yes answers, .*\.\n", refused.stderr)
    assert json.loads(run("status", "--json").stdout)["closed"] is None
    main, terminal = pty.openpty()
    command = [sys.executable, "-m", "colorhub.cli.main", "study", "close", "first"]
    os.write(main, b"n\n")
    done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, timeout=120)
    os.close(main)
    os.close(terminal)
    assert (done.returncode, done.stderr) == (1, "Nothing was changed.\n")
    assert "End first with 0 finished raters?" in done.stdout
    assert json.loads(run("status", "--json").stdout)["closed"] is None
    assert run("close", "first", "--yes").exit_code == 0


def test_commands(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run("prereg", "first").stdout.startswith("# Preregistration of the study first\n")
    status = json.loads(run("status", "--json").stdout)
    assert (status["name"], status["closed"], status["raters"]) == ("first", None, 0)
    assert run("close", "first", "--yes", "--why", "a try").exit_code == 0
    assert "closed on" in run("status").stdout
    header = (tmp_path / "studies" / "first" / "trials.csv").read_text()
    assert header.startswith("study,rater,position,kind,image,model,answer,correct,")
    for arguments, words in [
        (("prereg", "firts"), "(did you mean 'first'?)."),
        (("withdraw", "abc"), "16 letters"),
        (("create", "first", "--photos", "packaged", "--models", "unet"), "is taken"),
        (("create", "x", "--photos", "packaged", "--models", "unet", "--images", "1"), "design.images"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 1
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert study_names(tmp_path / "studies") == ["first"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"desing": {}}, "unknown key 'desing' .did you mean 'design'"),
        ({"design": {"imags": 4}}, "unknown key 'design.imags' .did you mean 'images'"),
        ({"design": {"images": "4"}}, "design.images must be a whole number"),
        ({"design": {"images": True}}, "design.images must be a whole number"),
        ({"design": {"protocol": "3afc"}}, "realfake, 2afc"),
        ({"design": {"images": 10, "per_rater": 20}}, "at least design.per_rater"),
        ({"design": 3}, "must be a table"),
        ({"language": "fr"}, "add .texts.fr."),
        ({"texts": {"fr": {"title": "Vrai ou faux"}}}, "texts.fr.consent is missing"),
        ({"texts": {"en": {"titel": "x"}}}, "did you mean 'title'"),
        ({"stopping": {"date": "tomorrow"}}, "2030-01-31"),
        ({"links": {"completion": "javascript:alert(1)"}}, "https"),
        ({"panel": {"parameter": "a&b"}}, "PROLIFIC_PID"),
        ({"primary": {"alpha": 2}}, "primary.alpha must be between"),
    ],
)
def test_a_wrong_study_toml_is_one_sentence(values: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        config_of(values)


def test_texts_are_complete_in_both_languages_and_can_be_replaced() -> None:
    config = config_of({"organizer": "A {b} lab", "texts": {"en": {"title": "Guess"}}, "vision": {"check": True}})
    texts = config.spoken()
    assert set(texts) == {"de", "en"}
    assert (texts["en"].title, texts["de"].title) == ("Guess", "Echte oder erfundene Farben?")
    assert "A {b} lab" in texts["en"].consent
    assert "Farbensehens" in texts["de"].consent
    assert config_of(config.to_dict()) == config
