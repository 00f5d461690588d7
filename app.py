"""The Space: ``python app.py`` serves the page of :mod:`colorhub.space`."""

import sys

from colorhub._extras import MissingExtraError, require
from colorhub.study.errors import StudyError

if __name__ == "__main__":
    try:
        require("app")
        from colorhub.space import launch

        launch()
    except (MissingExtraError, StudyError) as error:
        sys.exit(str(error))
