"""Statistics of the real-or-fake study: pure functions on a table of trials.

Raters differ and images differ, and both were drawn from many: an interval that is to hold for new raters and new
images must count both. The default here does (:mod:`~colorhub.study.statistics.resampling`); what does not is
labelled so.
"""

from colorhub.study.statistics.analysis import Analysis, ModelResult, analyse
from colorhub.study.statistics.comparison import Comparison, compare_models, holm
from colorhub.study.statistics.detection import (
    SideBias,
    criterion,
    forced_choice_sensitivity,
    sensitivity,
    side_bias,
    unclustered_sensitivity_error,
)
from colorhub.study.statistics.estimate import Estimate, wilson
from colorhub.study.statistics.mixed import MixedModel, fit_mixed_model
from colorhub.study.statistics.regression import Regression, two_way_regression
from colorhub.study.statistics.resampling import Resampled, resample
from colorhub.study.statistics.table import ORIGINAL, TableError, Trials, read_table, trials_of

__all__ = [
    "ORIGINAL",
    "Analysis",
    "Comparison",
    "Estimate",
    "MixedModel",
    "ModelResult",
    "Regression",
    "Resampled",
    "SideBias",
    "TableError",
    "Trials",
    "analyse",
    "compare_models",
    "criterion",
    "fit_mixed_model",
    "forced_choice_sensitivity",
    "holm",
    "read_table",
    "resample",
    "sensitivity",
    "side_bias",
    "trials_of",
    "two_way_regression",
    "unclustered_sensitivity_error",
    "wilson",
]
