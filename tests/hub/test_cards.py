"""Model cards: every figure comes from the files, the Hub can read the metadata, and nothing unknown is printed."""

import json
import re
from pathlib import Path

import pytest
import yaml
from commands import typed
from huggingface_hub import EvalResultEntry, ModelCard
from huggingface_hub import _eval_results as hub_results
from tiny import save_tiny

from colorhub import ColorizationPipeline
from colorhub.hub.cards import CardError, card_documents, stale_documents, write_card
from colorhub.hub.cards.tables import METRICS, SET_METRICS
from colorhub.hub.loading import list_models
from colorhub.hub.publish import check_folder
from colorhub.models import MODELS
from training.scoring.protocol import FOLDER as PROTOCOLS
from training.scoring.protocol import load_protocol

BUNDLED = [Path(info.location) for info in list_models() if info.source == "bundled"]
INTERVAL = {"mean": 1.23456, "low": 0.98765, "high": 1.5, "n": 7}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model with made-up scores on two sources."""
    folder = tmp_path / "tiny-net"
    save_tiny(folder, "eccv16")
    (folder / "README.md").unlink()
    section = {
        "data": {"source": "photos", "split": "test", "pictures": 1234},
        "metrics": {"psnr": {**INTERVAL, "mean": 23.456}, "gain": INTERVAL, "lpips": None},
        "not_computed": {"lpips": "needs torchvision's AlexNet", "fid": "needs at least 2,049 pictures"},
        "set_metrics": {"fid": None, "kid": {"value": 0.0421, "baselines": {"grey": 0.08}}},
        "baselines": {"grey": {"psnr": {"mean": 21.5}, "gain": {"mean": -0.0001}}, "original": {}, "mean_color": {}},
        "robustness": {"pictures": 9, "variants": {"luma": {"gain": INTERVAL}}},
        "failures": {
            "grey_collapse": {"definition": "mean chroma below 0.2", "rate": {**INTERVAL, "mean": 0.125}},
            "skin": {
                "bands": [{"lightness": [0, 40], "hue_error": INTERVAL, "chroma_error": INTERVAL}],
                "one_color": [{"lightness": [0, 40], "hue_error": INTERVAL, "chroma_error": INTERVAL}],
            },
            "people": None,
        },
        "timing": {"milliseconds_per_picture": 12.3, "device": "cpu", "threads": 2, "peak_memory_mb": 345.6},
    }
    other = {**section, "data": {"source": "owner/name", "split": "test", "pictures": 12}, "failures": None}
    model = {"parameters": 7654321, "working_size": 32}
    scores = {"protocol": "colorhub-2", "model": model, **section, "also": [other]}
    (folder / "scores.json").write_text(json.dumps(scores))
    stage = {
        "recipe": "mine",
        "steps": 5000,
        "pictures": 80000,
        "hours": 1.26,
        "hardware": "a GPU",
        "precision": "bf16",
    }
    (folder / "training.json").write_text(json.dumps({"stages": [stage, {**stage, "backbone_weights": "lite2.pth"}]}))
    return folder


def test_every_metric_of_a_protocol_is_in_cards_or_left_out_on_purpose() -> None:
    left_out = {"lightness_error", "colorfulness_difference", "colorfulness_absolute"}
    protocols = [load_protocol(path.stem) for path in PROTOCOLS.glob("*.toml")]
    assert len(protocols) > 3
    for protocol in protocols:
        assert set(protocol.metrics) - set(METRICS) <= left_out, protocol.name
        assert set(protocol.set_metrics) <= set(SET_METRICS), protocol.name


@pytest.mark.parametrize("bundled", BUNDLED, ids=lambda path: path.name)
def test_bundled_cards_are_what_the_program_writes(bundled: Path) -> None:
    assert stale_documents(bundled) == [], f"run: colorhub card {bundled.name}"


@pytest.mark.parametrize("bundled", BUNDLED, ids=lambda path: path.name)
def test_bundled_cards_say_what_people_ask(bundled: Path) -> None:
    text = (bundled / "README.md").read_text(encoding="utf-8")
    for heading in ("How well it does", "How it was trained", "Where it fails", "Use and misuse"):
        assert f"\n## {heading}\n" in text
    assert "Nothing is known" not in text
    assert "terms" in text
    assert re.search(r"pictures, .* (hours|minutes) on", text)
    assert "Not measured yet" not in text
    assert (bundled / "samples.webp").is_file()
    assert "TODO" not in text


@pytest.mark.parametrize("bundled", BUNDLED, ids=lambda path: path.name)
def test_the_lines_of_a_bundled_card_run(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skimage.data import astronaut
    from skimage.io import imsave

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLORHUB_MODELS", raising=False)
    imsave("scan.jpg", astronaut()[::8, ::8])
    code = re.search(r"```python\n(.*?)```", (bundled / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    exec(compile(code.group(1), "card", "exec"), {})
    assert Path("scan-in-colour.jpg").is_file()


def test_figures_are_those_of_the_files(folder: Path) -> None:
    write_card(folder)
    text = (folder / "README.md").read_text()
    assert "| PSNR, dB | 23.46 [0.99, 1.50] | 21.50 | - | - |" in text
    assert "| gain over no colour, dB | 1.23 [0.99, 1.50] | 0.00 | - | - |" in text  # not -0.00
    assert "| KID | 0.042 | 0.080 | - | - |" in text
    assert "LPIPS: not computed: needs torchvision's AlexNet." in text
    assert "FID: not computed: needs at least 2,049 pictures." in text
    assert "On 1,234 of photos/test:" in text
    assert "On 12 of owner/name/test:" in text
    assert "| luma (Rec. 601) | 1.23 [0.99, 1.50] | not computed |" in text
    assert "- photos: 12.5 % [98.8, 150.0] of answers are nearly grey (mean chroma below 0.2)." in text
    assert "L* 0 to 40: hue off by 1.2 [1.0, 1.5] degrees (one colour for all skin: 1.2), chroma by +1.2" in text
    assert "12 ms a picture on cpu, 2 threads; 346 MB of memory" in text
    assert "- `mine`: 5,000 steps, 80,000 pictures, 1.3 hours on a GPU in bf16." in text
    assert "1.3 hours on a GPU in bf16; its backbone began with the pre-trained weights lite2.pth." in text
    assert "7,654,321 parameters" in text
    assert stale_documents(folder) == []
    scores = json.loads((folder / "scores.json").read_text())
    scores["metrics"]["psnr"]["mean"] += 0.1
    (folder / "scores.json").write_text(json.dumps(scores))
    assert [path.name for path in stale_documents(folder)] == ["README.md", "colorhub.yaml"]


def test_the_hub_reads_the_figures_back(folder: Path) -> None:
    write_card(folder)
    data = ModelCard.load(folder / "README.md").data
    assert (data.pipeline_tag, data.library_name, data.license) == ("image-to-image", "colorhub", "apache-2.0")
    assert "eccv16" in data.tags
    found = {(one.dataset_type, one.metric_type): one.metric_value for one in data.eval_results}
    assert found["local/photos", "psnr"] == 23.46
    assert found["owner/name", "gain"] == 1.23
    assert {one.metric_config for one in data.eval_results} == {"colorhub-2"}
    entries = yaml.safe_load((folder / ".eval_results" / "colorhub.yaml").read_text())
    parsed: list[EvalResultEntry] = hub_results.parse_eval_result_entries(entries)
    assert {(one.dataset_id, one.task_id): one.value for one in parsed} == found


def test_words_of_the_card(folder: Path) -> None:
    (folder / "card.toml").write_text(
        'about = "A net of {{ config.width }} channels."\nlicense = "mit"\n'
        'tags = ["faces"]\nfails = ["At {{ name }}."]\n'
        'base_model = "timm/tf_efficientnet_lite2.in1k"\n'
        'data = "Some."\ncitation = "@misc{x}"\nuse = "Ask first."\ncode = "print(1)"\ntraining = "Slowly."'
    )
    write_card(folder)
    text = (folder / "README.md").read_text()
    width = json.loads((folder / "config.json").read_text())["width"]
    for words in (
        f"A net of {width} channels.",
        "- At tiny-net.",
        "**Training data.** Some.",
        "@misc{x}",
        "Ask first.",
    ):
        assert words in text
    assert "print(1)" in text
    assert "license: mit" in text
    assert "- faces" in text
    assert ModelCard.load(folder / "README.md").data.base_model == "timm/tf_efficientnet_lite2.in1k"


def test_what_a_judge_says_is_in_the_card(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text())
    kernel = {"value": 5.2, "low": 4.1, "high": 6.4, "all_pairs": 4.0, "n": 7}
    point = {"vividness": 1.0, "colorfulness": {**INTERVAL, "mean": 20.04}, "gain": INTERVAL, "kid-lite1": kernel}
    scores["curve"] = {"points": [point], "at_colorfulness": {"27": None}}
    scores["set_metrics"]["kid-lite1"] = {**kernel, "baselines": {"grey": 31.6}}
    scores["recognition"] = {
        **dict.fromkeys(("answer", "grey", "original", "over_original"), INTERVAL),
        "over_grey": {**INTERVAL, "low": -0.5},
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    text = next(text for path, text in card_documents(folder).items() if path.name == "README.md")
    assert "| KID-Lite1, x 1,000 | 5.200 [4.100, 6.400] | 31.600 | - | - |" in text
    assert "| vividness | colourfulness | gain over no colour, dB | KID-Lite1, x 1,000 |" in text
    assert "| 1 | 20.0 [1.0, 1.5] | 1.23 [0.99, 1.50] | 5.20 [4.10, 6.40] |" in text
    assert "| for colourfulness 27 | not reached | not reached | not reached |" in text
    assert "7 labelled pictures" in text
    assert "picture by picture: +1.235 [-0.500, +1.500]. It may have seen" in text


def test_a_run_says_what_it_knows(tmp_path: Path) -> None:
    best = tmp_path / "runs" / "my-photos" / "best"
    save_tiny(best)
    earlier = {"recipe": "natural", "steps": 9, "pictures": 99, "hours": 2.04, "hardware": "a GPU", "precision": "fp32"}
    own = {**earlier, "recipe": "my-photos", "file": "fine-tune", "hours": 0.0061}
    own["overrides"] = ['data.train=["my photos/"]', "name=my-photos", "run.steps=20"]
    own["data"] = {"train": ["my photos/"], "pictures": 1263}
    (best / "training.json").write_text(json.dumps({"stages": [earlier, own]}))
    write_card(best)
    text = (best / "README.md").read_text()
    assert "\n# my-photos\n" in text
    assert "training/recipes/natural.toml\n" in text
    given = "'data.train=[\"my photos/\"]' name=my-photos run.steps=20"
    assert f"accelerate launch training/train.py training/recipes/fine-tune.toml {given}\n" in text
    assert "`natural`: 9 steps, 99 pictures, 2.0 hours on a GPU" in text
    assert "less than a minute on a GPU" in text
    assert "**Training data.** 1,263 pictures of `my photos/`, for `my-photos`. Under which terms they stand" in text
    for hours, words in ((0.0167, "1 minute"), (0.485, "29 minutes"), (1.0, "1.0 hours")):
        (best / "training.json").write_text(json.dumps({"stages": [{**own, "hours": hours}]}))
        write_card(best)
        assert f"99 pictures, {words} on a GPU" in (best / "README.md").read_text()
    assert check_folder(str(best)).name == "my-photos"  # published under the name that its card has


def test_a_model_without_scores_or_words(tmp_path: Path) -> None:
    save_tiny(tmp_path / "new")
    assert [path.name for path in write_card(tmp_path / "new")] == ["README.md"]
    text = (tmp_path / "new" / "README.md").read_text()
    assert "Not measured yet" in text
    assert (MODELS["unet"].__doc__ or "").strip().split("\n")[0] in text
    assert ColorizationPipeline(str(tmp_path / "new")).name == "new"
    assert write_card(tmp_path / "new") == []


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("card.toml", 'abuot = "x"', "unknown key 'abuot'; there are summary, label, about"),
        ("card.toml", "about = 3", "about must be a text"),
        ("card.toml", "tags = [3]", "tags must be a list of texts"),
        ("card.toml", "about = ", "is not readable TOML"),
        ("card.toml", 'about = "{{ nmae }}"', "Unknown field 'nmae' in a card: there are architecture, config"),
        ("card.toml", 'about = "{{ config.wdith }}"', "cannot be written: 'dict object' has no attribute 'wdith'"),
        ("card.toml", 'about = "{{ name"', "cannot be written"),
        ("scores.json", "{", "scores.json is not readable JSON"),
        ("scores.json", "[]", "must hold a JSON object"),
        ("scores.json", '{"protocol": "x"}', "is not what python -m training.score writes"),
        ("config.json", "{", "config.json"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, file: str, content: str, words: str) -> None:
    (folder / file).write_text(content)
    with pytest.raises(CardError, match=re.escape(words)):
        card_documents(folder)


def test_an_unknown_field_of_the_template_is_an_error(folder: Path) -> None:
    with pytest.raises(CardError, match="Unknown field 'colour' in a card"):
        card_documents(folder, template="{% if False %}{{ colour }}{% endif %}")


def test_the_command(folder: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = typed("card", *arguments)
        return result.exit_code, result.output

    code, said = run(str(folder), "--check")
    assert code == 1
    assert "out of date" in said
    assert not (folder / "README.md").exists()
    code, said = run(str(folder))
    assert code == 0
    assert said.count("written: ") == 2
    assert run(str(folder), "--check") == (0, "")
    assert run(str(folder)) == (0, "")
    code, said = run("no-such-model")
    assert code == 2
    assert "No model 'no-such-model'" in said
