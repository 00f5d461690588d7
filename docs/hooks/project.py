"""Files of the project that are pages, too: what changed, and how to contribute."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
_PAGES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    for page, name in _PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files
