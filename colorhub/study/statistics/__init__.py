"""Statistics of the real-or-fake study: pure functions on a table of trials.

Raters differ and images differ, and both were drawn from many: an interval that is to hold for new raters and new
images must count both. The default here does (:mod:`~colorhub.study.statistics.resampling`); what does not is
labelled so.
"""
