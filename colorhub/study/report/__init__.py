"""The report of a study that has ended: its trials as a table, its figures, a page, Markdown and the R script."""
