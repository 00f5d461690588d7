"""The commands and snippets of README.md and the documentation: fenced blocks, each under a comment with its name."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(r"^<!-- ([\w:' -]+) -->\n```(\w+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```\w", flags=re.MULTILINE)
_EXTRAS = re.compile(r"\.\[([\w,]+)\]")


def texts() -> dict[str, str]:
    """README.md and every page of the documentation: name -> Markdown."""
    pages = {path.relative_to(ROOT / "docs").as_posix(): path for path in sorted((ROOT / "docs").rglob("*.md"))}
    return {name: path.read_text(encoding="utf-8") for name, path in {"README.md": ROOT / "README.md", **pages}.items()}


def names(text: str) -> list[str]:
    """The names of a page's blocks."""
    return [name for name, _, _ in _NAMED.findall(text)]


def unnamed(text: str) -> int:
    """How many blocks of a page have no name."""
    return len(_FENCE.findall(text)) - len(names(text))


def snippet(page: str, name: str) -> str:
    """The code of a block, as written. What a test asks for here, it runs: test_every_snippet_is_run counts on that."""
    [code] = [code for found, _, code in _NAMED.findall(texts()[page]) if found == name]
    return code


def without_installs(code: str) -> str:
    """The lines that install nothing. Those that do name extras that there are."""
    lines = code.splitlines()
    installs = [line for line in lines if line.startswith("pip install ")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for line in installs for found in _EXTRAS.findall(line) for extra in found.split(",")}
    assert named <= set(project["optional-dependencies"])
    return "\n".join(line for line in lines if line not in installs)


def bash(code: str, **variables: str) -> str:
    """What lines print, every one of which must succeed; those that install something are left out."""
    command = ["bash", "-e", "-c", without_installs(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
