"""One run an output: a lease that its holder renews, and that runs out once he is dead.

No clocks are compared, since two machines' may differ and one's may jump: a holder counts, and whoever finds a lease
watches whether it is counted on. Shards of one count share an output; each has a lease of its own.
"""

import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Protocol, Self

from colorhub.archive.places import Place
from colorhub.archive.retrying import retried
from colorhub.archive.rows import utc_now

PREFIX = "colorhub-lease."
BEAT = 10.0  # seconds between two renewals
_PAUSE = 0.5  # seconds
EXPIRY = 60.0  # seconds without one, after which a lease has run out


class LeaseError(RuntimeError):
    """Another run holds the output: the message names it, and says since when."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease. ``kernel``: where ``pid`` means this process, a boot and a container; ``born``: when it was
    started, so that another one of its number is not taken for it; ``beat``: how often it was renewed."""

    token: str
    shard: str
    machine: str
    pid: int
    kernel: str
    born: str
    since: str
    beat: int = 0

    @classmethod
    def me(cls, shard: str) -> Self:
        """This process."""
        return cls(secrets.token_hex(8), shard, platform.node(), os.getpid(), _kernel(), _born(os.getpid()), utc_now())

    def to_bytes(self) -> bytes:
        """As JSON, of one length however often it is renewed."""
        return json.dumps(asdict(self)).encode("utf-8").ljust(512) + b"\n"

    @property
    def is_dead(self) -> bool:
        """Whether it is surely gone: a process of this machine that is no more."""
        return self.kernel != "" and self.kernel == _kernel() and _born(self.pid) != self.born

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine that runs."""
        return self.kernel != "" and self.kernel == _kernel() and _born(self.pid) == self.born

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine}, since {self.since}"


class Leases(Protocol):
    """The leases of an output, and the operations on them that only one of several can succeed with."""

    def names(self) -> list[str]:
        """Of those that are there."""

    def read(self, name: str) -> Holder | None:
        """Who holds one; ``None`` where it is gone."""

    def create(self, name: str, holder: Holder) -> bool:
        """Take one that nobody holds; False where somebody does."""

    def renew(self, name: str, holder: Holder) -> bool:
        """Count on; False where it is not ours any more."""

    def break_(self, name: str, seen: Holder) -> None:
        """Remove one that has run out, if it is still the one that was seen."""

    def release(self, name: str, holder: Holder) -> None:
        """Give ours back."""


@contextmanager
def leased(
    place: Place,
    shard: tuple[int, int] = (0, 1),
    *,
    beat: float = BEAT,
    expiry: float = EXPIRY,
    lost: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold an output while the block runs.

    Args:
        place: the output.
        shard: ``(index, count)``: others of this count may hold theirs beside it.
        beat: seconds between renewals.
        expiry: seconds to watch a lease of another machine before it is taken for run out.
        lost: called where another run took the lease over, because this one was asleep for too long.

    Raises:
        LeaseError: another run holds it.
        OSError: the lease cannot be written.
    """
    leases, me = _leases(place), Holder.me(f"{shard[0]}/{shard[1]}")
    name = f"{PREFIX}{shard[0]}-of-{shard[1]}.json"
    _take(leases, name, me, shard[1], place.name, beat, expiry)
    ended = Event()
    keeper = Thread(target=_keep, args=(leases, name, me, beat, ended, lost), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        with suppress(Exception):  # it runs out by itself
            leases.release(name, me)


@contextmanager
def in_turn(place: Place, count: int) -> Iterator[None]:
    """Do what only one of ``count`` shards may at a time: wait until no other does. It has a lease as a shard has."""
    with ExitStack() as stack:
        while count > 1:
            try:
                stack.enter_context(leased(place, (count, count)))
                break
            except LeaseError:
                time.sleep(_PAUSE)
        yield


def _take(leases: Leases, name: str, me: Holder, count: int, output: str, beat: float, expiry: float) -> None:
    while not leases.create(name, me):
        _end_or_refuse(leases, name, output, beat, expiry)
    try:
        for other in leases.names():
            if other != name and not other.endswith(f"-of-{count}.json"):
                _end_or_refuse(leases, other, output, beat, expiry)
    except BaseException:
        leases.release(name, me)
        raise


def _end_or_refuse(leases: Leases, name: str, output: str, beat: float, expiry: float) -> None:
    """Remove a lease that has run out; watch one of another machine for that long."""
    seen = leases.read(name)
    watched = time.monotonic()
    while seen is not None:
        now = leases.read(name)
        if now is None:
            return
        if now.is_here or now != seen:
            raise LeaseError(
                f"another run colours into {output} ({now}): wait for its end, or give this one another output folder"
            )
        if now.is_dead or time.monotonic() - watched > expiry:
            leases.break_(name, now)
            return
        time.sleep(min(beat, 1.0) / 2)


def _keep(leases: Leases, name: str, me: Holder, beat: float, ended: Event, lost: Callable[[], None]) -> None:
    count = 0
    while not ended.wait(beat):
        count += 1
        with suppress(Exception):  # a network that is away for a moment: the next one tells
            if not leases.renew(name, replace(me, beat=count)):
                lost()
                return


def _leases(place: Place) -> Leases:
    if place.is_local:
        return _LocalLeases(Path(place.root))
    return _ObjectLeases(place)


class _LocalLeases:
    """Files in a folder, also of a file server: made by ``O_EXCL``, taken away by renaming, which one of many succeeds
    with, and renewed through the open file, so that what has taken its place is never written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """As :class:`Leases` says."""
        return sorted(path.name for path in self.folder.glob(f"{PREFIX}*.json"))

    def read(self, name: str) -> Holder | None:
        """As :class:`Leases` says."""
        with suppress(FileNotFoundError):
            return _holder((self.folder / name).read_bytes())
        return None

    def create(self, name: str, holder: Holder) -> bool:
        """As :class:`Leases` says."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._file = (self.folder / name).open("xb", buffering=0)
        except FileExistsError:
            return False
        self._file.write(holder.to_bytes())
        return True

    def renew(self, name: str, holder: Holder) -> bool:
        """As :class:`Leases` says."""
        os.pwrite(self._file.fileno(), holder.to_bytes(), 0)
        return self._is_ours(name)

    def break_(self, name: str, seen: Holder) -> None:
        """As :class:`Leases` says."""
        aside = self.folder / f".{name}.{secrets.token_hex(6)}.tmp"
        with suppress(FileNotFoundError):
            (self.folder / name).rename(aside)
            if _holder(aside.read_bytes()).token != seen.token:  # another one was quicker, and it is his: back
                with suppress(FileExistsError):
                    os.link(aside, self.folder / name)
            aside.unlink()

    def release(self, name: str, holder: Holder) -> None:
        """As :class:`Leases` says."""
        if self._is_ours(name):
            (self.folder / name).unlink()
        self._file.close()

    def _is_ours(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), (self.folder / name).stat())
        return False


