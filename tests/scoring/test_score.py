"""The command that scores: what it writes, that it repeats itself, how others enter, one sentence for bad input."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import bootstrap
from skimage import data
from tiny import save_tiny

from colorhub import Settings
from training import score
from training.scoring import pictures as pictures_module
from training.scoring import section, work
from training.scoring.entries import ModelEntry
from training.scoring.protocol import DEFAULT, load_protocol
from training.scoring.summary import interval

GREYS = {"lab", "luma", "film orthochromatic", "film blue-sensitive", "film red-filter", "fading", "white border"}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept meanwhile goes to a folder of the test's own; pictures are small; speed is not measured."""
    whole = load_protocol(DEFAULT)
    small = whole.model_copy(update={"pictures": whole.pictures.model_copy(update={"size": 96})})
    monkeypatch.setattr(score, "load_protocol", lambda name: small if name == whole.name else load_protocol(name))
    monkeypatch.setattr(work, "FOLDER", tmp_path / "kept")
    speed = {"milliseconds_per_picture": 1.0, "device": "cpu", "precision": "fp32", "threads": 1, "peak_memory_mb": 1.5}
    monkeypatch.setattr(section, "measure_speed", lambda *_: speed)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Four colour crops of 256 px."""
    found = [data.astronaut()[:256, 100:356], data.coffee()[:256, :256], data.chelsea()[20:276, 100:356]]
    return [*found, data.rocket()[150:406, 200:456]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "small")


@pytest.fixture
def folder(tmp_path: Path, pictures: list[np.ndarray]) -> Path:
    target = tmp_path / "pictures"
    target.mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(target / f"{i}.png")
    Image.fromarray(pictures[0]).convert("L").save(target / "grey.png")
    return target


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Callable[..., dict]:
    """Run the command on the folder, and read what it wrote to one file."""

    def scored(*words: object) -> dict:
        arguments = [*words, "--data", folder, "--split", "train", "--output", tmp_path / "out" / "all.json"]
        assert score.main([str(word) for word in arguments]) == 0
        return json.loads((tmp_path / "out" / "all.json").read_text())

    return scored


def _without_timing(scores: dict) -> dict:
    return {name: {**one, "timing": None} for name, one in scores["entries"].items()} | {"all": scores["comparisons"]}


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, 1.5, 200)
    ours = interval(values)
    theirs = bootstrap((values,), np.mean, n_resamples=5000, method="percentile", random_state=2).confidence_interval
    assert ours["mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert ours["low"] == pytest.approx(theirs.low, abs=0.03)
    assert ours["high"] == pytest.approx(theirs.high, abs=0.03)
    assert interval(values) == ours


def test_a_weighted_interval_is_a_ratio_of_sums() -> None:
    random = np.random.default_rng(1)
    values, weights = random.random(50), random.random(50)
    found = interval(np.stack([values * weights, weights], axis=1))
    assert found["mean"] == pytest.approx(np.average(values, weights=weights), abs=1e-4)
    assert found["low"] < found["mean"] < found["high"]
    same = interval(np.stack([0.3 * weights, weights], axis=1))
    assert same["low"] == same["high"] == pytest.approx(0.3)


def test_scores_json_is_complete_and_repeatable(model: Path, folder: Path) -> None:
    arguments = [str(model), "--data", str(folder), "--split", "train", "--sizes", "32", "--write"]
    written = []
    for _ in range(2):
        assert score.main(arguments) == 0
        written.append(json.loads((model / "scores.json").read_text()))
        timing = written[-1].pop("timing")
        assert timing["milliseconds_per_picture"] > 0
        assert timing["peak_memory_mb"] == 1.5
    first = written[0]
    assert first == written[1]
    assert first["protocol"] == DEFAULT
    assert Settings.from_dict(first["model"]["settings"]) == Settings(in_color="recolor")
    assert first["data"]["pictures"] == 4
    assert first["data"]["grey_skipped"] == 1
    assert first["data"]["grey"] == ["grey"]
    assert set(first["metrics"]["gain"]) == {"mean", "low", "high", "n"}
    assert first["metrics"]["psnr"]["n"] == 4
    assert 0 < first["metrics"]["ab_auc_rebalanced"]["mean"] <= first["metrics"]["ab_auc"]["mean"] <= 1
    assert first["metrics"]["lpips"] is None
    assert "AlexNet" in first["not_computed"]["lpips"]
    assert "2,049 pictures" in first["not_computed"]["fid"]
    assert first["set_metrics"] == dict.fromkeys(load_protocol(DEFAULT).set_metrics)  # of four pictures none
    assert first["working_sizes"]["32"]["gain"] == first["metrics"]["gain"]  # tiny models work at 32
    assert set(first["definitions"]) == {*first["metrics"], *first["set_metrics"]}


def test_figures_of_another_protocol_go_into_a_file_of_their_own(model: Path, folder: Path) -> None:
    here = [str(model), "--data", str(folder), "--split", "train", "--write"]
    assert score.main(here) == 0
    usual = (model / "scores.json").read_bytes()
    assert score.main([*here, "--protocol", "colorhub-1"]) == 0
    assert (model / "scores.json").read_bytes() == usual
    before, now = json.loads((model / "scores.colorhub-1.json").read_text()), json.loads(usual)
    assert (before["protocol"], before["model"]["settings"]["restore"]) == ("colorhub-1", False)
    assert before["definitions"].items() <= now["definitions"].items()
    # The network sees a faded print in full tones under one of them alone.
    fading = [one["robustness"]["variants"]["fading"]["chroma_ratio"]["mean"] for one in (before, now)]
    assert fading[0] != fading[1]


def test_baselines_robustness_and_failures(model: Path, run: Callable[..., dict]) -> None:
    found = run(model)["entries"]["small"]
    base = found["baselines"]
    assert abs(base["grey"]["gain"]["mean"]) < 0.05  # the answer is rounded to 8 bits, what it is compared with is not
    assert base["grey"]["colorfulness"]["mean"] < 1
    assert base["grey"]["ssim"]["mean"] < base["original"]["ssim"]["mean"] == pytest.approx(1, abs=1e-3)
    assert base["grey"]["gain"]["mean"] < base["mean_color"]["gain"]["mean"]
    assert base["original"]["colorfulness"]["mean"] > 20
    assert base["original"]["ciede2000"]["mean"] < 0.1
    assert set(found["robustness"]["variants"]) == GREYS
    assert found["robustness"]["variants"]["lab"]["gain"] == found["metrics"]["gain"]
    assert found["robustness"]["pictures"] == 4
    assert sum(band["pixels"] for band in found["failures"]["skin"]["bands"]) > 300
    assert 0 <= found["failures"]["grey_collapse"]["rate"]["mean"] <= 1


@pytest.mark.slow
def test_own_pictures_score_as_the_model_does(model: Path, run: Callable[..., dict], tmp_path: Path) -> None:
    own = run(model, "--save", tmp_path / "saved")["entries"]["small"]
    assert {path.name for path in (tmp_path / "saved" / "grey").iterdir()} == {f"{i}.png" for i in range(4)}
    together = run(model, "--predictions", f"mine={tmp_path / 'saved' / 'small'}")
    mine = together["entries"]["mine"]
    assert mine["metrics"] == own["metrics"]
    assert mine["failures"] == own["failures"]
    assert mine["model"] == {"name": "mine", "predictions": "small"}
    assert all(row["p"] == 1 and not row["separated"] for row in together["comparisons"][0]["metrics"]["psnr"])
    grey = run("--predictions", f"dull={tmp_path / 'saved' / 'grey'}")["entries"]["dull"]
    assert grey["metrics"]["psnr"] == grey["baselines"]["grey"]["psnr"]


def test_remarks_on_predictions(
    folder: Path,
    run: Callable[..., dict],
    tmp_path: Path,
    pictures: list[np.ndarray],
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    Image.fromarray(pictures[0]).save(made / "0.jpg")
    Image.fromarray(pictures[1][:100]).save(made / "1.png")
    Image.fromarray(np.clip(pictures[2] * 0.8, 0, 255).astype(np.uint8)).save(made / "2.png")
    Image.fromarray(pictures[2]).save(made / "other.png")
    found = run("--predictions", f"theirs={made}")["entries"]["theirs"]
    remarks = {"missing": ["3"], "misshapen": ["1"], "unreadable": [], "lossy": ["0"], "extra": ["other.png"]}
    assert found["predictions"] == remarks
    assert found["metrics"]["lightness_error"]["n"] == 2
    assert found["metrics"]["lightness_error"]["mean"] > 3
    assert found["robustness"] is None
    printed = capsys.readouterr().out
    for key in ("1 missing: 3", "1 misshapen: 1", "1 lossy: 0", "1 extra: other.png", "1 grey pictures skipped: grey"):
        assert key in printed


def test_predictions_of_whole_pictures_are_cut_as_the_originals(run: Callable[..., dict], tmp_path: Path) -> None:
    for name in ("pictures", "made"):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(data.coffee()).save(tmp_path / name / "wide.png")
    found = run("--predictions", f"perfect={tmp_path / 'made'}")["entries"]["perfect"]
    assert found["predictions"]["misshapen"] == []
    assert found["metrics"]["ssim"]["n"] == 1
    assert found["metrics"]["ssim"]["mean"] == 1


def test_two_models_are_compared(
    model: Path, run: Callable[..., dict], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(model, save_tiny(tmp_path / "other", seed=1))
    rows = found["comparisons"][0]["metrics"]["psnr"]
    assert [(row["first"], row["second"], row["n"]) for row in rows] == [("small", "other", 4)]
    means = [found["entries"][name]["metrics"]["psnr"]["mean"] for name in ("small", "other")]
    assert rows[0]["mean"] == pytest.approx(means[0] - means[1], abs=2e-4)
    assert rows[0]["low"] <= rows[0]["mean"] <= rows[0]["high"]
    assert rows[0]["p_holm"] == rows[0]["p"]
    assert "rank 1" in capsys.readouterr().out


def test_a_run_goes_on_after_a_crash(
    model: Path, run: Callable[..., dict], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures_module, "CHUNK", 2)
    shutil.copy(folder / "0.png", folder / "4.png")
    whole = run(model)
    assert not list((tmp_path / "kept").glob("*/*"))  # what became scores is not kept
    answers, seen = ModelEntry.answers, []

    def fragile(entry: ModelEntry, chunk: list, size: int | None = None) -> list:
        if len(seen) == 2:
            raise OSError("the power went out")
        seen.append([one.name for one in chunk])
        return answers(entry, chunk, size)

    monkeypatch.setattr(ModelEntry, "answers", fragile)
    assert score.main([str(model), "--data", str(folder), "--split", "train"]) == 1
    seen.clear()
    resumed = run(model)
    assert seen == [["4"]]  # of chunks of 2, 2 and 1 pictures, the last was missing
    assert _without_timing(resumed) == _without_timing(whole)


def test_near_duplicates_in_training_data_are_counted(
    model: Path, run: Callable[..., dict], tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    seen = tmp_path / "seen" / "train"
    seen.mkdir(parents=True)
    Image.fromarray(data.immunohistochemistry()).save(seen / "a.png")
    mirrored = Image.fromarray(np.ascontiguousarray(pictures[2][:, ::-1]))
    mirrored.resize((90, 80)).save(seen / "b.jpg", quality=60)
    found = run(model, "--train-data", tmp_path / "seen")["entries"]["small"]["data"]["duplicates"]
    assert found["count"] == 1
    assert found["train_pictures"] == 2
    assert found["pictures"][0]["name"] == "2"
    assert found["pictures"][0]["train_row"] == 1


def test_bad_input_is_one_sentence(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "made").mkdir()
    Image.new("RGB", (256, 256)).save(tmp_path / "made" / "unknown.png")
    twice = tmp_path / "twice"
    twice.mkdir()
    for ending in ("png", "jpg"):
        Image.new("RGB", (256, 256)).save(twice / f"0.{ending}")
    here = ["--data", str(folder), "--split", "train"]
    cases = [
        ([str(model), "--data", "nosuch"], "nosuch"),
        (["unett", *here], "No model 'unett'"),
        ([str(model), "--data", str(tmp_path / "empty")], "empty"),
        ([str(model), *here, "--protocol", "colorhub-9"], "No protocol 'colorhub-9'. There are: colorhub-1"),
        ([str(model), *here, "--image-column", "photo"], "Use --image-column image"),
        (here, "Nothing to score"),
        ([*here, "--predictions", "theirs"], "NAME=DIR"),
        ([*here, "--predictions", f"theirs={tmp_path / 'nosuch'}"], "no such folder"),
        ([*here, "--predictions", f"theirs={tmp_path / 'made'}"], "no file is named like"),
        ([*here, "--predictions", f"theirs={twice}"], "answer the same picture"),
        ([*here, "--predictions", f"a={folder}", f"a={folder}"], "Two entries are named 'a'"),
    ]
    for arguments, expected in cases:
        assert score.main(arguments) == 1, expected
        said = capsys.readouterr().err
        assert expected in said
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("missing", [["--data", "FOLDER", "nosuch"], ["--data", "FOLDER", "--train-data", "nosuch"]])
def test_missing_data_is_said_before_any_picture_is_scored(
    model: Path, folder: Path, missing: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = [str(folder) if word == "FOLDER" else word for word in missing]
    greys = tmp_path / "saved"
    assert score.main([str(model), *arguments, "--split", "train", "--save", str(greys)]) == 1
    said = capsys.readouterr()
    assert "No data named 'nosuch'" in said.err
    assert said.out == ""  # no table
    assert not greys.exists()  # written before the first picture is scored


def test_only_grey_pictures_are_refused(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "greys"
    folder.mkdir()
    Image.new("L", (64, 64), 80).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    assert score.main([str(model), "--data", str(folder), "--split", "train"]) == 1
    assert "1 grey and 1 broken ones" in capsys.readouterr().err
