"""The HTTP side of the local Hub: the parts of the Hub's protocol that its client speaks."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from local_hub import LocalHub, Repository

Files = dict[str, bytes]
_LFS_SUFFIXES = (".safetensors", ".bin", ".parquet", ".zip", ".webp", ".png", ".jpg")
_REGULAR_LIMIT = 10_000_000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(path: str, size: int) -> bool:
    return path.endswith(_LFS_SUFFIXES) or size > _REGULAR_LIMIT


class _CutError(ConnectionError):
    """The connection ends here, on purpose or because the client is gone."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: "LocalHub"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        request = f"{self.command} {unquote(address.path)}"
        self.hub.log.append(request)
        fault = self.hub.fault(request)
        self.cut_after = fault.cut_after if fault else None
        self.query = {key: values[0] for key, values in parse_qs(address.query).items()}
        if self.cut_after is not None and self.command in ("POST", "PUT"):
            self.rfile.read(self.cut_after)
            raise _CutError
        self.body = self._read_body()
        if fault and fault.status:
            return self.answer(fault.status, {"error": "out of order"})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.account = self.hub.accounts.get(token)
        if token and not self.account:
            return self.refuse(401, "", "Invalid credentials in Authorization header")
        for pattern, method in _ROUTES:
            if found := re.fullmatch(pattern, address.path):
                parts = [part if part is None else unquote(part) for part in found.groups()]
                return method(self, *parts)
        return self.refuse(404, "", f"no such address: {address.path}")

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self._read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self._read(int(self.headers.get("Content-Length") or 0))

    def _read(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            part = self.rfile.read(min(left, 1 << 16))
            if not part:
                raise _CutError
            parts.append(part)
            left -= len(part)
            if self.hub.bytes_a_second:
                time.sleep(len(part) / self.hub.bytes_a_second)
        return b"".join(parts)

    def answer(self, status: int, content: Any = b"", **headers: str) -> None:
        """Send JSON or bytes (a range of them where one is asked for); cut off where a fault says so."""
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and status == 200 and self.command == "GET":
            first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            status, content = 206, content[first : last + 1]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            if self.cut_after is not None and self.cut_after < len(content):
                self.wfile.write(content[: self.cut_after])
                self.wfile.flush()
                raise _CutError
            self.wfile.write(content)

    def refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X_Error_Message": message, **({"X_Error_Code": code} if code else {})}
        self.answer(status, {"error": message}, **headers)

    def repository(self, kind: str | None, repo_id: str, write: bool = False) -> "Repository | None":
        """The repository, or None when the request has been refused."""
        found = self.hub.repositories.get(((kind or "models").removesuffix("s"), repo_id))
        owns = self.account is not None and self.account.owns(repo_id)
        if found is None or (found.private and not owns):
            self.refuse(404 if self.account else 401, "RepoNotFound", "Repository not found")
            return None
        if found.gated and not owns:
            self.refuse(403, "GatedRepo", "Access to this repository is restricted")
            return None
        if write and not (owns and self.account and self.account.role == "write"):
            self.refuse(403 if self.account else 401, "", "You don't have the rights to write here")
            return None
        return found

    # The addresses

    def whoami(self) -> None:
        if self.account is None:
            return self.refuse(401, "", "Invalid username or password.")
        orgs = [{"type": "org", "id": name, "name": name} for name in self.account.orgs]
        auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": self.account.role}}
        return self.answer(200, {"type": "user", "id": "1", "name": self.account.name, "orgs": orgs, "auth": auth})

    def create(self) -> None:
        asked = json.loads(self.body)
        kind = asked.get("type") or "model"
        repo_id = f"{asked.get('organization') or (self.account.name if self.account else '')}/{asked['name']}"
        if self.account is None or self.account.role != "write" or not self.account.owns(repo_id):
            return self.refuse(403, "", f"You don't have the rights to create a {kind} under this namespace")
        url = f"{self.hub.url}/{'' if kind == 'model' else kind + 's/'}{repo_id}"
        with self.hub.lock:
            if (kind, repo_id) in self.hub.repositories:
                return self.answer(409, {"error": "You already created this repo", "url": url})
            allowed = self.account.hardware
            if kind == "space" and allowed is not None and asked.get("hardware", "cpu-basic") not in allowed:
                return self.refuse(402, "", "Subscribe to PRO to create Gradio Spaces")
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            made = self.hub.add(repo_id, {".gitattributes": b""}, kind=kind, private=private)
            made.hardware = asked.get("hardware")
        return self.answer(200, {"url": url, "name": repo_id, "id": "1"})

    def validate_yaml(self) -> None:
        self.answer(200, {"errors": [], "warnings": []})

    def info(self, kind: str, repo_id: str, revision: str | None = None) -> None:
        if not (found := self.repository(kind, repo_id)):
            return None
        if (commit := found.find(revision or "main")) is None:
            return self.refuse(404, "RevisionNotFound", "Invalid rev id")
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        facts = {"id": repo_id, "modelId": repo_id, "sha": commit.oid, "private": found.private, "tags": []}
        return self.answer(200, {"_id": "1", "downloads": 0, "likes": 0, "siblings": siblings, **facts})

    def tree(self, kind: str, repo_id: str, revision: str, below: str | None) -> None:
        if not (found := self.repository(kind, repo_id)):
            return None
        if (commit := found.find(revision)) is None:
            return self.refuse(404, "RevisionNotFound", "Invalid rev id")
        start = f"{below.strip('/')}/" if below and below.strip("/") else ""
        entries: dict[str, dict[str, Any]] = {}
        for path, content in sorted(commit.files.items()):
            if path.startswith(start):
                folder, inside, _ = path[len(start) :].partition("/")
                if inside:
                    name = start + folder
                    entries[name] = {"type": "directory", "path": name, "size": 0, "oid": git_sha(name.encode())}
                if not inside or self.query.get("recursive", "").lower() == "true":
                    entries[path] = _entry(path, content)
        if start and not entries:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        return self.answer(200, list(entries.values()))

    def paths_info(self, kind: str, repo_id: str, revision: str) -> None:
        if found := self.repository(kind, repo_id):
            commit = found.find(revision)
            form = parse_qs(self.body.decode())
            wanted = form.get("paths") or json.loads(self.body or b"{}").get("paths", [])
            files = commit.files if commit else {}
            folders = [
                {"type": "directory", "path": path, "size": 0, "oid": git_sha(path.encode())}
                for path in wanted
                if any(name.startswith(f"{path}/") for name in files)
            ]
            self.answer(200, folders + [_entry(path, files[path]) for path in wanted if path in files])

    def preupload(self, kind: str, repo_id: str, revision: str) -> None:
        if found := self.repository(kind, repo_id, write=True):
            commit = found.find(revision)
            answers = []
            for file in json.loads(self.body)["files"]:
                lfs = is_lfs(file["path"], file["size"])
                old = commit.files.get(file["path"]) if commit else None
                oid = None if old is None else sha256(old) if lfs else git_sha(old)
                mode = "lfs" if lfs else "regular"
                answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            self.answer(200, {"files": answers})

    def lfs_batch(self, kind: str | None, repo_id: str) -> None:
        if self.repository(kind, repo_id, write=True):
            objects = []
            for asked in json.loads(self.body)["objects"]:
                entry: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
                if asked["oid"] not in self.hub.large:
                    # Not verified afterwards: the upload itself checks the digest.
                    entry["actions"] = {"upload": {"href": f"{self._storage()}/{asked['oid']}"}}
                objects.append(entry)
            self.answer(200, {"transfer": "basic", "objects": objects})

    def large_file(self, oid: str) -> None:
        if self.command == "PUT":
            if sha256(self.body) != oid:
                return self.refuse(400, "", "Content does not have this digest")
            self.hub.large[oid] = self.body
            return self.answer(200)
        if oid not in self.hub.large:
            return self.refuse(404, "EntryNotFound", "No such object")
        return self.answer(200, self.hub.large[oid], ETag=f'"{oid}"')

    def commit(self, kind: str, repo_id: str, revision: str) -> None:
        if not (found := self.repository(kind, repo_id, write=True)):
            return None
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        with self.hub.lock:
            head = found.find(revision)
            if head is None:
                return self.refuse(404, "RevisionNotFound", "Invalid rev id")
            if header.get("parentCommit") not in (None, head.oid):
                return self.refuse(412, "", "A commit has happened since. Please refresh and try again.")
            files = dict(head.files)
            for line in lines:
                _apply(files, line["key"], line["value"], self.hub.large)
            number = len(found.branches)
            pull = f"refs/pr/{number}" if self.query.get("create_pr") else None
            made = found.commit(files, header["summary"], pull or revision)
        url = f"{self.hub.url}/{repo_id}"
        answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/commit/{made.oid}", "hookOutput": ""}
        return self.answer(200, answer | ({"pullRequestUrl": f"{url}/discussions/{number}"} if pull else {}))

    def commits(self, kind: str, repo_id: str, revision: str) -> None:
        if found := self.repository(kind, repo_id):
            facts = {"authors": [{"user": "owner"}], "date": "2026-01-01T00:00:00.000Z", "message": ""}
            made = reversed(found.branches.get(revision, []))
            self.answer(200, [{"id": commit.oid, "title": commit.title, **facts} for commit in made])

    def squash(self, kind: str, repo_id: str, revision: str) -> None:
        if found := self.repository(kind, repo_id, write=True):
            with self.hub.lock:
                head = found.branches.pop(revision)[-1]
                found.commit(head.files, json.loads(self.body)["message"], revision, base="")
            self.answer(200)

    def discussions(self, kind: str, repo_id: str) -> None:
        if found := self.repository(kind, repo_id):
            pulls = [ref for ref in found.branches if ref.startswith("refs/pr/")]
            shown = [
                {
                    "num": int(ref.rpartition("/")[2]),
                    "title": found.branches[ref][-1].title,
                    "author": {"name": "owner"},
                    "createdAt": "2026-01-01T00:00:00.000Z",
                    "status": "open",
                    "isPullRequest": True,
                    "repo": {"name": repo_id, "type": kind.removesuffix("s")},
                }
                for ref in pulls
            ]
            self.answer(200, {"discussions": shown, "count": len(shown), "start": 0})

    def resolve(self, kind: str | None, repo_id: str, revision: str, path: str) -> None:
        if not (found := self.repository(kind, repo_id)):
            return None
        if (commit := found.find(revision)) is None:
            return self.refuse(404, "RevisionNotFound", "Invalid rev id")
        if (content := commit.files.get(path)) is None:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        headers = {"X_Repo_Commit": commit.oid, "Accept_Ranges": "bytes"}
        if is_lfs(path, len(content)):
            digest = sha256(content)
            headers |= {"X_Linked_Size": str(len(content)), "X_Linked_ETag": f'"{digest}"'}
            return self.answer(302, Location=f"{self._storage()}/{digest}", **headers)
        return self.answer(200, content, ETag=f'"{git_sha(content)}"', **headers)

    def _storage(self) -> str:
        return f"http://localhost:{self.hub.port}/lfs"


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": git_sha(content)}
    if is_lfs(path, len(content)):
        entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 130}
    return entry


