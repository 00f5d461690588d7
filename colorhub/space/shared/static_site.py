"""The static site beside the page: what colours photos in the visitor's own browser, served under a path of its own.

``COLORHUB_STATIC_SITE`` names the folder that ``colorhub static-site`` wrote; without it nothing is served or shown.
"""

import os
from pathlib import Path
from typing import Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = "COLORHUB_STATIC_SITE"
PATH = "/in-your-browser"
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",  # asked again, and sent again where it is another: never half of a new version
}
_LINK = (
    '<p>Or <a href="{path}/" target="_blank" rel="noopener">in your browser</a>: on your own machine, nothing is '
    "uploaded.</p>"
)


def site_folder() -> Path | None:
    """The folder to serve; ``None`` where there is none."""
    named = os.environ.get(FOLDER)
    return Path(named) if named and (Path(named) / "index.html").is_file() else None


def static_routes() -> list[BaseRoute]:
    """What is served of it, for ``launch(app_kwargs={"routes": ...})``."""
    folder = site_folder()
    if folder is None:
        return []
    return [
        Route(PATH, lambda request: RedirectResponse(f"{request.scope.get('root_path', '')}{PATH}/")),
        Mount(PATH, _IsolatedFiles(directory=folder, html=True)),
    ]


def link() -> str:
    """HTML that leads there; empty where nothing is served."""
    return _LINK.format(path=PATH.lstrip("/")) if site_folder() else ""


class _IsolatedFiles(StaticFiles):
    """Files with the headers that let the page have threads."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response: Any = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response
