"""The Space: ``python app.py`` serves the page of :mod:`colorhub.space`."""

import sys

from colorhub._extras import MissingExtraError, require

if __name__ == "__main__":
    try:
        require("app")
    except MissingExtraError as error:
        sys.exit(str(error))
    from colorhub.space import launch

    launch()
