"""The static site, built once, and its engine in a browser."""

import base64
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from browser import Visits
from commands import typed
from PIL import Image
from static_server import served

WAIT = 240_000  # ms: a busy machine
# Parts of a page that imports the engine: what Python asks it for comes as keywords, what it answers as JSON.
_ENGINE = """
const { createEngine } = await import(new URL("engine/engine.js", site));
globalThis.engine ??= createEngine({ base: site, threads });
const engine = globalThis.engine;
const bitmapOf = async (png) => {
  const blob = await (await fetch("data:image/png;base64," + png)).blob();
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
};
const textOf = (pixels) => {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
"""


def build(folder: Path, *models: str | Path) -> Path:
    """The site with these models, or the default."""
    offered = ["--models", ",".join(map(str, models))] if models else []
    typed("static-site", folder, *offered, *ort_option(), code=0)
    return folder


def ort_option() -> list[str]:
    """Where npm's tarball is: in ``COLORHUB_ORT``, if set; else npm fetches it."""
    folder = os.environ.get("COLORHUB_ORT")
    return ["--ort", folder] if folder else []


class Engine:
    """The engine in a page of its own."""

    def __init__(self, page: Any, site: str, threads: int | None) -> None:
        self._page, self._site, self._threads = page, site, threads

    def run(self, script: str, **given: Any) -> Any:
        """What a script answers that sees ``engine``, ``bitmapOf(png)``, ``textOf(pixels)`` and the keywords."""
        given |= {"site": self._site, "threads": self._threads}
        return self._page.evaluate(f"async ({{ {', '.join(given)} }}) => {{ {_ENGINE} {script} }}", given)

    def analyzed(self, pixels: np.ndarray) -> dict[str, Any]:
        """What it says of a picture."""
        script = "const found = await engine.analyze(await bitmapOf(png)); engine.release(found.id); return found;"
        found: dict[str, Any] = self.run(script, png=png(pixels))
        return found

    def colored(
        self, pixels: np.ndarray, vividness: float = 1.0, width: int | None = None, model: str | None = None
    ) -> np.ndarray:
        """A picture in colour, ``(H, W, 4)`` uint8."""
        script = """
            const { id } = await engine.analyze(await bitmapOf(png));
            await engine.predict(id, { model });
            const made = await engine.compose(id, { vividness, width });
            engine.release(id);
            return [made.width, made.height, textOf(made.pixels)];"""
        columns, rows, text = self.run(script, png=png(pixels), vividness=vividness, width=width, model=model)
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns, 4)


@contextmanager
def opened(folder: Path, browser: Any, *, isolated: bool = True, threads: int | None = None) -> Iterator[Engine]:
    """The engine of a site, in a browser; no request may leave this machine."""
    with served(folder, isolated=isolated) as site:
        visits = Visits(browser, site, WAIT)
        page = visits.page()
        page.goto(f"{site}LICENSES.txt")
        yield Engine(page, site, threads)
        visits.end()


def png(pixels: np.ndarray) -> str:
    """A picture's PNG in base64."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
