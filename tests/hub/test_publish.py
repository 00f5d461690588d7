"""``colorhub publish`` against a Hub on loopback: what goes up, what comes back, what is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import torch
from commands import typed
from local_hub import Fault, LocalHub
from tiny import save_tiny
from typer.testing import Result

from colorhub.hub.cards import write_card
from colorhub.hub.loading import list_models, load
from colorhub.hub.publish import PublishError, check_folder
from colorhub.models import MODELS

Run = Callable[..., Result]
BUNDLED = [info.name for info in list_models() if info.source == "bundled"]


@pytest.fixture
def run(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``colorhub publish`` against the local Hub; no waiting between attempts."""
    monkeypatch.delenv("COLORHUB_MODELS", raising=False)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)

    def publish(*arguments: object, code: int = 0) -> Result:
        return typed("publish", *arguments, code=code)

    return publish


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny(tmp_path / "mine")


def tiny(folder: Path, architecture: str = "unet", seed: int = 0) -> Path:
    """A model folder as training leaves it, with its card."""
    save_tiny(folder, architecture, seed)
    write_card(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(result: Result, words: str) -> None:
    """The command said one sentence, of the right words."""
    said = [line for line in result.stderr.splitlines() if line]
    assert len(said) == 1, said
    assert said[0].startswith("Error: ")
    assert re.search(words, said[0]), said[0]


# Publish, load, publish again


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_comes_back_the_same(hub: LocalHub, run: Run, name: str) -> None:
    said = run(name, "--org", "our-org").stdout
    assert "loaded back from the Hub: the same answer bit for bit" in said
    bundled = next(info for info in list_models() if info.name == name)
    assert hub.files(f"our-org/{name}") == contents(Path(bundled.location))  # the card as it is in the folder
    assert len(hub.commits(f"our-org/{name}")) == 2  # the Hub's own first one, and ours
    L = torch.linspace(0, 100, 61 * 47).reshape(1, 1, 61, 47)
    assert torch.equal(load(f"our-org/{name}")(L).ab, load(bundled.location)(L).ab)
    before = len(hub.writes())
    assert "unchanged" in run(name, "--org", "our-org").stdout
    assert hub.writes()[before:] == []


@pytest.mark.slow
def test_every_architecture_comes_back_the_same(hub: LocalHub, run: Run, tmp_path: Path) -> None:
    folders = [tiny(tmp_path / name, name) for name in sorted(MODELS)]
    run(*folders, "--org", "owner")
    L = torch.linspace(0, 100, 61 * 47).reshape(1, 1, 61, 47)
    for folder in folders:
        assert torch.equal(load(f"owner/{folder.name}")(L).ab, load(folder)(L).ab)
    before = len(hub.writes())
    assert run(*folders, "--org", "owner").stdout.count("unchanged") == len(folders)
    assert hub.writes()[before:] == []
    assert {len(hub.commits(f"owner/{folder.name}")) for folder in folders} == {2}


def test_what_changed_goes_up_and_what_is_gone_goes_away(hub: LocalHub, run: Run, folder: Path) -> None:
    (folder / "samples.webp").write_bytes(b"picture")
    write_card(folder)
    run(folder, "--org", "owner")
    hub.push("owner/mine", {**hub.files("owner/mine"), "notes-of-a-reader.txt": b"kept"})
    (folder / "samples.webp").unlink()
    (folder / "recipe.toml").write_text("name = 'x'")
    tiny(folder, seed=1)
    before = len(hub.writes())
    run(folder, "--org", "owner")
    assert [line.split()[0] for line in hub.writes()[before:]] == ["PUT", "POST"]  # the weights, the commit
    assert hub.files("owner/mine") == {**contents(folder), "notes-of-a-reader.txt": b"kept"}


def test_a_repository_can_be_private(hub: LocalHub, run: Run, folder: Path) -> None:
    run(folder, "--org", "owner", "--private")
    assert hub.repositories["model", "owner/mine"].private
    assert "unchanged" in run(folder, "--org", "owner").stdout
    assert hub.repositories["model", "owner/mine"].private


def test_private_is_refused_where_all_can_read(hub: LocalHub, run: Run, folder: Path) -> None:
    run(folder, "--org", "owner")
    refused(
        run(folder, "--org", "owner", "--private", code=1), "owner/mine exists already and is public: make it private"
    )


@pytest.mark.slow
def test_a_pull_request_leaves_main_alone_and_is_opened_once(hub: LocalHub, run: Run, folder: Path) -> None:
    refused(
        run(folder, "--org", "owner", "--create-pr", code=1), "owner/mine does not exist yet: a pull request needs one"
    )
    run(folder, "--org", "owner")
    old = hub.files("owner/mine")
    tiny(folder, seed=1)
    run(folder, "--org", "owner", "--create-pr")
    assert hub.files("owner/mine") == old
    assert hub.files("owner/mine", ref="refs/pr/1") == contents(folder)
    before = len(hub.writes())
    run(folder, "--org", "owner", "--create-pr")
    assert hub.writes()[before:] == []


def test_a_dry_run_changes_nothing(hub: LocalHub, run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("to myself")
    said = run(folder, "--org", "owner", "--dry-run").stdout
    assert "model owner/mine: would be published, new and public" in said
    assert "upload: README.md, config.json, model.safetensors" in said
    assert "left out of mine, as no part of a published model: notes.txt" in said
    assert hub.writes() == []
    assert hub.repositories == {}


def test_a_dry_run_needs_no_token(hub: LocalHub, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    result = run(folder, "--org", "owner", "--dry-run")
    assert "model owner/mine: would be published, new and public" in result.stdout
    assert result.stderr.startswith("Note: there is no token, so private repositories are not seen")
    hub.add("owner/mine", contents(folder))
    assert "model owner/mine: unchanged" in run(folder, "--org", "owner", "--dry-run").stdout
    refused(run(folder, "--org", "owner", code=1), "There is no token to publish with")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    refused(run(folder, "--org", "owner", "--dry-run", code=1), "The Hub refused the token")


# What breaks on the way


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT /lfs/", cut_after=1000),
        Fault("POST .*/commit/", cut_after=100),
        Fault("POST .*/preupload/", status=503),
        Fault("POST .*/commit/", status=500),
    ],
    ids=["weights cut", "commit cut", "unavailable", "commit fails"],
)
def test_a_broken_connection_leaves_the_old_revision_whole(hub: LocalHub, run: Run, folder: Path, fault: Fault) -> None:
    run(folder, "--org", "owner")
    old = hub.files("owner/mine")
    tiny(folder, seed=1)
    (folder / "recipe.toml").write_text("name = 'x'")
    hub.faults = [fault]
    result = run(folder, "--org", "owner", code=1)
    assert re.search(r"Error: The (connection to the Hub .* failed|Hub answered 50[03]) ", result.stderr)
    assert hub.files("owner/mine") == old
    hub.faults = []
    run(folder, "--org", "owner")
    assert hub.files("owner/mine") == contents(folder)


def test_a_short_interruption_is_survived(hub: LocalHub, run: Run, folder: Path) -> None:
    hub.faults = [Fault("PUT /lfs/", cut_after=1000, times=2)]
    run(folder, "--org", "owner")
    assert hub.files("owner/mine") == contents(folder)


def test_a_commit_that_someone_else_made_meanwhile_is_not_overwritten(
    hub: LocalHub, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, "--org", "owner")
    tiny(folder, seed=1)
    theirs = {**hub.files("owner/mine"), "config.json": b"theirs"}
    commit = huggingface_hub.HfApi.create_commit

    def late(*arguments: object, **keywords: object) -> object:
        hub.push("owner/mine", theirs)
        return commit(*arguments, **keywords)

    monkeypatch.setattr(huggingface_hub.HfApi, "create_commit", late)
    refused(run(folder, "--org", "owner", code=1), "owner/mine was changed by someone else meanwhile: nothing went up")
    assert hub.files("owner/mine") == theirs


# What is refused, before anything is uploaded


def other_pickle(folder: Path) -> None:
    torch.save({}, folder / "optimizer.dat")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def sparse(name: str, size: int) -> Callable[[Path], None]:
    def grow(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.truncate(size)

    return grow


def foreign_card(folder: Path) -> None:
    card = folder / "README.md"
    card.write_text(card.read_text().replace("library_name: colorhub", "library_name: transformers"))


def stale_scores(folder: Path) -> None:
    bundled = Path(next(info.location for info in list_models() if info.name == BUNDLED[0]))
    shutil.copytree(bundled, folder, dirs_exist_ok=True)
    scores = json.loads((folder / "scores.json").read_text())
    for section in (scores, *scores["also"]):
        section["metrics"]["psnr"]["mean"] += 1
    (folder / "scores.json").write_text(json.dumps(scores))


def other_scores(folder: Path) -> None:
    (folder / "scores.json").write_text('{"psnr": 30}')


def misspelt_words(folder: Path) -> None:
    (folder / "card.toml").write_text('licence = "mit"')


def misfit(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "width": 5}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda folder: (folder / "README.md").unlink(),
            r"mine has no README\.md: a published model has README\.md, con",
        ),
        (pickled, r"mine has no model\.safetensors"),
        (
            other_pickle,
            r"mine holds optimizer\.dat, which is pickled: only safetensors is published",
        ),
        (
            sparse("model.safetensors", 5_000_000_001),
            r"too large: 5,000,000,001 bytes, and at most 5,000,000,000 can go",
        ),
        (
            sparse("samples.webp", 10_000_001),
            r"samples\.webp is too large: 10,000,001 bytes, and at most 10,000,000 can go",
        ),
        (foreign_card, r"README\.md of .*mine is not up to date: write it with colorhub card .*mine"),
        (stale_scores, r"README\.md and \.eval_results/colorhub\.yaml of .*mine is not up to date: write it with"),
        (other_scores, r"scores\.json is not what python -m training\.score writes .*: score it again"),
        (misspelt_words, r"card\.toml: unknown key 'licence'; there are summary, label, about"),
        (misfit, r"mine cannot be published: The weights of .* do not fit UNet"),
    ],
    ids=[
        "no card",
        "pickle",
        "other pickle",
        "weights",
        "picture",
        "foreign",
        "stale",
        "other scores",
        "words",
        "misfit",
    ],
)
def test_a_folder_that_is_not_right_is_refused(
    hub: LocalHub, run: Run, folder: Path, tmp_path: Path, change, words
) -> None:
    change(folder)
    refused(run(tiny(tmp_path / "fine"), folder, "--org", "owner", code=1), words)
    assert hub.log == []  # the fine one was not published either


