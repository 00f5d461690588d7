"""Every reference report's claims, tested again: ``python -m training.reproduce 001`` goes from data to page.

A file a report (``report_000.py`` ...) says what was claimed, which runs decide it and how they are measured; all else
is written once: ``runs`` trains and measures, ``inference`` compares, ``page`` writes ``docs/reports/001.md`` and
``.json``.
"""

import training  # noqa: F401  it says what is not installed
