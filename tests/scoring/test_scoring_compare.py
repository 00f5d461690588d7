"""Comparison of entries: known answers of paired tests and of Holm's correction."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from training.scoring.compare import compare, holm, paired_difference, ranks


def test_paired_difference_is_scipys_t_test() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(1, 1, 60), random.normal(0.7, 1, 60)
    found = paired_difference(first, second)
    expected = ttest_rel(first, second)
    assert found["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert found["mean"] == pytest.approx((first - second).mean())
    low, high = expected.confidence_interval()
    assert found["low"] == pytest.approx(low, abs=0.06)
    assert found["high"] == pytest.approx(high, abs=0.06)


def test_pictures_that_one_entry_lacks_are_left_out() -> None:
    first, second = np.array([1.0, 2, 3, np.nan, 7]), np.array([0.0, 0, 1, 5, np.inf])
    assert paired_difference(first, second)["n"] == 3
    assert paired_difference(first[3:], second[3:])["p"] is None


def test_a_weighted_difference_is_a_ratio_of_sums() -> None:
    random = np.random.default_rng(1)
    values, other, weights = random.random(50), random.random(50), random.random(50)
    found = paired_difference(*(np.stack([x * weights, weights], axis=1) for x in (values, other)))
    assert found["mean"] == pytest.approx(np.average(values - other, weights=weights))
    ones = np.ones(50)
    plain = paired_difference(*(np.stack([x, ones], axis=1) for x in (values, other)))
    assert plain["p"] == pytest.approx(ttest_rel(values, other).pvalue, rel=1e-9)


def test_equal_and_constant_differences() -> None:
    values = np.arange(5.0)
    assert paired_difference(values, values)["p"] == 1
    assert paired_difference(values + 1, values)["p"] == 0


def test_holm_by_hand() -> None:
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1])
    assert holm([]) == []


def test_ranks_do_not_order_what_is_not_separated() -> None:
    random = np.random.default_rng(2)
    noise = random.normal(0, 1, 80)
    entries = {
        "good": {"psnr": noise + 3},
        "like good": {"psnr": noise + 3 + random.normal(0, 1, 80) * 0.5 + 0.01},
        "bad": {"psnr": noise},
    }
    rows = compare(entries, ["psnr"])["psnr"]
    assert [(row["first"], row["second"], row["separated"]) for row in rows] == [
        ("good", "like good", False),
        ("good", "bad", True),
        ("like good", "bad", True),
    ]
    assert ranks(rows, "higher") == {"good": 1, "like good": 1, "bad": 3}
    assert ranks(rows, "lower") == {"good": 2, "like good": 2, "bad": 1}


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    """Of 60 families of 6 comparisons between equal entries, about 1 in 20 may show a difference; 9 or more have a
    probability below 0.3 %."""
    random = np.random.default_rng(3)
    alarms = 0
    for _ in range(60):
        ps = [paired_difference(*random.normal(0, 1, (2, 30)))["p"] for _ in range(6)]
        alarms += min(holm(ps)) < 0.05
    assert alarms < 9
