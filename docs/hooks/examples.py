"""Docstrings as griffe reads them: its section of examples is called ``Examples``, ours ``Example``."""

from typing import Any

import griffe


class Examples(griffe.Extension):
    """Rename the section, so that its lines are shown as code."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called once an object and its members have been read."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("Example:\n", "Examples:\n")
