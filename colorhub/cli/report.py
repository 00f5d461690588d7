"""What ``colorhub colorize`` prints while it works and at the end, for people or as JSON lines."""

import json
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import typer
from tqdm import tqdm

from colorhub._text import one_line
from colorhub.cli.console import echo_err, printable

if TYPE_CHECKING:
    from colorhub.folder.plan import FileResult

_FEW = 20  # up to so many photos are named one by one
_SIGN_OF_LIFE = 60.0  # seconds between lines where there is no terminal to draw a bar on


class RunReport:
    """Counts results and prints them. With ``as_json``, stdout gets one object a file and people read stderr."""

    def __init__(self, to_do: int, as_json: bool) -> None:
        self.to_do, self.as_json, self.done = to_do, as_json, 0
        self.counts: Counter[str] = Counter()
        self.failures: list[tuple[str, str]] = []
        self.unsure = 0  # photos that were coloured, though they may have been in colour already
        self.started = self.last_line = monotonic()
        self.bar = tqdm(
            total=to_do, unit="photo", file=sys.stderr, leave=False, disable=not (to_do and sys.stderr.isatty())
        )

    def add(self, result: "FileResult") -> None:
        """Count and print what became of one file."""
        self.counts[result.status] += 1
        self.unsure += result.unsure
        reason = one_line(result.reason, None) if result.reason else ""
        if result.status == "failed":
            self.failures.append((printable(result.source), printable(reason)))
        if self.as_json:
            self._print_json(
                path=str(result.source),
                output=None if result.output is None else str(result.output),
                status=result.status,
                reason=printable(reason) or None,
                seconds=round(result.seconds, 3),
                size=result.size,
            )
        elif self.to_do <= _FEW and result.output and result.status in ("colored", "passed_through"):
            note = f" ({printable(reason)})" if reason else ""
            self._print(f"{printable(result.source)} -> {printable(result.output)}{note}")

    def advance(self) -> None:
        """One photo of those to do is done: move the bar, or without a terminal say now and then how far it is."""
        self.bar.update()
        self.done += 1
        if self.bar.disable and self.done < self.to_do and monotonic() - self.last_line > _SIGN_OF_LIFE:
            self.last_line = monotonic()
            rate = self.done / (self.last_line - self.started)
            left = duration((self.to_do - self.done) / rate)
            echo_err(f"{self.done} of {self.to_do} photos, {rate:.2g} a second, {left} left")

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
        for path, reason in self.failures:
            echo_err(f"  {reason}" if Path(path).name in reason else f"  {path}: {reason}")
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


def duration(seconds: float) -> str:
    """``12.3 s``, ``4 min 5 s`` or ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
