"""Other authors' weights by name: from a Hub or a URL, checked, converted once; without network, one sentence."""

import hashlib
import io
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
import torch
from commands import typed
from local_hub import Fault, LocalHub
from released import ddcolor_release, siggraph17_release
from safetensors.torch import save as as_safetensors

import colorhub
from colorhub.hub.fetching import cached_release
from colorhub.hub.loading import list_models, load
from colorhub.hub.releases import RELEASES
from colorhub.models import DDColor, ModelNotFoundError, WeightsError

L = torch.linspace(0, 100, 40 * 24).reshape(1, 1, 40, 24)
CONFIG = {
    "encoder_name": "convnext-t",
    "decoder_name": "MultiScaleColorDecoder",
    "input_size": [256, 256],
    "num_output_channels": 2,
    "last_norm": "Spectral",
    "do_normalize": False,
    "num_queries": 5,
    "num_scales": 3,
    "dec_layers": 3,
}


def pickled(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for what is fetched."""
    monkeypatch.setenv("COLORHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COLORHUB_MODELS", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def ddcolor() -> dict[str, torch.Tensor]:
    return ddcolor_release().state_dict()


@pytest.fixture(scope="module")
def siggraph17() -> bytes:
    return pickled(siggraph17_release().state_dict())


class FileServer:
    """Files over HTTP with ranges. The next connections end after so many bytes each, as ``cuts`` says."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.log, self.cuts = files, [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.log.append((self.path, asked))
                content = server.files.get(self.path)
                if content is None:
                    return self.send_error(404)
                first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
                if first >= len(content):
                    return self.send_error(416)
                self.send_response(206 if asked else 200)
                if asked:
                    self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - first))
                self.end_headers()
                last = first + server.cuts.pop(0) if server.cuts else None
                self.wfile.write(content[first:last])
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(siggraph17: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """The authors' server, with one file under a name that carries the beginning of its hash."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    name = f"/siggraph17-{hashlib.sha256(siggraph17).hexdigest()[:8]}.pth"
    server = FileServer({name: siggraph17})
    monkeypatch.setitem(RELEASES, "siggraph17", RELEASES["siggraph17"]._replace(source=server.url + name))
    yield server
    server.close()


@pytest.fixture
def authors(hub: LocalHub, ddcolor: dict[str, torch.Tensor]) -> LocalHub:
    """The Hub with the authors' repository as they pushed it: a pickled state dict, and a config of their own keys."""
    files = {"config.json": json.dumps(CONFIG).encode(), "pytorch_model.bin": pickled(ddcolor)}
    hub.add("piddnad/ddcolor_paper_tiny", files)
    return hub


@pytest.mark.parametrize("name", ["ddcolor-tiny", "piddnad/ddcolor_paper_tiny"])
def test_a_release_on_the_hub_is_fetched_and_converted_once(
    authors: LocalHub, ddcolor: dict[str, torch.Tensor], cache: Path, name: str
) -> None:
    assert next(info for info in list_models() if info.name == "ddcolor-tiny").source == "network"
    expected = DDColor.from_release(ddcolor)(L).ab
    model = colorhub.load(name)
    assert isinstance(model, DDColor)
    assert torch.equal(model(L).ab, expected)
    asked = list(authors.log)
    assert torch.equal(load(name)(L).ab, expected)
    assert authors.log == asked  # the second time there is no request at all
    info = next(info for info in list_models() if info.name == "ddcolor-tiny")
    assert (info.source, info.license, info.on_disk) == ("cached", "apache-2.0", True)
    commit = authors.repositories["model", "piddnad/ddcolor_paper_tiny"].branches["main"][0].oid
    noted = json.loads((cache / "ddcolor-tiny/source.json").read_text())
    assert (noted["source"], noted["revision"]) == ("piddnad/ddcolor_paper_tiny", commit)
    (content,) = (c for n, c in authors.files("piddnad/ddcolor_paper_tiny").items() if n.endswith(".bin"))
    assert noted["sha256"] == hashlib.sha256(content).hexdigest()


def test_safetensors_are_preferred(hub: LocalHub, ddcolor: dict[str, torch.Tensor]) -> None:
    files = {"pytorch_model.bin": b"never asked for", "model.safetensors": as_safetensors(dict(ddcolor))}
    hub.add("piddnad/ddcolor_paper_tiny", files)
    assert load("ddcolor-tiny")(L).ab.isfinite().all()
    assert not any("pytorch_model.bin" in line for line in hub.log)


def test_the_first_commit_is_kept_and_a_changed_file_is_refused(
    authors: LocalHub, ddcolor: dict[str, torch.Tensor], cache: Path
) -> None:
    expected = load("ddcolor-tiny")(L).ab
    other = {name: tensor + 0.1 if name == "refine_net.0.0.bias" else tensor for name, tensor in ddcolor.items()}
    authors.push("piddnad/ddcolor_paper_tiny", {"pytorch_model.bin": pickled(other)})
    assert torch.equal(load("ddcolor-tiny", force_download=True)(L).ab, expected)
    first = authors.repositories["model", "piddnad/ddcolor_paper_tiny"].branches["main"][0]
    content = pickled(other)
    authors.large[hashlib.sha256(content).hexdigest()] = content
    first.files["pytorch_model.bin"] = content
    shutil.rmtree(huggingface_hub.constants.HF_HUB_CACHE)  # as on a machine that was tidied up
    with pytest.raises(
        WeightsError, match=r"pytorch_model.bin of piddnad/.* is not what it was when it was first"
    ) as it:
        load("ddcolor-tiny", force_download=True)
    assert "\n" not in str(it.value)
    assert torch.equal(load("ddcolor-tiny")(L).ab, expected)
    (cache / "first-downloads.json").unlink()  # the user trusts it
    assert not torch.equal(load("ddcolor-tiny", force_download=True)(L).ab, expected)


def test_a_cut_download_from_the_hub_goes_on(authors: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    authors.faults = [Fault("GET /lfs/", cut_after=5000, times=2)]
    assert load("ddcolor-tiny")(L).ab.isfinite().all()
    assert len([line for line in authors.log if line.startswith("GET /lfs/")]) == 3


def test_a_release_at_a_url_is_fetched_checked_and_converted_once(
    site: FileServer, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = load("siggraph17")
    assert (model.architecture, model.mask_center, len(site.log)) == ("siggraph17", 0.0, 1)
    site.close()
    assert torch.equal(load("siggraph17")(L).ab, model(L).ab)
    assert not list((cache / "downloads").iterdir())
    with pytest.raises(ModelNotFoundError, match="has no revisions"):
        load("siggraph17", revision="main")


def test_a_cut_download_from_a_url_goes_on_where_it_was(
    site: FileServer, siggraph17: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    site.cuts = [1000, 1000, *[0] * 100]
    with pytest.raises(
        ModelNotFoundError, match=r"broke off after 0.0 MB .*: call again, and it goes on from there"
    ) as it:
        load("siggraph17")
    assert "\n" not in str(it.value)
    (part,) = (cache / "downloads").iterdir()
    assert part.read_bytes() == siggraph17[:2000]
    start, site.cuts = len(part.read_bytes()), []
    assert load("siggraph17").architecture == "siggraph17"
    assert site.log[-1][1] == f"bytes={start}-"


def test_what_is_no_beginning_of_the_file_is_fetched_anew(site: FileServer, siggraph17: bytes, cache: Path) -> None:
    (name,) = site.files
    part = cache / f"downloads{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(siggraph17 + b"more")
    with pytest.raises(ModelNotFoundError, match=r"broke off .* \(the server answers 416\): call again"):
        load("siggraph17")
    assert load("siggraph17").architecture == "siggraph17"


def test_a_download_shows_how_far_it_is(site: FileServer, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.setenv("TQDM_POSITION", "-1")  # how huggingface_hub is told to show a bar without a terminal
    bars = sys.modules["huggingface_hub.utils.tqdm"]  # the package's attribute of that name is the class
    monkeypatch.setattr(bars, "HF_HUB_DISABLE_PROGRESS_BARS", False)
    load("siggraph17")
    assert re.search(r"siggraph17-\w{8}.pth: 100%", capfd.readouterr().err)


def test_a_file_that_is_not_what_its_name_says_is_refused(site: FileServer, siggraph17: bytes, cache: Path) -> None:
    (name,) = site.files
    site.files[name] = siggraph17[:-1] + b"!"
    with pytest.raises(
        WeightsError, match=r"is not the authors' file: its SHA-256 begins with \w{8}, and by its name"
    ) as it:
        load("siggraph17")
    assert "\n" not in str(it.value)
    assert cached_release("siggraph17") is None
    site.files.clear()
    with pytest.raises(ModelNotFoundError, match=r"cannot be fetched: the server answers 404"):
        load("siggraph17")


@pytest.mark.parametrize("how", ["offline", "not allowed", "refused", "silent"])
@pytest.mark.parametrize("name", sorted(RELEASES))
def test_without_network_each_name_is_answered_in_one_sentence_within_a_second(
    name: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", how == "offline")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    if how == "refused":
        monkeypatch.setattr("socket.create_connection", refuse)
    answered = threading.Event()
    if how == "silent":  # a name that takes forever to look up: nobody waits for it
        monkeypatch.setattr("socket.create_connection", lambda *_, **__: refuse(answered.wait(60)))
    keywords = {"local_files_only": True} if how == "not allowed" else {}
    start = time.perf_counter()
    with pytest.raises(ModelNotFoundError) as found:
        load(name, **keywords)
    seconds = time.perf_counter() - start
    answered.set()
    print(f"{name}, {how}: answered in {seconds:.2f} s")
    cause = {
        "offline": "HF_HUB_OFFLINE is set, so nothing is fetched",
        "not allowed": "local_files_only was given, so nothing is fetched",
    }.get(how, "The network cannot be reached")
    assert re.fullmatch(
        rf"{cause}, and the model '{name}' is not on disk: load it once "
        rf"with network, or fetch the file of .* elsewhere and run `colorhub convert FILE --arch \w+ -o {name}`\.",
        str(found.value),
    )


def refuse(*_: object, **__: object) -> None:
    raise ConnectionRefusedError


def test_names_carry_their_hashes() -> None:
    assert RELEASES["siggraph17"].sha256_prefix == "df00044c"
    assert RELEASES["eccv16-2016"].sha256_prefix == "9b330a0b"
    assert RELEASES["ddcolor"].sha256_prefix == ""


def convert(*words: object) -> tuple[int, str]:
    done = typed("convert", *words)
    return done.exit_code, done.output


@pytest.mark.parametrize("level", [None, "params", "state_dict"])
def test_convert_writes_a_folder_that_names_its_authors(
    ddcolor: dict[str, torch.Tensor], tmp_path: Path, level: str | None
) -> None:
    file, folder = tmp_path / "ddcolor_artistic.pth", tmp_path / "mine"
    file.write_bytes(pickled({level: ddcolor, "iter": 400_000} if level else ddcolor))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    code, output = convert(file, "--arch", "ddcolor", "-o", folder, "--set", "working_size=256")
    assert code == 0, output
    assert "licence apache-2.0" in output
    model = load(folder)
    assert (model.working_size, model.size) == (256, "test")
    assert torch.equal(model(L).ab, DDColor.from_release(ddcolor)(L).ab)
    card = (folder / "README.md").read_text()
    for words in ("license: apache-2.0", "Xiaoyang Kang", "piddnad/ddcolor_artistic", "kang2023ddcolor"):
        assert words in card
    assert hashlib.sha256(file.read_bytes()).hexdigest() in card
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".md", ".toml", ".safetensors"}
    assert convert(file, "--arch", "ddcolor", "-o", folder)[0] == 2


class Payload:
    """What a hostile file would do when it is opened as a pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return open, ("was-run", "w")


def test_convert_refuses_in_one_sentence(
    ddcolor: dict[str, torch.Tensor], siggraph17: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cases = {
        "cut.pth": (pickled(ddcolor)[:20_000], "ddcolor", 1, "cannot be read as weights, perhaps it is cut off"),
        "page.pth": (b"<html>Not found</html>", "ddcolor", 1, "is no file of weights, or holds more than tensors"),
        "bad.pt": (pickled({"params": Payload()}), "ddcolor", 1, "is no file of weights, or holds more than tensors"),
        "list.pt": (pickled([1, 2]), "ddcolor", 1, "holds no state dict: names with their tensors"),
        "other.pth": (siggraph17, "ddcolor", 1, "not the weights of a released DDColor"),
        "it-01234567.pth": (siggraph17, "siggraph17", 1, "is not the file its name says: its SHA-256 begins with"),
        "some.pth": (siggraph17, "unet", 2, "No authors' files of 'unet' can be converted"),
    }
    for name, (content, architecture, code, words) in cases.items():
        Path(name).write_bytes(content)
        found, output = convert(name, "--arch", architecture, "-o", "out")
        assert (found, words in output, output.count("\n")) == (code, True, 1), (name, found, output)
        assert not Path("out").exists()
    assert "There is no file" in convert("absent.pth", "--arch", "ddcolor", "-o", "out")[1]
    assert not Path("was-run").exists()
    code, output = convert("other.pth", "--arch", "siggraph17", "-o", "out", "--set", "mask_center=0.5")
    assert (code, "licence unknown" in output) == (0, True)
    assert load("out").mask_center == 0.5
    assert "weights of unknown origin" in Path("out/README.md").read_text()
    assert convert("other.pth", "--arch", "siggraph17", "-o", "two", "--release", "siggraph17")[0] == 0
    assert "license: bsd-2-clause" in Path("two/README.md").read_text()


def test_the_space_lists_releases_and_fetches_only_what_is_picked(site: FileServer, monkeypatch) -> None:
    from colorhub.space.shared import catalogue as models

    listed = {info.name: info for info in models.listed()}
    assert set(RELEASES) <= set(listed)
    line = models.describe(listed["siggraph17"])
    assert "needs network when first used" in line
    assert "licence bsd-2-clause" in line
    assert models.default_model([listed[name] for name in RELEASES]) is None
    assert site.log == []
    assert models.loading_note(listed["siggraph17"]).startswith("Downloading siggraph17")
    assert models.CACHE.pipeline(listed["siggraph17"]).model.accepts_hints
    assert "needs network" not in models.describe(next(i for i in models.listed() if i.name == "siggraph17"))
