"""Packages of npm that the site ships, pinned by the hash of their tarball.

To raise a version: change it here, run ``npm view NAME@VERSION dist.integrity`` and put what it prints in place of the
hash, then run the browser tests, which compare the site's colours with those of Python.
"""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colorhub._text import one_line
from colorhub.export.writing import ExportError


@dataclass(frozen=True)
class Package:
    """A version of an npm package: ``integrity``, ``sha512-`` and the hash of its tarball in base64, as npm gives it;
    ``files``: what of it is shipped, path in the tarball -> path in the site."""

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]

    @property
    def tarball(self) -> str:
        """The name npm gives the tarball."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def wanted(self) -> str:
        """What to fetch, for people."""
        return f"npm pack {self.name}@{self.version} ({self.tarball}, {self.integrity})"


RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    {
        f"package/dist/{name}": f"engine/ort/{name}"
        for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    },
)
PACKAGES = (RUNTIME,)


def package_files(package: Package, folder: Path | None) -> dict[str, bytes]:
    """What is shipped of a package, by path in the site.

    Args:
        folder: that holds the tarball; fetched with npm when not given.

    Raises:
        ExportError: there is no tarball, or it is another one.
    """
    content = _fetched(package) if folder is None else _found(package, folder)
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise ExportError(
            f"{package.tarball} has the hash {found} and not that of {package.name} {package.version}: delete it and "
            f"get it with {package.wanted}."
        )
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {target: _read(archive, inside) for inside, target in package.files.items()}


def _found(package: Package, folder: Path) -> bytes:
    try:
        return (folder / package.tarball).read_bytes()
    except OSError:
        raise ExportError(
            f"{folder} holds no {package.tarball} that can be read: put it there with {package.wanted}."
        ) from None


def _fetched(package: Package) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise ExportError(
            f"npm is not installed, which fetches {package.name}: install it, or get {package.wanted} on another "
            "machine and say in which folder it is with --ort."
        )
    with tempfile.TemporaryDirectory() as folder:
        spec = f"{package.name}@{package.version}"
        done = subprocess.run(
            [npm, "pack", spec, "--pack-destination", folder], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = one_line(done.stderr.strip() or f"exit code {done.returncode}", 150)
            raise ExportError(
                f"npm could not fetch {spec} ({reason}): get {package.wanted} elsewhere and say in which folder it is "
                "with --ort."
            )
        return _found(package, Path(folder))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ExportError(f"{name} is no file in the tarball: the list of files in packages.py does not fit it.")
    return file.read()
