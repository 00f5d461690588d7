"""What ``colorhub colorize`` prints while it works and at the end, for people or as JSON lines."""

import json
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import typer
from tqdm import tqdm

from colorhub.cli.console import say, shown

_FEW = 20  # up to so many photos are named one by one
_SIGN_OF_LIFE = 60.0  # seconds between lines where there is no terminal to draw a bar on


class Report:
    """Counts outcomes and prints them. With ``as_json``, stdout gets one object a file and people read stderr."""

    def __init__(self, to_do: int, as_json: bool) -> None:
        self.to_do, self.as_json, self.done = to_do, as_json, 0
        self.counts: Counter[str] = Counter()
        self.failures: list[tuple[str, str]] = []
        self.unsure = 0  # photos that were coloured, though they may have been in colour already
        self.started = self.last_line = monotonic()
        self.bar = tqdm(
            total=to_do, unit="photo", file=sys.stderr, leave=False, disable=not (to_do and sys.stderr.isatty())
        )

    def add(
        self,
        path: Path,
        status: str,
        output: Path | None = None,
        reason: str = "",
        seconds: float = 0.0,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Count and print what became of one file."""
        self.counts[status] += 1
        if status == "failed":
            self.failures.append((shown(path), one_line(reason)))
        if self.as_json:
            self._print_json(
                path=str(path),
                output=None if output is None else str(output),
                status=status,
                reason=one_line(reason) or None,
                seconds=round(seconds, 3),
                size=size,
            )
        elif self.to_do <= _FEW and output and status in ("colored", "passed_through"):
            self._print(f"{shown(path)} -> {shown(output)}{f' ({one_line(reason)})' if reason else ''}")

    def advance(self) -> None:
        """One photo of those to do is done: move the bar, or without a terminal say now and then how far it is."""
        self.bar.update()
        self.done += 1
        if self.bar.disable and self.done < self.to_do and monotonic() - self.last_line > _SIGN_OF_LIFE:
            self.last_line = monotonic()
            rate = self.done / (self.last_line - self.started)
            left = duration((self.to_do - self.done) / rate)
            say(f"{self.done} of {self.to_do} photos, {rate:.2g} a second, {left} left")

    def finish(self, model: str | None, exit_code: int) -> None:
        """Print the summary: how many of what, and each failure with its reason."""
        self.bar.close()
        seconds = monotonic() - self.started
        say(self._sentence(seconds))
        if self.unsure:
            some = "1 photo was" if self.unsure == 1 else f"{self.unsure} photos were"
            say(f"{some} coloured that may have been in colour already (--in-color keep leaves such ones as they are).")
        for path, reason in self.failures:
            say(f"  {reason}" if Path(path).name in reason else f"  {path}: {reason}")
        if self.as_json:
            statuses = ("colored", "passed_through", "skipped", "failed")
            counts = {status: self.counts[status] for status in statuses}
            self._print_json(summary={**counts, "seconds": round(seconds, 3), "model": model, "exit_code": exit_code})

    def _sentence(self, seconds: float) -> str:
        words = {
            "passed_through": "already in colour and passed through unchanged (--in-color recolor colours them anew)",
            "skipped": "done before and skipped (--overwrite does them again)",
            "failed": "failed",
        }
        parts = [f"{self.counts['colored']} coloured"]
        parts += [f"{self.counts[status]} {text}" for status, text in words.items() if self.counts[status]]
        return f"{', '.join(parts)} in {duration(seconds)}{':' if self.failures else '.'}"

    def _print(self, line: str) -> None:
        if self.bar.disable:
            typer.echo(line)
        else:
            tqdm.write(line, file=sys.stdout)

    def _print_json(self, **facts: Any) -> None:
        self._print(json.dumps(facts))
        sys.stdout.flush()


def one_line(text: str) -> str:
    """A sentence that can stand in a list: printable, on one line, without its full stop."""
    return shown(" ".join(text.split()).removesuffix("."))


def duration(seconds: float) -> str:
    """``12.3 s``, ``4 min 5 s`` or ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
