"""``colorhub``, typed in this process, or as the command of another one."""

import sys

from typer.testing import CliRunner, Result

from colorhub.cli.main import app

COLORHUB = [sys.executable, "-m", "colorhub.cli.main"]


def typed(*arguments: object, code: int | None = None) -> Result:
    """A command's result, which is no traceback; its exit code is ``code``, if given."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert code is None or result.exit_code == code, result.output
    return result
