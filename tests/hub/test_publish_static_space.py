"""Publishing the static site to the local Hub: its header, its files, once, and what is refused."""

import hashlib
import json
from pathlib import Path

import pytest
from commands import typed
from huggingface_hub import SpaceCard
from local_hub import LocalHub
from static_site import ort_option
from tiny import save_tiny

from colorhub.hub.publish import Hub, PublishError, carry_out
from colorhub.hub.publish.static_space import create_static_space, plan_static_space, readme

FILES = {"index.html": b"<!doctype html>", "engine/constants.json": b"{}", "models/tiny.onnx": b"\x08" * 2_000_000}


def publish(hub: Hub, files: dict[str, bytes]) -> str:
    plan = plan_static_space(hub, "owner/page", files, ["tiny"])
    create_static_space(hub, plan)
    return carry_out(hub, plan)


def test_the_header_asks_for_what_threads_need() -> None:
    header = SpaceCard(readme(["tiny"])).data.to_dict()
    assert (header["sdk"], header["app_file"]) == ("static", "index.html")
    assert header["custom_headers"]["cross-origin-embedder-policy"] == "require-corp"
    assert header["custom_headers"]["cross-origin-opener-policy"] == "same-origin"
    assert not {"sdk_version", "python_version", "models"} & set(header)


def test_it_goes_up_once_and_what_is_gone_goes(hub: LocalHub) -> None:
    first = publish(Hub(), FILES)
    held = hub.files("owner/page", kind="space")
    assert {path: held[path] for path in FILES} == FILES
    assert publish(Hub(), FILES) == first
    publish(Hub(), {path: content for path, content in FILES.items() if path != "models/tiny.onnx"})
    assert "models/tiny.onnx" not in hub.files("owner/page", kind="space")


@pytest.mark.slow
def test_a_site_of_two_models_arrives_file_for_file(hub: LocalHub, tmp_path: Path) -> None:
    """As the list says by which browsers keep it; the command says what it weighs."""
    models = [save_tiny(tmp_path / "one"), save_tiny(tmp_path / "two")]
    said = typed("publish", *models, "--static-space", "owner/page", *ort_option(), code=0).output
    held = hub.files("owner/page", kind="space")
    listed = json.loads(held["files.json"])["files"]
    assert {"models/one.onnx", "models/two.onnx", "engine/ort/ort-wasm-simd-threaded.wasm"} <= set(listed)
    assert set(held) - {".gitattributes"} == {*listed, "files.json", "service_worker.js", "README.md"}
    for path, facts in listed.items():
        assert facts == {"sha256": hashlib.sha256(held[path]).hexdigest(), "size": len(held[path])}, path
    site = [content for path, content in held.items() if path not in ("README.md", ".gitattributes")]
    assert f"{len(site)} files, {sum(map(len, site)) / 1e6:.1f} MB (one " in said
    assert [model["name"] for model in json.loads(held["engine/constants.json"])["models"]] == ["one", "two"]


def test_somebody_else_s_space_is_left_alone(hub: LocalHub) -> None:
    hub.add("owner/page", {"README.md": b"---\nsdk: static\n---\n", "game.js": b"play()"}, kind="space")
    with pytest.raises(PublishError, match="not colorhub's"):
        publish(Hub(), FILES)


def test_bad_names_are_told_before_anything_is_exported(hub: LocalHub, tmp_path: Path) -> None:
    assert typed("publish", "--static-space", "no slash", code=1).output.startswith("Error: ")
    missing = typed("publish", "--static-space", "owner/page", "--ort", tmp_path, code=1)
    assert "onnxruntime-web" in missing.output
    assert not hub.writes()
