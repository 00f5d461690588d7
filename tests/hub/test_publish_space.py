"""Publishing the Space: exactly what the page needs, and the published models in it."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import typed
from gradio_client import Client, handle_file
from huggingface_hub import SpaceCard, hf_hub_download
from local_hub import LocalHub
from photos import grey_photo
from PIL import Image
from snippets import snippet
from space_server import serve
from typer.testing import Result

from colorhub.hub.cards import write_card
from colorhub.hub.publish import PublishError
from colorhub.hub.publish.space import space_files, with_models
from colorhub.hub.published import Published
from colorhub.models import create

ROOT = Path(__file__).resolve().parents[2]
ENTRY = Published("owner/unet", "a" * 40, "unet", "apache-2.0", "small, fast")
NOT_FOR_THE_PAGE = (
    "archive/",
    "cluster/",
    "hub/cards/",
    "cli/",
    "hub/contract.py",
    "export/",
    "folder/",
    "hub/publish/",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    create("unet", width=8, depth=4, working_size=64).save_pretrained(tmp_path / "tiny-unet")
    write_card(tmp_path / "tiny-unet")
    return tmp_path / "tiny-unet"


def publish(*arguments: object, code: int = 0) -> Result:
    return typed("publish", *arguments, code=code)


def test_what_the_page_needs_and_nothing_else() -> None:
    files = space_files({"unet": ENTRY})
    listed = subprocess.run(["git", "ls-files", "colorhub"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    listed = listed or [
        path.relative_to(ROOT).as_posix() for path in (ROOT / "colorhub").rglob("*.*") if path.is_file()
    ]
    package = {path for path in listed if not path.startswith(tuple(f"colorhub/{name}" for name in NOT_FOR_THE_PAGE))}
    package = {path for path in package if (ROOT / path).is_file() and not path.endswith((".pyc", "py.typed"))}
    assert set(files) >= {"app.py", "requirements.txt", "LICENSE", "README.md", *package}
    assert all(
        path.startswith("colorhub/") for path in set(files) - {"app.py", "requirements.txt", "LICENSE", "README.md"}
    )
    sizes = [len(content) if isinstance(content, bytes) else content.stat().st_size for content in files.values()]
    assert max(sizes) < 50_000  # no weights, no pictures
    assert sum(sizes) < 1_300_000


def test_its_header_fetches_the_models_at_their_revisions() -> None:
    text = space_files({"unet": ENTRY})["README.md"].decode()
    ours, theirs = SpaceCard.load(ROOT / "README.md").data.to_dict(), SpaceCard(text).data.to_dict()
    assert theirs.pop("models") == ["owner/unet"]
    assert theirs.pop("preload_from_hub") == [f"owner/unet config.json,model.safetensors {'a' * 40}"]
    assert theirs == {key: value for key, value in ours.items() if key != "models"}
    assert "https://huggingface.co/owner/unet" in text


def test_the_list_of_models_is_python_again() -> None:
    source = (ROOT / "colorhub/hub/published.py").read_text()
    for models in ({"unet": ENTRY}, {"unet": ENTRY, "it's": ENTRY._replace(summary='a "quoted" one')}):
        source = with_models(source, models)  # also on top of an earlier list
        names: dict[str, object] = {}
        exec(compile(source, "published.py", "exec"), names)
        assert names["PUBLISHED"] == models


def test_a_space_needs_a_clone_and_a_model(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"has no app\.py: run the command there"):
        space_files({"unet": ENTRY}, tmp_path)
    with pytest.raises(PublishError, match="The Space has no model to offer: publish one in the same command"):
        space_files({})


def test_it_goes_up_once(hub: LocalHub, model: Path) -> None:
    publish(model, "--org", "owner", "--space", "owner/page")
    commit = hub.commits("owner/tiny-unet")[-1].oid
    files = hub.files("owner/page", kind="space")
    assert SpaceCard(files["README.md"].decode()).data.preload_from_hub[-1].endswith(commit)
    assert b"owner/tiny-unet" in files["colorhub/hub/published.py"]
    before = len(hub.writes())
    said = publish(model, "--org", "owner", "--space", "owner/page").stdout
    assert "space owner/page: unchanged" in said
    assert hub.writes()[before:] == []
    hub.push("owner/page", {**files, "left_over.py": b"old"}, kind="space")
    publish(model, "--org", "owner", "--space", "owner/page")
    assert hub.files("owner/page", kind="space") == files


def test_somebody_elses_space_is_left_alone(hub: LocalHub, model: Path) -> None:
    hub.add("owner/page", {"app.py": b"print(1)"}, kind="space")
    said = publish(model, "--org", "owner", "--space", "owner/page", code=1).stderr
    assert "owner/page exists already and holds a Space that is not colorhub's: nothing was published" in said
    assert ("model", "owner/tiny-unet") not in hub.repositories
    assert "'page' cannot be the name of a repository" in publish("--space", "page", code=1).stderr


def test_a_dry_run_of_the_space(hub: LocalHub, model: Path) -> None:
    said = publish(model, "--org", "owner", "--space", "owner/page", "--dry-run").stdout
    assert "space owner/page: would be published, new and public" in said
    assert hub.writes() == []


@pytest.mark.parametrize(
    ("token", "arguments", "hardware"),
    [
        ("hf_owner", [], "zero-a10g"),
        ("hf_free", [], "zero-a10g"),
        ("hf_pro", [], "cpu-basic"),
        ("hf_owner", ["--hardware", "t4-small"], "t4-small"),
    ],
)
def test_a_new_space_runs_on_what_is_free(
    hub: LocalHub, model: Path, monkeypatch: pytest.MonkeyPatch, token: str, arguments: list[str], hardware: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    owner = hub.accounts[token].name
    said = publish(model, "--org", owner, "--space", f"{owner}/page", *arguments).stdout
    assert f"space {owner}/page: created on {hardware}\n" in said
    assert hub.repositories["space", f"{owner}/page"].hardware == hardware
    assert "app.py" in hub.files(f"{owner}/page", kind="space")


@pytest.mark.parametrize(
    ("token", "arguments", "tried"),
    [("hf_new", [], "zero-a10g or cpu-basic"), ("hf_free", ["--hardware", "cpu-basic"], "cpu-basic")],
)
def test_a_plan_that_allows_no_space_is_told_before_anything_goes_up(
    hub: LocalHub, model: Path, monkeypatch: pytest.MonkeyPatch, token: str, arguments: list[str], tried: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    owner = hub.accounts[token].name
    said = publish(model, "--org", owner, "--space", f"{owner}/page", *arguments, code=1).stderr
    assert said.startswith(f"Error: The plan of {owner} allows no new Gradio Space on {tried}, and nothing was publish")
    assert "subscribe to PRO (a person), Team or Enterprise (an organization)" in said
    assert said.count("\n") == 1
    assert hub.repositories == {}


def test_hardware_that_cannot_be(hub: LocalHub, model: Path) -> None:
    assert "--hardware is for a Space" in publish(model, "--org=owner", "--hardware=cpu-basic", code=2).stderr
    said = publish(model, "--org=owner", "--space=owner/page", "--hardware=zero-a10", code=1).stderr
    assert "There is no hardware 'zero-a10' on the Hub. Did you mean 'zero-a10g'?" in said
    assert hub.log == []
    publish(model, "--org", "owner", "--space", "owner/page")
    said = publish(model, "--org=owner", "--space=owner/page", "--hardware=cpu-basic", code=1).stderr
    assert "The Space owner/page exists already: change its hardware in its settings" in said


@pytest.mark.slow
def test_the_published_page_colours_a_photo(hub: LocalHub, model: Path, tmp_path: Path) -> None:
    """As the Hub runs it: its files alone, the models fetched while it was built, and no network afterwards."""
    publish(model, "--org", "owner", "--space", "owner/page")
    place = tmp_path / "space"
    for path, content in hub.files("owner/page", kind="space").items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    for line in SpaceCard.load(place / "README.md").data.preload_from_hub:
        repo_id, names, revision = line.split()
        for name in names.split(","):
            hf_hub_download(repo_id, name, revision=revision)
    shutil.rmtree(tmp_path / "tiny-unet")
    grey_photo().save(tmp_path / "cat.png")
    hub.close()
    with serve(tmp_path / "server", tmp_path / "no-models", root=place) as served:
        found = Client(served.url, verbose=False).predict(handle_file(tmp_path / "cat.png"), api_name="/colorize")
        answer = Image.open(found).convert("RGB")
        assert answer.size == (451, 300)
        assert any(low != high for low, high in zip(*[c.getextrema() for c in answer.split()[:2]], strict=True))


def test_the_lines_of_the_documentation(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create("unet", width=8, depth=4, working_size=64).save_pretrained(tmp_path / "models" / "natural")
    write_card(tmp_path / "models" / "natural")
    monkeypatch.setenv("COLORHUB_MODELS", str(tmp_path / "models"))
    lines = [shlex.split(line) for line in snippet("deploy.md", "space").splitlines()]
    assert [line[:2] for line in lines] == [["colorhub", "publish"]] * 2
    for line in lines:
        publish(*(word.replace("ORG", "our-org") for word in line[2:]))
    assert set(hub.repositories) == {("model", "our-org/natural"), ("space", "our-org/colorhub")}
    assert len(hub.commits("our-org/natural")) == 2  # the Hub's own, and one of two lines
