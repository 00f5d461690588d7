"""The Space: ``python app.py`` serves the page of :mod:`colorhub.space`."""

from colorhub.space import launch

if __name__ == "__main__":
    launch()
