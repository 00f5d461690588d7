"""One module a command of ``colorhub``. Heavy imports are inside functions: ``--help`` is quick."""
