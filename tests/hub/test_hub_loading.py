"""Models from a Hub: by id and revision, private, cached with the network down, and everything that can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from local_hub import Fault, Files, LocalHub
from snippets import snippet
from tiny import save_tiny

import colorhub
from colorhub.hub.loading import load
from colorhub.hub.published import PUBLISHED, Published
from colorhub.models import ModelNotFoundError, UNet, WeightsError

L = torch.linspace(0, 100, 40 * 24).reshape(1, 1, 40, 24)


def saved(folder: Path, seed: int = 0, **keywords: object) -> Files:
    """The files of a tiny U-Net, as bytes."""
    return {path.name: path.read_bytes() for path in save_tiny(folder, seed=seed, **keywords).iterdir()}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return saved(tmp_path / "first")


def answer(folder: Path) -> torch.Tensor:
    return load(folder)(L).ab


def test_by_id_and_by_class(hub: LocalHub, files: Files, tmp_path: Path) -> None:
    hub.add("owner/unet", files)
    for loaded in (colorhub.load("owner/unet"), UNet.from_pretrained("owner/unet")):
        assert torch.equal(loaded(L).ab, answer(tmp_path / "first"))
        assert not loaded.training
    pipeline = colorhub.ColorizationPipeline("owner/unet")
    assert pipeline.model.weights_sha256 == loaded.weights_sha256


def test_a_revision_is_a_branch_or_a_commit(hub: LocalHub, files: Files, tmp_path: Path) -> None:
    repository = hub.add("owner/unet", files)
    old = repository.branches["main"][0].oid
    hub.push("owner/unet", saved(tmp_path / "second", seed=1, width=6))
    for revision, folder in ((None, "second"), ("main", "second"), (old, "first")):
        expected = answer(tmp_path / folder)
        assert torch.equal(load("owner/unet", revision=revision)(L).ab, expected)
        assert torch.equal(UNet.from_pretrained("owner/unet", revision=revision)(L).ab, expected)
    with pytest.raises(ModelNotFoundError, match="owner/unet has no revision 'v9' on the Hub"):
        load("owner/unet", revision="v9")


def test_config_and_weights_come_from_one_commit(hub: LocalHub, files: Files, tmp_path: Path, monkeypatch) -> None:
    """A push that lands between the two files changes nothing: the wider model's weights would not fit."""
    repository = hub.add("owner/unet", files)
    second = saved(tmp_path / "second", width=6)
    read = colorhub.models.base.read_config

    def read_and_push(path: Path) -> dict[str, object]:
        if len(repository.branches["main"]) == 1:
            hub.push("owner/unet", second)
        return read(path)

    monkeypatch.setattr("colorhub.hub.loading.read_config", read_and_push)
    monkeypatch.setattr("colorhub.models.base.read_config", read_and_push)
    assert torch.equal(load("owner/unet")(L).ab, answer(tmp_path / "first"))
    assert len(repository.branches["main"]) == 2


def test_a_published_name_means_its_pinned_revision(hub: LocalHub, files: Files, tmp_path: Path, monkeypatch) -> None:
    repository = hub.add("owner/unet", files)
    pinned = repository.branches["main"][0].oid
    hub.push("owner/unet", saved(tmp_path / "second", seed=1))
    monkeypatch.setitem(PUBLISHED, "ours", Published("owner/unet", pinned, "unet", "apache-2.0"))
    assert torch.equal(load("ours")(L).ab, answer(tmp_path / "first"))
    assert torch.equal(load("ours", revision="main")(L).ab, answer(tmp_path / "second"))


@pytest.mark.parametrize("how", ["offline", "dead server"])
def test_a_cached_model_needs_no_network(hub: LocalHub, files: Files, tmp_path: Path, monkeypatch, how: str) -> None:
    hub.add("owner/unet", files)
    expected = load("owner/unet")(L).ab
    seen = len(hub.log)
    load("owner/unet")
    assert hub.log[seen:] == ["HEAD /owner/unet/resolve/main/config.json"]  # whether there is a newer one
    if how == "offline":
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    else:
        hub.close()
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # seconds between retries
    huggingface_hub.close_session()
    before = list(hub.log)
    assert torch.equal(load("owner/unet")(L).ab, expected)
    assert torch.equal(UNet.from_pretrained("owner/unet")(L).ab, expected)
    assert hub.log == before
    cause = "^HF_HUB_OFFLINE is set, .*" if how == "offline" else ""
    with pytest.raises(ModelNotFoundError, match=f"{cause}'owner/other' is not on disk"):
        load("owner/other")


