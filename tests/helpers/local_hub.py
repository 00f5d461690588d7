"""A Hub on loopback for tests: repositories in memory, served by :mod:`local_hub_http`.

Large files go through LFS, kept under another host name as on the real one (a redirect within the endpoint's host would
lose its headers). Commits are atomic. Accounts, private repositories, pull requests, and faults that cut transfers.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from local_hub_http import Files, Handler, git_sha, is_lfs, sha256


@dataclass(frozen=True)
class Account:
    """Who a token belongs to, and what it may do."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"
    hardware: tuple[str, ...] | None = None  # what its plan allows new Spaces to run on; not given: anything

    def owns(self, repo_id: str) -> bool:
        return repo_id.split("/")[0] in (self.name, *self.orgs)


@dataclass
class Commit:
    oid: str
    files: Files
    title: str


@dataclass
class Repository:
    """``branches``: main and the pull requests' refs, each its commits, the oldest first."""

    id: str
    private: bool = False
    gated: bool = False
    hardware: str | None = None  # of a Space
    branches: dict[str, list[Commit]] = field(default_factory=dict)

    def commit(self, files: Files, title: str, ref: str = "main", base: str = "main") -> Commit:
        before = self.branches.get(ref) or self.branches.get(base, [])
        seed = json.dumps([self.id, ref, len(before), title, sorted((p, git_sha(c)) for p, c in files.items())])
        made = Commit(hashlib.sha1(seed.encode()).hexdigest(), files, title)
        self.branches[ref] = [*before, made]
        return made

    def find(self, revision: str) -> Commit | None:
        if revision in self.branches:
            return self.branches[revision][-1]
        return next((c for commits in self.branches.values() for c in commits if c.oid == revision), None)


@dataclass
class Fault:
    """What happens to requests whose ``METHOD path`` matches: a status, or a connection cut after so many bytes."""

    pattern: str
    status: int | None = None
    cut_after: int | None = None
    times: int = 1_000_000


class LocalHub:
    """The server: ``url`` is for ``HF_ENDPOINT``; ``log`` holds every request as ``METHOD path``."""

    def __init__(self) -> None:
        self.accounts = {
            "hf_owner": Account("owner", ("our-org",)),
            "hf_reader": Account("owner", ("our-org",), "read"),
        }
        self.accounts["hf_free"] = Account("free", hardware=("zero-a10g",))
        self.accounts["hf_new"] = Account("new", hardware=())
        self.accounts["hf_pro"] = Account("pro", hardware=("cpu-basic",))
        self.accounts["hf_stranger"] = Account("stranger")
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.large: dict[str, bytes] = {}
        self.log: list[str] = []
        self.faults: list[Fault] = []
        self.bytes_a_second: float | None = None  # how fast uploads are taken in
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving: from then on connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, repo_id: str, files: Files, *, kind: str = "model", private: bool = False) -> Repository:
        """A repository with one commit, as if someone had pushed it."""
        self.repositories[kind, repo_id] = Repository(repo_id, private)
        self.push(repo_id, files, kind=kind)
        return self.repositories[kind, repo_id]

    def push(self, repo_id: str, files: Files, *, kind: str = "model") -> str:
        """One more commit, of these files alone; its id."""
        self.large.update({sha256(c): c for p, c in files.items() if is_lfs(p, len(c))})
        return self.repositories[kind, repo_id].commit(files, "pushed").oid

    def files(self, repo_id: str, kind: str = "model", ref: str = "main") -> Files:
        """What a repository holds now, without the file that the Hub itself puts there."""
        found = self.repositories[kind, repo_id].branches[ref][-1].files
        return {path: content for path, content in found.items() if path != ".gitattributes"}

    def commits(self, repo_id: str, kind: str = "model", ref: str = "main") -> list[Commit]:
        return self.repositories[kind, repo_id].branches[ref]

    def writes(self) -> list[str]:
        """Requests so far that change or try to change something."""
        asking = ("/validate-yaml", "/paths-info/", "/preupload/", "/objects/batch")
        return [
            line
            for line in self.log
            if line.split()[0] in ("POST", "PUT", "DELETE") and not any(a in line for a in asking)
        ]

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            found = next((f for f in self.faults if f.times and re.search(f.pattern, request)), None)
            if found:
                found.times -= 1
        return found


@contextmanager
def serving() -> Iterator[LocalHub]:
    hub = LocalHub()
    try:
        yield hub
    finally:
        hub.close()
