"""Differences over pictures and seeds, verdicts and plans, against closed forms, other code and simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from training.reproduce import plan
from training.reproduce.inference import Verdict, difference, judged, weakest
from training.reproduce.runs import load_report
from training.reproduce.spec import Arm, Claim, Found, Report
from training.scoring.compare import paired_difference
from training.scoring.distances import kernel_differences, paired_kernel
from training.scoring.judging import KERNEL

random = np.random.default_rng(3)


def test_of_one_seed_it_is_the_paired_t_test():
    first, second = random.normal(1, 2, 30), random.normal(0, 2, 30)
    found, expected = difference([first], [second]), stats.ttest_rel(first, second)
    low, high = expected.confidence_interval()
    assert found.interval == pytest.approx((low, high))
    assert 2 * found.p_above() == pytest.approx(expected.pvalue)


def test_of_one_picture_it_is_the_paired_t_test_over_seeds():
    first, second = random.normal(1, 2, 5), random.normal(0, 2, 5)
    found = difference([np.array([x]) for x in first], [np.array([x]) for x in second])
    low, high = stats.ttest_rel(first, second).confidence_interval()
    assert found.interval == pytest.approx((low, high))


def test_ratios_of_sums_are_those_of_the_scores():
    weights = random.uniform(0.5, 2, 40)
    pairs = [np.stack([random.uniform(0, 1, 40) * weights, weights], axis=1) for _ in range(2)]
    found, expected = difference(pairs[:1], pairs[1:]), paired_difference(*pairs)
    assert found.mean == pytest.approx(expected["mean"])
    assert 2 * min(found.p_above(), found.p_below()) == pytest.approx(expected["p"], rel=1e-6)


def test_kernel_distances_are_those_of_the_scores():
    originals = random.normal(0, 1, (60, 8))
    kernels = [paired_kernel(originals + random.normal(0, s, (60, 8)), originals) for s in (0.5, 1.0)]
    first, second = (np.concatenate([[one.value], one.draws]) for one in kernels)
    found = difference([first], [second], kernel=True)
    (row,) = kernel_differences(dict(zip("ab", kernels, strict=True)))
    assert found.mean == pytest.approx(row["mean"], abs=1e-3)
    width = row["high"] - row["low"]
    assert found.interval[1] - found.interval[0] == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize(("of_seeds", "of_pictures"), [(1.0, 0.3), (0.1, 2.0), (0.0, 0.0)])
def test_intervals_cover_the_truth_for_new_seeds_and_new_pictures(of_seeds: float, of_pictures: float):
    draws = np.random.default_rng(0)
    covered = 0
    for _ in range(600):
        apart = 0.7 + draws.normal(0, of_seeds, (3, 1)) + draws.normal(0, of_pictures, 40) + draws.normal(0, 1, (3, 40))
        low, high = difference(list(apart), [np.zeros(40)] * 3).interval
        covered += low <= 0.7 <= high
    assert covered >= 0.93 * 600


def _claim(key: str, contrasts: tuple[tuple[str, str], ...], direction: str = "higher", margin: float | None = None):
    return Claim(key, key, "1", "none", "gain", contrasts, direction, margin)  # type: ignore[arg-type]


def _arms() -> dict:
    base = random.normal(0, 1, 50)
    levels = {"low": 0.0, "also-low": 0.001, "high": 2.0, "highest": 4.0}
    return {name: [{"gain": base + at + random.normal(0, 0.05, 50)} for _ in range(3)] for name, at in levels.items()}


def test_verdicts():
    claims = [
        _claim("holds", (("high", "low"),)),
        _claim("both hold", (("highest", "high"), ("highest", "low"))),
        _claim("fails", (("low", "high"),)),
        _claim("one of two fails", (("high", "low"), ("high", "highest"))),
        _claim("open", (("also-low", "low"),)),
        _claim("equal", (("also-low", "low"),), "same", 0.5),
        _claim("not equal", (("high", "low"),), "same", 0.5),
        _claim("lower", (("low", "high"),), "lower"),
        _claim("nothing there", (("low", "elsewhere"),)),
        replace(_claim("no way", ()), untestable="there is none"),
        replace(_claim("computed", ()), found=lambda: Found("1", "-", True, "by hand")),
    ]
    rows = {row.claim.key: row for row in judged(claims, _arms(), {"elsewhere": "it was not there"})}
    assert {key: row.verdict for key, row in rows.items()} == {
        **dict.fromkeys(("holds", "both hold", "equal", "lower", "computed"), Verdict.HOLDS),
        **dict.fromkeys(("fails", "one of two fails", "not equal"), Verdict.FAILS),
        "open": Verdict.OPEN,
        **dict.fromkeys(("nothing there", "no way"), Verdict.UNTESTED),
    }
    assert rows["nothing there"].why == "it was not there"
    assert weakest(rows["one of two fails"]) == 1


def test_equality_is_tested_by_two_one_sided_tests_and_holm_over_the_claims():
    first, second = random.normal(0.1, 1, 60), random.normal(0, 1, 60)
    results = {"a": [{"gain": first}], "b": [{"gain": second}]}
    rows = judged([_claim("same", (("a", "b"),), "same", 0.6), _claim("more", (("a", "b"),))], results, {})
    assert rows[0].p == pytest.approx(min(1, 2 * ttost_paired(first, second, -0.6, 0.6)[0]))
    assert rows[1].p == pytest.approx(stats.ttest_rel(first, second).pvalue)
    low, high = sorted(row.p or 0 for row in rows)
    assert sorted(row.p_holm or 0 for row in rows) == pytest.approx([min(1, 2 * low), min(1, max(2 * low, high))])


def _report(**changes) -> Report:
    arms = (
        Arm("a", "", "unet"),
        Arm("b", "", "unet", share=2.0),
        Arm("fixed", "", "unet", steps=100, crop=32, batch=64),
    )
    return replace(load_report("001"), arms=arms, **changes)


def test_crops_fill_the_time():
    report, rates = _report(), {"a": 10.0, "b": 20.0, "fixed": 64.0}
    crops = plan.crops_in(report, rates, hours=1, jobs=2, seeds=3)
    seconds = 3 * (crops / 10 + 2 * crops / 20 + 100)
    assert seconds == pytest.approx(0.85 * 7200, rel=1e-3)


def test_resolution_goes_before_seeds():
    def rate(arm: Arm, size: int) -> float:
        return 640.0 * (32 / size) ** 2

    made = plan.make_plan(_report(least=40_000), 1.0, 2, 3, rate)
    assert made.size == 96  # at 128 there would be fewer
    assert made.steps["b"] == pytest.approx(2 * made.steps["a"], abs=50)
    assert made.steps["fixed"] == 100
    with pytest.raises(plan.PlanError, match=r"leave \d+ crops an arm at 64 pixels.*--hours or --jobs"):
        plan.make_plan(_report(least=20_000), 0.01, 1, 3, rate)


def test_a_plan_goes_on_with_its_own_hours(tmp_path):
    report = _report()
    made = plan.make_plan(report, 1.0, 2, 3, lambda arm, size: 100.0)
    plan.write_plan(tmp_path, report, made)
    assert plan.read_plan(tmp_path, 1.0) == made
    with pytest.raises(plan.PlanError, match="planned for 1 hours: give --hours 1"):
        plan.read_plan(tmp_path, 3.0)
    assert KERNEL in (tmp_path / "claims.json").read_text()
