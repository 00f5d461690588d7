"""Try again what a network spoils: 500s, answers that do not come, connections that are cut."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
_PAUSES = (0.2, 1.0, 5.0)  # seconds; the stores' own clients try again several times, too
_FINAL = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


def retried(work: Callable[[], _T]) -> _T:
    """What ``work`` gives, which is done again where it fails for what may pass.

    Example:
        >>> from colorhub.archive.retrying import retried
        >>> answers = iter([ConnectionResetError("cut"), 7])
        >>> def ask() -> int:
        ...     answer = next(answers)
        ...     if isinstance(answer, Exception):
        ...         raise answer
        ...     return answer
        >>> retried(ask)
        7
    """
    for pause in _PAUSES:
        try:
            return work()
        except _FINAL:
            raise
        except Exception as error:
            if type(error).__name__ in ("NoCredentialsError", "ParamValidationError"):
                raise
            time.sleep(pause)
    return work()