class _ObjectLeases:
    """Objects, written on the condition that there is none, and on S3 renewed and removed on the condition that it is
    still the one that was read. Elsewhere the moment between reading and writing is not guarded."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def names(self) -> list[str]:
        """As :class:`Leases` says."""
        return [name for name in self.place.names(PREFIX) if name.endswith(".json")]

    def read(self, name: str) -> Holder | None:
        """As :class:`Leases` says."""
        with suppress(FileNotFoundError), self.place.reading(name) as file:
            return _holder(file.read())
        return None

    def create(self, name: str, holder: Holder) -> bool:
        """As :class:`Leases` says."""
        path, content = self.place.path(name), holder.to_bytes()
        try:
            retried(lambda: self.place.fs.pipe_file(path, content, mode="create"))
        except FileExistsError:
            return self._is_ours(name, holder)  # an answer that got lost was a yes
        return True

    def renew(self, name: str, holder: Holder) -> bool:
        """As :class:`Leases` says."""
        condition = self._condition(name)
        if not self._is_ours(name, holder):
            return False
        try:
            self.place.fs.pipe_file(self.place.path(name), holder.to_bytes(), **condition)
        except Exception:  # changed in between, or the network is away: the next time tells
            return self._is_ours(name, holder)
        return True

    def break_(self, name: str, seen: Holder) -> None:
        """As :class:`Leases` says."""
        condition = self._condition(name)
        found = self.read(name)
        if found is None or found.token != seen.token:
            return
        if condition:
            with suppress(OSError):  # another one was quicker
                bucket, _, key = self.place.path(name).partition("/")
                self.place.fs.call_s3("delete_object", Bucket=bucket, Key=key, **condition)
        else:
            self.place.remove(name)

    def release(self, name: str, holder: Holder) -> None:
        """As :class:`Leases` says."""
        if self._is_ours(name, holder):
            self.place.remove(name)

    def _is_ours(self, name: str, holder: Holder) -> bool:
        found = self.read(name)
        return found is not None and found.token == holder.token

    def _condition(self, name: str) -> dict[str, str]:
        """That it is still what it is now, as S3 takes it."""
        if "s3" not in self.place.protocols:
            return {}
        self.place.fs.invalidate_cache()
        with suppress(FileNotFoundError):
            return {"IfMatch": retried(lambda: self.place.fs.info(self.place.path(name)))["ETag"]}
        return {}


def _holder(content: bytes) -> Holder:
    """Of a lease's file; one that is being written has no token yet."""
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError):
        return Holder("", "", "another machine", 0, "", "", "a moment ago")


def _kernel() -> str:
    """This boot and this container, whose processes have numbers of their own; empty where that cannot be told."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _born(pid: int) -> str:
    """When a process was started, in ticks since the boot; empty where there is none, or it is a zombie."""
    with suppress(OSError, IndexError):
        state, *facts = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        return "" if state == "Z" else facts[18]
    return ""
