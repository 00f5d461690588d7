"""The folder of static files: graphs, constants, page, runtime and everybody's licences, whole or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from colorhub import __version__
from colorhub._extras import MissingExtraError, require
from colorhub.export.static_site.compose_tables import compose_tables
from colorhub.export.static_site.constants import constants
from colorhub.export.static_site.graphs import lines_graph
from colorhub.export.static_site.halving import with_half_weights
from colorhub.export.static_site.opencv_lab import opencv_lab
from colorhub.export.static_site.packages import PACKAGES, package_files
from colorhub.export.writing import ExportError, export_model
from colorhub.models import Colorizer
from colorhub.models.exported import ExportedColorizer
from colorhub.photo import tint
from colorhub.photo.profiles import srgb_profile

SITE = Path(__file__).with_name("site")
LISTING = "files.json"
WORKER = "service_worker.js"
LARGEST_MODEL = 16_000_000  # bytes: what a visitor's first visit may cost beside the runtime


@dataclass(frozen=True)
class SiteModel:
    """A model that the site offers: ``label``: what it is for in a few words; ``notice``: of its weights, a licence
    text or empty."""

    name: str
    model: Colorizer
    label: str = ""
    notice: str = ""


def site_files(models: Iterable[SiteModel], packages: Path | None = None) -> dict[str, bytes]:
    """The files of the site, by path.

    Args:
        models: the first is the one that is used where nobody chooses.
        packages: the folder that holds the tarballs of npm's packages; they are fetched with npm when not given.

    Raises:
        ExportError: a package or a model that cannot be had.
    """
    models = list(models)
    _expect_packages()
    for one in models:
        _expect_usable(one)
    files = {path: content for package in PACKAGES for path, content in package_files(package, packages).items()}
    for one in models:
        files[f"models/{one.name}.onnx"] = _model_content(one)
    files["engine/lines.onnx"] = lines_graph()
    files["engine/compose.safetensors"] = compose_tables()
    by_name = {one.name: one.model for one in models}
    facts = constants(by_name, {one.name: one.label for one in models})
    for fact in facts["models"]:
        fact["size"] = len(files[fact["file"]])
    files["engine/constants.json"] = _json(facts)
    files["engine/opencv_lab.bin"] = opencv_lab()
    files["engine/tint.safetensors"] = tint.WEIGHTS.read_bytes()
    files["LICENSES.txt"] = _licenses(models).encode()
    for path in sorted(SITE.rglob("*")):
        if path.is_file():
            files[path.relative_to(SITE).as_posix()] = path.read_bytes()
    files["page/srgb.icc"] = srgb_profile()
    return with_listing(files)


def with_listing(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with the list that the service worker keeps, and the worker with that list's version in it: browsers
    take a worker for a new one where its bytes are others."""
    listed = {path: content for path, content in files.items() if path not in (LISTING, WORKER)}
    listing = _listing(listed)
    worker = files[WORKER].replace(b"{{version}}", str(listing["version"]).encode())
    return {**listed, WORKER: worker, LISTING: _json(listing)}


def write_site(folder: Path, models: Iterable[SiteModel], packages: Path | None = None) -> dict[str, int]:
    """Write the site into a folder that does not exist or is empty: whole, or not at all.

    Returns:
        the bytes of each file, by path.

    Raises:
        ExportError: the folder cannot be used, or a file cannot be had or written.
    """
    expect_free(folder)
    files = site_files(models, packages)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".colorhub-", dir=folder.parent))
        try:
            for path, content in files.items():
                target = aside / PurePosixPath(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            aside.chmod(0o755)  # mkdtemp's is for its owner alone; a web server reads this one
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise ExportError(f"The site cannot be written to {folder} ({error.strerror or error}).") from error
    return {path: len(content) for path, content in files.items()}


def expect_free(folder: Path) -> None:
    """Raises :class:`ExportError` where the site cannot be written into ``folder``: before minutes of work."""
    if folder.is_dir():
        if any(folder.iterdir()):
            raise ExportError(f"The folder {folder} is not empty: give one that does not exist yet, or an empty one.")
    elif folder.exists() or folder.is_symlink():
        raise ExportError(f"{folder} is no folder: give one that does not exist yet, or an empty one.")
    place = next(one for one in (folder, *folder.absolute().parents) if one.is_dir())
    if not os.access(place, os.W_OK | os.X_OK):
        raise ExportError(f"There is no permission to write to {place}: give another folder.")


def _expect_usable(one: SiteModel) -> None:
    if isinstance(one.model, ExportedColorizer):
        raise ExportError(f"{one.name} is an exported model already: give the one it was made from.")
    if one.model.context_size is not None:
        raise ExportError(
            f"The model {one.name} looks at every photo twice, which the page in the browser does not: give another."
        )


def _model_content(one: SiteModel) -> bytes:
    # Published weights are in half precision: rounded to it they stay what they are, unless they are folded first.
    content = with_half_weights(export_model(one.model, one.name, optimized=False), outputs=("ab",))
    if len(content) > LARGEST_MODEL:
        raise ExportError(
            f"The model {one.name} has {len(content) / 1e6:.1f} MB in half precision, and a visitor's first visit may "
            f"cost {LARGEST_MODEL / 1e6:.0f} MB a model: give a smaller one."
        )
    return content


def _listing(files: Mapping[str, bytes]) -> dict[str, object]:
    """What the service worker keeps: ``version``, another one for any other file; each file's hash and bytes."""
    listed = {
        path: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in sorted(files.items())
    }
    return {"version": hashlib.sha256(_json(listed)).hexdigest()[:16], "colorhub": __version__, "files": listed}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _licenses(models: Iterable[SiteModel]) -> str:
    """Everybody's licences and notices in one file."""
    own = distribution("colorhub").read_text("licenses/LICENSE") or "Apache License, Version 2.0"
    runtime = {name: distribution("onnxruntime").locate_file(f"onnxruntime/{name}") for name in _RUNTIME_NOTICES}
    parts = {f"colorhub {__version__}": own}
    parts |= {f"The weights {one.name}": one.notice for one in models if one.notice}
    for name, path in runtime.items():
        parts[f"onnxruntime-web: {name}"] = Path(str(path)).read_text(encoding="utf-8", errors="replace")
    return "\n\n".join(f"{'=' * 80}\n{title}\n{'=' * 80}\n\n{text.strip()}" for title, text in parts.items()) + "\n"


_RUNTIME_NOTICES = ("LICENSE", "ThirdPartyNotices.txt")  # as the package for Python has them: npm's has none


def _expect_packages() -> None:
    try:
        require("export", "onnx", "onnxscript", "onnxruntime")
    except MissingExtraError as error:
        raise ExportError(str(error)) from error
