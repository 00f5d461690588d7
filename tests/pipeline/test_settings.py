"""Settings: checked when they are made, one set of defaults, saved and loaded, and the words of version 0.1."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colorhub import Settings, SettingsError
from colorhub.settings import FIELDS


def test_every_field_is_described() -> None:
    documented = inspect.getdoc(Settings) or ""
    for name, info in FIELDS.items():
        assert re.search(rf"^    {name}: ", documented, re.MULTILINE), name
        assert info.help.endswith(".")
        assert getattr(Settings(), name) == info.default


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"size": 15}, "size must be a whole number between 16 and 4096 pixels, got 15."),
        ({"size": 96.5}, "size must be a whole number"),
        ({"size": True}, "size must be a whole number"),
        ({"views": 2}, "views must be 1 or 3, got 2."),
        ({"restore": "auto"}, "restore must be True or False, got 'auto'."),
        ({"vividness": 4.1}, "vividness must be a number between 0 and 4, got 4.1."),
        ({"vividness": float("nan")}, "vividness must be a number between 0 and 4, got nan."),
        ({"vividness": None}, "vividness must be a number"),
        ({"temperature": -1}, "temperature must be a number between 0 and 4, got -1."),
        ({"samples": 0}, "samples must be a whole number between 1 and 64, got 0."),
        ({"seed": -1}, "seed must be"),
        ({"in_color": "never"}, "in_color must be 'auto' or 'recolor' or 'keep', got 'never'."),
        ({"format": "doc"}, "'doc' is no picture format that can be written"),
        ({"quality": 101}, "quality must be a whole number between 1 and 100, got 101."),
        ({"record": 1}, "record must be True or False, got 1."),
        ({"model": ""}, "model must be a name"),
        ({"size": 10**400}, "size must be a whole number between 16 and 4096 pixels, got 1000"),
        ({"size": 10**5000}, "got a number of thousands of digits"),
        ({"size": np.zeros(3)}, "size must be a whole number"),
        ({"samples": 2, "temperature": 0}, "temperature must be above 0 for samples"),
    ],
)
def test_what_cannot_be_is_one_sentence(given: dict[str, Any], words: str) -> None:
    for make in (lambda: Settings(**given), lambda: Settings().changed(**given)):
        with pytest.raises(SettingsError) as refused:
            make()
        assert words in str(refused.value)
        assert "\n" not in str(refused.value)


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"no setting 'vivid'\. Did you mean 'vividness'\?"):
        Settings().changed(vivid=2)


def test_numbers_come_out_of_their_own_kind() -> None:
    settings = Settings(size=64.0, vividness=1)  # type: ignore[arg-type]
    assert (type(settings.size), type(settings.vividness)) == (int, float)
    assert settings == Settings(size=64)
    assert hash(settings) == hash(Settings(size=64))
    found = Settings(size=np.int64(64), vividness=np.float32(1.5))  # type: ignore[arg-type]
    assert (type(found.size), found.vividness, type(found.vividness)) == (int, 1.5, float)
    assert Settings(model=Path("runs/mine")).model == "runs/mine"  # type: ignore[arg-type]


def test_saved_and_loaded(tmp_path: Path) -> None:
    settings = Settings("eccv16", 96, 3, False, 1.2, 0.4, 2, 7, "recolor", "png", 80, False)
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    settings.save(tmp_path / "settings.json")
    assert Settings.load(tmp_path / "settings.json") == settings
    assert Settings.from_dict({}) == Settings()


@pytest.mark.parametrize("values", [None, [1], "size", {"self": 1}, {1: 1}])
def test_a_dictionary_of_something_else_is_one_sentence(values: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_dict(values)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"kind": "colorhub settings", "version": 1, "sett', "was cut short"),
        ("[1, 2]", "of another kind"),
        ('{"kind": "recipe"}', "of another kind"),
        ('{"kind": "colorhub settings", "version": "1", "settings": {}}', "is damaged"),
        ('{"kind": "colorhub settings", "version": 2, "settings": {}}', "install a newer one"),
        ('{"kind": "colorhub settings", "version": 1, "settings": {"vividnes": 1}}', "Did you mean 'vividness'"),
        ('{"kind": "colorhub settings", "version": 1, "settings": {"self": 1}}', "There is no setting 'self'"),
        ('{"kind": "colorhub settings", "version": 1, "settings": {"seed": 1%s}}' % ("0" * 400), "seed must be"),
        ('{"kind": "colorhub settings", "version": 1, "settings": {"size": 9}}', "between 16 and 4096 pixels"),
    ],
)
def test_a_file_that_cannot_be_used_names_itself(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        Settings.load(path)
    assert words in str(refused.value)
    assert "mine.json" in str(refused.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json cannot be read \(No such file"):
        Settings.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"normalize": None}, {"restore": False}),
        ({"normalize": "auto"}, {"restore": True}),
        ({"size": "auto"}, {"views": 3}),
        ({"recolor": True}, {"in_color": "recolor"}),
        ({"recolor": False}, {"in_color": "auto"}),
        ({"provenance": False}, {"record": False}),
    ],
)
def test_words_of_version_0_1_are_taken_with_a_warning(before: dict[str, Any], now: dict[str, Any]) -> None:
    with pytest.warns(
        FutureWarning, match=f"^{next(iter(before))}=.* is now {next(iter(now))}=|is now size=None, views=3"
    ):
        assert Settings().changed(**before) == Settings(**now)