@pytest.mark.parametrize(
    ("token", "org", "words"),
    [
        ("hf_wrong", "owner", r"The Hub refused the token: log in again with `hf auth login`, or set HF_TOKEN"),
        ("", "owner", r"There is no token to publish with: log in with `hf auth login`, or set HF_TOKEN"),
        ("hf_reader", "owner", r"The token of owner may only read: make one that may write"),
        ("hf_stranger", "owner", r"You cannot publish under owner: the token belongs to stranger"),
        ("hf_owner", "no such/org", r"'no such/org/name' cannot be the name of a repository"),
        ("hf_owner", "-org-", r"'-org-/name' cannot be the name of a repository"),
    ],
)
def test_who_may_not_publish_is_told(hub: LocalHub, run: Run, folder: Path, monkeypatch, token, org, words) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    refused(run(folder, f"--org={org}", code=1), words)
    assert hub.writes() == []
    assert hub.repositories == {}


def test_names_that_the_hub_cannot_have(hub: LocalHub, run: Run, tmp_path: Path) -> None:
    refused(
        run(tiny(tmp_path / "my model"), "--org", "owner", code=1), "'owner/my model' cannot be the name of a repos"
    )
    refused(run("no-such-model", "--org", "owner", code=1), "No model 'no-such-model'")
    twins = [tiny(tmp_path / "a" / "same"), tiny(tmp_path / "b" / "same")]
    refused(run(*twins, "--org", "owner", code=1), "Two of the folders are called same")
    assert hub.repositories == {}


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": b'{"architectures": ["BertModel"]}', "model.safetensors": b"bert"},
        {"pytorch_model.bin": b"pickle"},
        {"config.json": b"no json"},
    ],
)
def test_a_repository_of_another_library_is_left_alone(
    hub: LocalHub, run: Run, folder: Path, tmp_path: Path, files
) -> None:
    hub.add("owner/mine", files)
    result = run(tiny(tmp_path / "fine"), folder, "--org", "owner", code=1)
    refused(
        result, "owner/mine exists already and holds no model of colorhub: nothing was published; choose another name"
    )
    assert hub.files("owner/mine") == files
    assert ("model", "owner/fine") not in hub.repositories


def test_an_empty_repository_is_filled(hub: LocalHub, run: Run, folder: Path) -> None:
    hub.add("owner/mine", {".gitattributes": b"", "README.md": b"---\nlicense: mit\n---\n"})
    run(folder, "--org", "owner")
    assert hub.files("owner/mine") == contents(folder)


def test_wrong_calls(run: Run, folder: Path) -> None:
    refused(run(code=2), "Nothing to publish: name models, or a Space")
    refused(run(folder, code=2), "--org ORG is missing")


def test_without_a_network(hub: LocalHub, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()
    refused(
        run(folder, "--org", "owner", code=1), "HF_HUB_OFFLINE is set, so the Hub is not asked: unset it to publish"
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    huggingface_hub.close_session()
    hub.close()
    assert "The connection to the Hub (http://127" in run(folder, "--org", "owner", code=1).stderr


def test_the_cards_check_in_code(folder: Path) -> None:
    assert check_folder(str(folder)).architecture == "unet"
    (folder / "README.md").write_text("no metadata")
    with pytest.raises(PublishError, match="is not up to date"):
        check_folder(str(folder))