def test_private_repositories_need_the_right_token(hub: LocalHub, files: Files, tmp_path: Path, monkeypatch) -> None:
    hub.add("owner/secret", files, private=True)
    expected = answer(tmp_path / "first")
    assert torch.equal(load("owner/secret")(L).ab, expected)  # HF_TOKEN
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "other-cache"))
    monkeypatch.delenv("HF_TOKEN")
    for token in (None, False, "hf_stranger"):
        for attempt in (load, UNet.from_pretrained):
            with pytest.raises(ModelNotFoundError, match="no repository owner/secret on the Hub, or it is private"):
                attempt("owner/secret", token=token)
    with pytest.raises(ModelNotFoundError, match="The Hub refused the token sent for owner/secret"):
        load("owner/secret", token="hf_wrong")
    assert torch.equal(load("owner/secret", token="hf_owner")(L).ab, expected)


def test_a_gated_repository_says_so(hub: LocalHub, files: Files) -> None:
    hub.add("stranger/gated", files).gated = True
    with pytest.raises(ModelNotFoundError, match="stranger/gated is gated: its owner must let your account in first"):
        load("stranger/gated")
    assert load("stranger/gated", token="hf_stranger").working_size == 32


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {path: content for path, content in files.items() if path != name}


def pickle_only(files: Files) -> Files:
    return {**without("model.safetensors")(files), "pytorch_model.bin": files["model.safetensors"]}


def of_another_library(files: Files) -> Files:
    return {**files, "config.json": b'{"architectures": ["BertModel"], "model_type": "bert"}'}


def unknown(files: Files) -> Files:
    config = {**json.loads(files["config.json"]), "architecture": "os:system", "package": "theirs"}
    return {**files, "config.json": json.dumps(config).encode()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("config.json"), r"owner/it has no config\.json on the Hub\.$"),
        (
            without("model.safetensors"),
            r"owner/it has no model\.safetensors on the Hub; only safetensors weights are loa",
        ),
        (pickle_only, r"\(pytorch_model\.bin is pickled and was not opened\); only safetensors"),
        (of_another_library, r"owner/it is a model of another library \(architectures: \['BertModel'\]\): its config"),
        (
            unknown,
            r"Unknown architecture 'os:system'.* by a class of the package 'theirs': install that, if you trust it",
        ),
    ],
)
def test_what_is_no_model_of_ours_is_refused_in_one_sentence(hub: LocalHub, files: Files, change, message: str) -> None:
    hub.add("owner/it", change(files))
    with pytest.raises(ValueError, match=message) as refused:
        load("owner/it")
    assert "\n" not in str(refused.value)
    if change is not unknown:
        with pytest.raises(WeightsError, match=message):
            UNet.from_pretrained("owner/it")
    assert not any("pytorch_model.bin" in line for line in hub.log)


def test_a_repository_cannot_choose_a_class_by_its_path(hub: LocalHub, files: Files, monkeypatch) -> None:
    """``module:Class`` is for users; a config that says so imports nothing."""
    config = {**json.loads(files["config.json"]), "architecture": "antigravity:main"}
    hub.add("owner/it", {**files, "config.json": json.dumps(config).encode()})
    monkeypatch.setattr("colorhub.models.registry.import_module", lambda name: pytest.fail(f"imported {name}"))
    with pytest.raises(ValueError, match="Unknown architecture 'antigravity:main'"):
        load("owner/it")


def test_missing_repositories_and_impossible_names(hub: LocalHub) -> None:
    with pytest.raises(ModelNotFoundError, match="There is no repository owner/nothing on the Hub, or it is private"):
        load("owner/nothing")
    with pytest.raises(ModelNotFoundError, match="'owner/no thing' cannot be the name of a repository"):
        load("owner/no thing")
    with pytest.raises(TypeError, match="no keyword 'revison'"):
        load("owner/nothing", revison="main")


def test_an_interrupted_download_goes_on_where_it_was(hub: LocalHub, files: Files, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.add("owner/unet", files)
    hub.faults = [Fault("GET /lfs/", cut_after=1000, times=3)]
    assert torch.equal(load("owner/unet")(L).ab, answer(tmp_path / "first"))
    assert len([line for line in hub.log if line.startswith("GET /lfs/")]) == 4


def test_a_download_that_never_completes_leaves_nothing_to_load(hub: LocalHub, files: Files, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    hub.add("owner/unet", files)
    hub.faults = [Fault("GET /lfs/", cut_after=0)]
    with pytest.raises(ModelNotFoundError, match="'owner/unet' is not on disk and could not be fetched"):
        load("owner/unet")
    hub.faults = []
    assert load("owner/unet")(L).ab.isfinite().all()


def test_the_lines_of_the_documentation(hub: LocalHub, files: Files, tmp_path: Path) -> None:
    hub.add("owner/name", files)
    names: dict[str, Any] = {}
    exec(compile(snippet("colour-photos.md", "hub"), "colour-photos.md", "exec"), names)
    assert torch.equal(names["model"](L).ab, answer(tmp_path / "first"))
