"""Proof of what was done with many files: one row a file (:mod:`rows`), kept in the output (:mod:`manifest`)."""
