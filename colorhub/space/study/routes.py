"""The API's addresses, added to the app that Gradio launches, with the headers that all of them send.

The truth about a trial is in no address, header, length or order. How long a picture takes does not tell it either:
none is sent before a fixed time, so that one that was read before comes no sooner.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from colorhub.space.study.handlers import Call, Handlers
from colorhub.space.study.limits import FloodError, RateLimit, Senders, read_json
from colorhub.study.errors import RefusedError, StudyError, UnavailableError

PAGE = Path(__file__).parent / "page"
TOKEN = "x-study-token"
THREADS = 8
_WAITING = 1000  # requests that may wait for a thread; more are told to come back
_PICTURE_SECONDS = 0.03  # no picture is sent sooner
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self' https://huggingface.co https://*.hf.space"
)
_FILES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_log = logging.getLogger(__name__)
Answer = Callable[[Call], Any]


def study_routes(handlers: Handlers) -> list[BaseRoute]:
    """Everything under ``/study``, for ``launch(app_kwargs={"routes": ...})``: found before Gradio's own pages."""
    service = Service(handlers)
    problems = {HTTPException: _no_such_address, Exception: _our_fault}
    app = Starlette(routes=service.routes(), exception_handlers=problems)
    return [Route("/study", _to_the_page), Mount("/study", app=app)]


class Service:
    """Between HTTP and the handlers: limits, threads, errors, headers."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._senders = Senders()
        self._addresses = RateLimit(rate=400, burst=4000)  # a hall full of raters behind one address
        self._threads = anyio.CapacityLimiter(THREADS)
        self._slow = anyio.CapacityLimiter(1)  # reports, which nobody's vote waits for

    def routes(self) -> list[Route]:
        """Addresses below ``/study``."""
        handlers, one = self._handlers, "/api/studies/{name}"
        return [
            Route("/", _page),
            Route("/files/{name}", _file),
            self._get("/api/studies", handlers.studies),
            self._get(one, handlers.study),
            self._post(f"{one}/begin", handlers.begin),
            self._get("/api/progress", handlers.progress),
            self._get("/api/plates/{number}", handlers.plate, _PICTURE_SECONDS),
            self._post("/api/plates", handlers.read_plates),
            self._get("/api/pictures/{position}/{number}", handlers.picture, _PICTURE_SECONDS),
            self._post("/api/votes", handlers.vote),
            self._get("/api/result", handlers.result),
            self._post("/api/withdraw", handlers.withdraw),
            Route(f"{one}/report", partial(self._respond, handlers.report, 0.0, self._slow)),
            Route(f"{one}/trials.csv", partial(self._respond, handlers.trials, 0.0, self._slow)),
        ]

    def _get(self, path: str, answer: Answer, seconds: float = 0.0) -> Route:
        return Route(path, partial(self._respond, answer, seconds, self._threads), methods=["GET"])

    def _post(self, path: str, answer: Answer) -> Route:
        return Route(path, partial(self._respond, answer, 0.0, self._threads), methods=["POST"])

    async def _respond(
        self, answer: Answer, seconds: float, threads: anyio.CapacityLimiter, request: Request
    ) -> Response:
        start = time.monotonic()
        try:
            sender = self._senders.of(request)
            self._addresses.take(sender)
            body = await read_json(request) if request.method == "POST" else {}
            call = Call(request.path_params, body, request.headers.get(TOKEN, ""), sender)
            if threads.statistics().tasks_waiting > _WAITING:
                raise UnavailableError("Too many people at once just now. Try again.")
            result = await anyio.to_thread.run_sync(answer, call, limiter=threads)
        except UnavailableError as error:  # its words may name the database's machine
            _log.error("%s", error)
            return _refusal(error.status, error.code, "Votes cannot be taken just now. Try again in a moment.")
        except RefusedError as error:
            return _refusal(error.status, error.code, str(error))
        except StudyError as error:
            return _refusal(404, "unknown", str(error))
        await anyio.sleep(max(0.0, start + seconds - time.monotonic()))
        response = result if isinstance(result, Response) else JSONResponse(result)
        response.headers.update(_HEADERS)
        return response


def _refusal(status: int, code: str, sentence: str) -> JSONResponse:
    headers = dict(_HEADERS)
    if status in (FloodError.status, UnavailableError.status):
        headers["Retry-After"] = "2"
    return JSONResponse({"error": sentence, "code": code}, status, headers)


async def _to_the_page(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"study/{query}", 307, _HEADERS)  # relative: the page may be served under a path


async def _page(request: Request) -> Response:
    return _page_file("rater.html", "text/html; charset=utf-8")


async def _file(request: Request) -> Response:
    path = PAGE / request.path_params["name"]
    if path.suffix not in _FILES:
        raise HTTPException(404)
    return _page_file(path.name, f"{_FILES[path.suffix]}; charset=utf-8")


def _page_file(name: str, kind: str) -> Response:
    try:
        content = (PAGE / name).read_bytes()
    except (OSError, ValueError):  # not there, or no name of a file
        raise HTTPException(404) from None
    headers = {**_HEADERS, "Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(content, media_type=kind, headers=headers)


async def _no_such_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = {404: "There is nothing at this address.", 405: "This address takes other requests."}
    return _refusal(status, "unknown", words.get(status, "This request was not understood."))


async def _our_fault(request: Request, error: Exception) -> Response:
    return _refusal(500, "error", "Something went wrong on our side. Try again.")
