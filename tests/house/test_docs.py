"""The documentation as it is built: strictly, offline, and with nothing on its pages that is loaded from elsewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from snippets import snippet, without_installs
from typer.main import get_command

from colorhub.cli.main import app
from training.config import Crop, Data, Optimizer, ParameterGroup, Recipe, Run
from training.objectives import TASK_SECTIONS
from training.readme import model_folders

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
_IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')]+)""")


class Loads(HTMLParser):
    """What a browser fetches for a page by itself, and the names of its places."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.ids.add(given.get("id") or "")
        if tag in _LOADING and given.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(given.get(_LOADING[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, by the documentation's own command."""
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = f"{without_installs(snippet('why.md', 'docs'))} --site-dir '{folder}'"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: Loads(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 30
    assert {address for page in pages.values() for address in page.addresses if "//" in address} == set()
    styles = [found for path in site.rglob("*.css") for found in _IN_STYLES.findall(path.read_text(encoding="utf-8"))]
    assert styles == []


def test_every_public_name_has_a_place(site: Path) -> None:
    """Where a name is an alias, the place is that of the module which defines it: the last word is the same."""
    ids = {found for path in (site / "api").rglob("*.html") for found in Loads(path.read_text(encoding="utf-8")).ids}
    last = {name.rpartition(".")[2] for name in ids if name.startswith("colorhub.")}
    listed = (ROOT / "tests/house/public_names.txt").read_text(encoding="utf-8").split()
    assert {name for name in listed if name.rpartition(".")[2] not in last} == set()


def test_every_command_and_option_is_listed(site: Path) -> None:
    page = unescape((site / "api/command-line/index.html").read_text(encoding="utf-8"))
    known = [words for words in commands(get_command(app)) if not words[-1].deprecated]
    assert len(known) > 15
    for words in known:
        place = "-".join(("colorhub", *(one.name for one in words)))
        section = page.split(f'id="{place}"')[1].split("<h2")[0]
        options = {name for one in words[-1].params for name in one.opts if name[0] == "-" and not one.hidden}
        assert {name for name in options if name not in section} == set(), words[-1].name


def commands(group: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for one in group.commands.values():
        yield (*above, one)
        if hasattr(one, "commands"):
            yield from commands(one, (*above, one))


def test_every_setting_of_a_recipe_is_listed(site: Path) -> None:
    page = (site / "train/index.html").read_text(encoding="utf-8")
    sections = (Recipe, Data, Crop, Optimizer, Run, ParameterGroup, *TASK_SECTIONS.values())
    names = {name for section in sections for name in section.model_fields}
    assert {name for name in names if f"<td><code>{name}</code></td>" not in page} == {
        *("parts", "model", "data", "crops", "task", "optimizer", "run")  # sections, which have tables of their own
    }
    assert "<td>part of the pictures whose grey is made by a random film response</td>" in page


def test_every_model_has_its_card_and_its_pictures(site: Path) -> None:
    for folder in model_folders():
        page = site / "models" / folder.name / "index.html"
        assert (page.parent / "samples.webp").read_bytes() == (folder / "samples.webp").read_bytes()
        assert folder.name in page.read_text(encoding="utf-8")
    assert len(list((site / "gallery").glob("*-original.webp"))) >= 10
