"""The user study of the documentation, from its study.toml to published data, typed with smaller numbers."""

import shlex
from pathlib import Path

import pytest
from commands import typed
from local_hub import LocalHub
from PIL import Image
from skimage import data
from snippets import snippet, texts
from study_commands import answer, move_to, opened

from colorhub.models import create
from colorhub.study.design.config import config_of, load_config
from colorhub.study.studies import open_study

SMALLER = {
    "images = 400": "images = 12\npractice = 2\nattention = 2\nsize = 64",
    "per_rater = 40": "per_rater = 6",
    "effect = 8": "effect = 50",
    "raters = 100": "raters = 30",
    "withdraw_until = 2031-01-31": "withdraw_until = 2020-01-31",
    "ORG/": "our-org/",
}


PARTS = {
    "toml": snippet("study.md", "study: toml"),
    "make": snippet("study.md", "study: make"),
    "end": snippet("study.md", "study: end"),
    "small": snippet("study.md", "study: small"),
    "try": snippet("study.md", "study: try"),
}


def smaller(text: str) -> str:
    for old, new in SMALLER.items():
        text = text.replace(old, new)
    return text


def type_in(block: str, **replaced: str) -> list[str]:
    """Run every ``colorhub`` line of a block; what each printed."""
    said = []
    for line in smaller(PARTS[block]).replace("\\\n", "").splitlines():
        words, target = shlex.split(line, comments=True), None
        if words[:1] != ["colorhub"]:
            continue
        if ">" in words:
            target, words = words[-1], words[:-2]
        words = [replaced.get(word, word) for word in words[1:]]
        result = typed(*words, *(["--yes"] if "close" in words else []), code=0)
        said.append(result.stdout)
        if target:
            Path(target).write_text(result.stdout)
    return said


def test_its_numbers_can_be_used_together(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(PARTS["toml"])
    config = load_config(tmp_path / "study.toml")
    assert (config.design.images, config.stopping.date, config.primary.effect) == (400, "2030-12-31", 8)
    assert config_of(config.to_dict()) == config


def test_the_page_says_how_many_photographs_it_takes(tmp_path: Path) -> None:
    designs = []
    for part in ("toml", "small"):
        (tmp_path / f"{part}.toml").write_text(PARTS[part])
        designs.append(load_config(tmp_path / f"{part}.toml").design)
    usual, few = (design.images + design.practice + design.attention for design in designs)
    said = " ".join(texts()["study.md"].split())
    assert f"needs {usual} photographs in colour of at least {designs[0].size} pixels" in said
    assert f"`images`, {designs[0].practice} for practice and {designs[0].attention} to see" in said
    assert f"gets along with {few}," in said


@pytest.mark.slow
def test_small_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_to(tmp_path / "studies", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    for name in ("natural", "unet"):
        create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / name)
    Path("study.toml").write_text(PARTS["small"])
    given = ("--models", "natural,unet", "--config", "study.toml", "--size", "96")
    made = typed("study", "create", "small", "--photos", "packaged", *given, code=0)
    assert "stimuli" in made.stdout
    assert "It names no organizer and no contact" in made.stderr
    [made_to_try] = type_in("try")
    assert "stimuli" in made_to_try


@pytest.mark.slow
def test_a_study_by_the_documentation(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_to(tmp_path / "studies", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    create("unet", width=4, depth=3).save_pretrained(tmp_path / "models" / "unet")
    create("eccv16", width=4, working_size=32).save_pretrained(tmp_path / "models" / "natural")
    (tmp_path / "photos").mkdir()
    for number in range(48):  # some are not surely in colour
        photo = (data.astronaut(), data.coffee(), data.rocket())[number % 3]
        top, left = 90 * (number // 12), 120 * (number // 3 % 4)
        Image.fromarray(photo[top : top + 128, left : left + 128]).save(tmp_path / "photos" / f"{number}.png")
    Path("study.toml").write_text(smaller(PARTS["toml"]))

    power, made, _, backup = type_in("make")
    assert "raters, 400 images" in power
    assert "stimuli" in made
    assert Path("prereg.md").read_text().startswith("# Preregistration of the study faces\n")
    assert hub.repositories["dataset", "our-org/faces-backup"].private
    assert "backup of faces" in backup

    store = opened(open_study("faces"))
    tokens = [store.begin("faces").token for _ in range(4)]
    for token in tokens:
        answer(store, token)
    code = store.result(tokens[0])["withdrawal_code"]
    closed, report, published, withdrawn = type_in("end", **{"7K2M-0QXW-4C9T-HB5E": code})
    assert "enough" in closed
    assert "originals" in report
    assert "24 trials" in published
    assert "data/trials.parquet" in hub.files("our-org/faces", "dataset")
    assert "the next revision without" in withdrawn
