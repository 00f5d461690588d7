"""The stimuli of a study: where photos come from, which are drawn, and the files that raters get."""
