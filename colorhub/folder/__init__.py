"""Colouring many files: which ones (:mod:`find`), to where (:mod:`plan`), side by side (:mod:`run`).

There is no command line inside. Only :mod:`run` loads torch: planning, and finding out that all is done, takes no time.
"""
