"""Voting in the browser: a JSON API over :mod:`colorhub.study`, the rater's page, and the tabs that show both.

Import the modules: this one is empty.
"""
