"""Models against each other, on the same images: differences, equivalence, and what many comparisons cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colorhub.study.statistics.estimate import Estimate
from colorhub.study.statistics.resampling import Resampled


@dataclass(frozen=True)
class Comparison:
    """Realness of ``first`` less that of ``second``. ``adjusted``: the p-value by Holm over the family of comparisons.

    ``equivalence``: p of two one-sided tests within ``margin`` (0..1); ``None`` where no margin was preregistered.
    """

    first: str
    second: str
    difference: Estimate
    p_value: float
    adjusted: float
    margin: float | None
    equivalence: float | None

    @property
    def equivalent(self) -> bool:
        """Whether the 90 % interval lies within the margin."""
        return self.equivalence is not None and self.equivalence < 0.05


def compare_models(
    resampled: Resampled, pairs: Sequence[tuple[str, str]], margin: float | None = None
) -> list[Comparison]:
    """Every pair of a family of comparisons, in the given order.

    Args:
        resampled: of the trials of all groups.
        pairs: names of groups; originals may be among them.
        margin: of equivalence, 0..1, as preregistered.
    """
    differences = [resampled.difference(first, second) for first, second in pairs]
    p_values = [difference.p_value() for difference in differences]
    return [
        Comparison(*pair, difference, p_value, adjusted, margin, margin and difference.equivalence_p(margin))
        for pair, difference, p_value, adjusted in zip(pairs, differences, p_values, holm(p_values), strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979); not-a-number stays, and counts as none."""
    from statsmodels.stats.multitest import multipletests

    adjusted = np.array(p_values, dtype=float)
    known = np.isfinite(adjusted)
    if known.any():
        adjusted[known] = multipletests(adjusted[known], method="holm")[1]
    return adjusted.tolist()