def _apply(files: Files, key: str, value: dict[str, Any], large: dict[str, bytes]) -> None:
    if key == "file":
        files[value["path"]] = base64.b64decode(value["content"])
    elif key == "lfsFile":
        files[value["path"]] = large[value["oid"]]
    elif key == "deletedFile":
        del files[value["path"]]


_KIND = "(models|datasets|spaces)"
_ID = "([^/]+/[^/]+)"
_ROUTES: list[tuple[str, Callable[..., None]]] = [
    ("/api/whoami-v2", Handler.whoami),
    ("/api/repos/create", Handler.create),
    ("/api/validate-yaml", Handler.validate_yaml),
    ("/lfs/([0-9a-f]{64})", Handler.large_file),
    (rf"/(?:(datasets|spaces)/)?{_ID}\.git/info/lfs/objects/batch", Handler.lfs_batch),
    (rf"/api/{_KIND}/{_ID}", Handler.info),
    (rf"/api/{_KIND}/{_ID}/revision/([^/]+)", Handler.info),
    (rf"/api/{_KIND}/{_ID}/tree/([^/]+)(/.*)?", Handler.tree),
    (rf"/api/{_KIND}/{_ID}/paths-info/([^/]+)", Handler.paths_info),
    (rf"/api/{_KIND}/{_ID}/preupload/([^/]+)", Handler.preupload),
    (rf"/api/{_KIND}/{_ID}/commit/([^/]+)", Handler.commit),
    (rf"/api/{_KIND}/{_ID}/commits/([^/]+)", Handler.commits),
    (rf"/api/{_KIND}/{_ID}/super-squash/([^/]+)", Handler.squash),
    (rf"/api/{_KIND}/{_ID}/discussions", Handler.discussions),
    (rf"/(?:(datasets|spaces)/)?{_ID}/resolve/([^/]+)/(.+)", Handler.resolve),
]
