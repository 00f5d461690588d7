"""The Space: ``python app.py`` serves the page of :mod:`colorhub.space`."""

import sys

from colorhub._extras import MissingExtraError, require
from colorhub.study.errors import StudyError


def main() -> None:
    """Serve the page until it is ended."""
    require("app")
    from colorhub.space import launch
    from colorhub.space.shared.port import PortError

    try:
        launch()
    except PortError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    try:
        main()
    except (MissingExtraError, StudyError) as error:
        sys.exit(str(error))
