"""What ``colorhub colorize`` prints while it works and at the end, for people or as JSON lines."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import typer
from tqdm import tqdm

from colorhub._text import one_line
from colorhub.cli.console import echo_err, mute_stdout, printable

if TYPE_CHECKING:
    from colorhub.folder.plan import FileResult

_FEW = 20  # up to so many photos are named one by one
_NUMBER = re.compile(r"\d[\d.,]*")
_SIGN_OF_LIFE = 60.0  # seconds between lines where there is no terminal to draw a bar on


class RunReport:
    """Counts results and prints them. With ``as_json``, stdout gets one object a file and people read stderr.
    ``to_do``: how many there are, where that is known."""

    def __init__(self, to_do: int | None, as_json: bool) -> None:
        self.to_do, self.as_json, self.done = to_do, as_json, 0
        self.counts: Counter[str] = Counter()
        self.failures: list[tuple[str, str]] = []
        self.unsure = 0  # photos that were coloured, though they may have been in colour already
        self.lost: dict[str, Counter[str]] = {}  # what was lost in how many photos, by its kind
        self.unprinted = False
        self.started = self.last_line = monotonic()
        self.bar = tqdm(
            total=to_do, unit="photo", file=sys.stderr, leave=False, disable=not (to_do and sys.stderr.isatty())
        )

    def add(self, result: "FileResult") -> None:
        """Count and print what became of one file."""
        self.counts[result.status] += 1
        self.unsure += result.unsure
        for note in result.lost:
            self.lost.setdefault(_kind(note, result.source), Counter())[printable(note)] += 1
        reason = one_line(result.reason, None) if result.reason else ""
        if result.status == "failed":
            self.failures.append((printable(result.source), printable(reason)))
        if self.as_json:
            self._print_json(
                path=str(result.source),
                output=None if result.output is None else str(result.output),
                status=result.status,
                reason=printable(reason) or None,
                lost=[printable(note) for note in result.lost],
                seconds=round(result.seconds, 3),
                size=result.size,
            )
        elif (
            self.to_do is not None
            and self.to_do <= _FEW
            and result.output
            and result.status in ("colored", "passed_through")
        ):
            note = f" ({printable(reason)})" if reason else ""
            self._print(f"{printable(result.source)} -> {printable(result.output)}{note}")

    def advance(self) -> None:
        """One photo of those to do is done: move the bar, or without a terminal say now and then how far it is."""
        self.bar.update()
        self.done += 1
        if not self.bar.disable or monotonic() - self.last_line < _SIGN_OF_LIFE:
            return
        rate = self.done / (monotonic() - self.started)
        if self.to_do is None:
            self.last_line = monotonic()
            echo_err(f"{self.done} photos, {rate:.2g} a second")
        elif self.done < self.to_do:
            self.last_line = monotonic()
            left = duration((self.to_do - self.done) / rate)
            echo_err(f"{self.done} of {self.to_do} photos, {rate:.2g} a second, {left} left")

    def at(self, done: int, to_do: int | None) -> None:
        """So many are done, of so many, where that is known by now: for work that is done elsewhere."""
        if to_do and self.bar.total is None and sys.stderr.isatty():
            self.bar = tqdm(total=to_do, unit="photo", file=sys.stderr, leave=False)
        self.to_do = to_do
        while self.done < done:
            self.advance()

    def finish(self, model: str | None, exit_code: int) -> None:
        """Print the summary: how many of what, and each failure with its reason."""
        self.bar.close()
        seconds = monotonic() - self.started
        echo_err(self._sentence(seconds))
        if self.unsure:
            some = "1 photo was" if self.unsure == 1 else f"{self.unsure} photos were"
            echo_err(
                f"{some} coloured that may have been in colour already (--in-color keep leaves such ones as they are)."
            )
        lost = self._lost()
        for what, count in lost.items():
            echo_err(f"  {'1 photo' if count == 1 else f'{count} photos'}: {what}")
        for path, reason in self.failures:
            echo_err(f"  {reason}" if Path(path).name in reason else f"  {path}: {reason}")
        if self.as_json:
            statuses = ("colored", "passed_through", "skipped", "failed")
            counts = {status: self.counts[status] for status in statuses}
            how = {"seconds": round(seconds, 3), "model": model, "exit_code": exit_code}
            self._print_json(summary={**counts, "lost": lost, **how})

    def _lost(self) -> dict[str, int]:
        """In how many photos what was lost: in a note's own words, without its numbers where they differ."""
        kinds = self.lost.items()
        return {next(iter(told)) if len(told) == 1 else printable(kind): told.total() for kind, told in kinds}

    def _sentence(self, seconds: float) -> str:
        done = "it" if self.counts["skipped"] == 1 else "them"
        words = {
            "passed_through": "already in colour and passed through unchanged (--in-color recolor colours them anew)",
            "skipped": f"done before and skipped (--overwrite colours {done} anew)",
            "failed": "failed",
        }
        parts = [f"{self.counts['colored']} coloured"]
        parts += [f"{self.counts[status]} {text}" for status, text in words.items() if self.counts[status]]
        return f"{', '.join(parts)} in {duration(seconds)}{':' if self.failures or self.lost else '.'}"

    def _print(self, line: str) -> None:
        """Print a line. Where that fails, for example because the disk is full, the work goes on without printing."""
        try:
            if self.bar.disable:
                typer.echo(line)
            else:
                tqdm.write(line, file=sys.stdout)
                sys.stdout.flush()
        except BrokenPipeError:  # nobody listens: the run ends
            raise
        except OSError as error:
            self.unprinted = True
            mute_stdout()
            echo_err(f"Error: the output cannot be printed ({error.strerror}); the photos are coloured all the same.")

    def _print_json(self, **facts: Any) -> None:
        self._print(json.dumps(facts))


def _kind(note: str, source: Path) -> str:
    """A note without what differs between two photos that lost the same: numbers, and the names of their sidecars."""
    name = re.compile(rf"{re.escape(source.stem)}(\.[^\s.]+)*\.xmp\b", re.IGNORECASE)
    return _NUMBER.sub("...", name.sub("...", note))


def duration(seconds: float) -> str:
    """``12.3 s``, ``4 min 5 s`` or ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
