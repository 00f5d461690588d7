"""The study's statistics against statsmodels, scipy, closed forms, published figures and brute force."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from study_tables import study_table, table_of

from colorhub.study.statistics.analysis import analyse
from colorhub.study.statistics.comparison import holm
from colorhub.study.statistics.detection import (
    criterion,
    forced_choice_sensitivity,
    sensitivity,
    side_bias,
)
from colorhub.study.statistics.estimate import Estimate, wilson
from colorhub.study.statistics.regression import two_way_regression
from colorhub.study.statistics.resampling import resample
from colorhub.study.statistics.simulated import Spread, simulate
from colorhub.study.statistics.table import ORIGINAL, TableError, Trials, read_table, trials_of


@pytest.fixture(scope="module")
def trials() -> Trials:
    return simulate(np.random.default_rng(1), [0.45, 0.40, 0.60], 60, 50, 50, Spread())


def single(real: np.ndarray, name: str = "model") -> Trials:
    """Every rater on every image: ``real`` is ``(R, J)``."""
    rater, image = np.indices(real.shape)
    return Trials((name,), real.ravel().astype(float), rater.ravel(), image.ravel(), np.zeros(real.size, dtype=int))


# Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "votes", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(hits: int, votes: int, low: float, high: float) -> None:
    assert wilson(hits, votes) == pytest.approx((low, high), abs=5e-5)


def test_two_way_covariance_is_that_of_statsmodels(trials: Trials) -> None:
    ours, theirs = resample(trials, draws=1).covariance, two_way_regression(trials).covariance
    # statsmodels also counts the three parameters, and corrects the part of single votes.
    assert ours == pytest.approx(theirs * (trials.real.size - 3) / (trials.real.size - 1), rel=0.01, abs=1e-7)


def test_regression_by_t_with_the_smaller_number_of_clusters(trials: Trials) -> None:
    regression = two_way_regression(trials)
    low, high = regression.interval(ORIGINAL)
    error = np.sqrt(regression.covariance[2, 2])
    assert (low + high) / 2 == pytest.approx(trials.real[trials.shown == 2].mean())
    assert (high - low) / 2 == pytest.approx(error * stats.t.ppf(0.975, 49))
    value, low, high, p_value = regression.difference("model 1", "model 2")
    assert (p_value < 0.05) == (not low <= 0 <= high)
    assert value == pytest.approx(trials.real[trials.shown == 0].mean() - trials.real[trials.shown == 1].mean())


def test_resampling_is_that_of_brute_force() -> None:
    """The pigeonhole bootstrap by copying rows: raters drawn, images drawn, every pair of them looked up."""
    random = np.random.default_rng(0)
    real = (random.random((7, 5)) < 0.3 + 0.1 * np.arange(5)).astype(float)
    brute = [
        np.mean([real[rater, image] for rater in random.integers(7, size=7) for image in images])
        for images in random.integers(5, size=(3000, 5))
    ]
    draws = resample(single(real), draws=3000, seed=1).realness("model").draws
    assert stats.ks_2samp(brute, draws).pvalue > 0.01
    assert resample(single(real), draws=3000, seed=1).realness("model").draws.tolist() == draws.tolist()


def test_a_vote_counts_as_often_as_its_rater_times_its_image() -> None:
    """The spread of the plain pigeonhole distribution is known: V_raters + V_images + V_votes (Owen 2007)."""
    random = np.random.default_rng(2)
    real = (random.random((40, 30)) < 0.5).astype(float)
    residual = real - real.mean()
    expected = sum((residual.sum(axis=axis) ** 2).sum() for axis in (0, 1)) + (residual**2).sum()
    draws = resample(single(real), draws=8000).realness("model").draws
    assert draws.var() == pytest.approx(expected / real.size**2, rel=0.08)


def test_raters_who_all_agree_leave_the_error_of_the_images() -> None:
    image_real = np.arange(30) % 5 < 2
    estimate = resample(single(np.tile(image_real, (200, 1)))).realness("model")
    assert estimate.error == pytest.approx(stats.sem(image_real), rel=0.01)
    low, high = estimate.interval()
    half = stats.t.ppf(0.975, 29) * estimate.error  # t, not z: there are thirty images only
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)  # resampled means of yes and no come in steps of 1/30


def test_images_cancel_where_models_are_compared_on_the_same_ones() -> None:
    easy = np.arange(40) % 2
    real = np.concatenate([np.tile(easy, (30, 1)), np.tile(easy, (30, 1))])
    rater, image = np.indices(real.shape)
    shown = ((rater + image // 2) % 2).ravel()
    pair = Trials(("a", "b"), real.ravel().astype(float), rater.ravel(), image.ravel(), shown)
    resampled = resample(pair, draws=500)
    assert resampled.realness("a").error > 0.05
    assert resampled.difference("a", "b").error < 1e-6


def test_more_raters_do_not_help_where_images_are_few() -> None:
    few = [
        resample(simulate(np.random.default_rng(4), [0.5, float("nan")], raters, 9, 9, Spread()), draws=400)
        for raters in (50, 400)
    ]
    errors = [resampled.realness("model 1").error for resampled in few]
    assert errors[1] > 0.6 * errors[0]
    assert errors[1] > 3 * np.sqrt(0.25 / (400 * 9))


def test_p_values_and_intervals_say_the_same(trials: Trials) -> None:
    difference = resample(trials).difference("model 1", "model 2")
    p_value = difference.p_value()
    low, _ = difference.interval(1 - p_value)
    assert low == pytest.approx(0, abs=2e-4)
    margin = 0.2
    p_equivalent = difference.equivalence_p(margin)
    _, high = difference.interval(1 - 2 * p_equivalent)
    assert high == pytest.approx(margin, abs=2e-4)
    assert (p_equivalent < 0.05) == (difference.interval(0.9)[1] < margin)


def test_p_values_are_those_of_t_where_the_distribution_is_normal() -> None:
    draws = stats.norm.ppf((np.arange(20000) + 0.5) / 20000) * 0.5 + 2.0
    estimate = Estimate(value=2.0, error=1.0, draws=draws, degrees=200)
    assert estimate.p_value() == pytest.approx(2 * stats.t.sf(2.0, 200), abs=0.002)
    one_sided = stats.t.sf(3.0 - 2.0, 200)
    assert estimate.equivalence_p(3.0) == pytest.approx(one_sided, abs=0.002)
    assert estimate.equivalence_p(1.9) == pytest.approx(0.5)
    assert estimate.interval() == pytest.approx((2 - 1.972, 2 + 1.972), abs=0.002)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, float("nan"), 0.01]) == pytest.approx([0.5, float("nan"), 0.02], nan_ok=True)
    assert holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(0).random(30) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def one_vote_each(originals: int, hits: int, fakes: int, false_alarms: int) -> Trials:
    """Independent votes: every one by another rater on another image."""
    real = np.r_[np.arange(fakes) < false_alarms, np.arange(originals) < hits].astype(float)
    number = np.arange(real.size)
    return Trials(("model", ORIGINAL), real, number, number, (number >= fakes).astype(int))


def test_sensitivity_has_its_textbook_values() -> None:
    resampled = resample(one_vote_each(10**4, 8413, 10**4, 1587), draws=50)
    assert sensitivity(resampled, "model").value == pytest.approx(2.0, abs=0.002)
    assert criterion(resampled, "model").value == pytest.approx(0.0, abs=0.002)
    lenient = resample(one_vote_each(10**4, 9332, 10**4, 5000), draws=50)  # z = 1.5 and 0
    assert criterion(lenient, "model").value == pytest.approx(-0.75, abs=0.002)


def unclustered_sensitivity_error(hits: int, originals: int, false_alarms: int, fakes: int) -> float:
    """Standard error of d' if all votes were independent (Gourevitch and Galanter 1967): too small for a study."""
    total = 0.0
    for k, n in ((hits, originals), (false_alarms, fakes)):
        rate = (k + 0.5) / (n + 1)
        total += rate * (1 - rate) / (n * stats.norm.pdf(stats.norm.ppf(rate)) ** 2)
    return float(np.sqrt(total))


def test_error_of_sensitivity_is_the_closed_form_where_votes_are_independent() -> None:
    resampled = resample(one_vote_each(400, 280, 300, 120), draws=2000)
    estimate = sensitivity(resampled, "model")
    expected = unclustered_sensitivity_error(280, 400, 120, 300)
    assert estimate.error == pytest.approx(expected, rel=0.01)
    assert estimate.interval()[1] - estimate.interval()[0] == pytest.approx(2 * 1.963 * expected, rel=0.06)


def test_perfect_raters_have_a_finite_sensitivity() -> None:
    estimate = sensitivity(resample(one_vote_each(20, 20, 20, 0), draws=100), "model")
    assert estimate.value == pytest.approx(2 * stats.norm.ppf(20.5 / 21))


# Zhang et al. 2016, ColTran and Palette: rates of fooled raters, and d' of the formula.
@pytest.mark.parametrize(("fooled", "expected"), [(3230, 0.65), (3655, 0.49), (4780, 0.08)])
def test_forced_choice_sensitivity_of_published_rates(fooled: int, expected: float) -> None:
    number = np.arange(10**4)
    votes = Trials(("model",), (number < fooled).astype(float), number % 100, number // 100, np.zeros(10**4, dtype=int))
    assert forced_choice_sensitivity(resample(votes, draws=10), "model").value == pytest.approx(expected, abs=0.005)


def test_side_bias_by_the_exact_binomial() -> None:
    assert side_bias(60, 100).p_value == pytest.approx(0.0569, abs=5e-5)
    assert side_bias(50, 100).p_value == 1.0
    assert side_bias(60, 100).rate == 0.6


def test_simulated_trials_have_the_realness_they_were_given() -> None:
    spread = Spread()
    rates = [
        [trials.real[trials.shown == group].mean() for group in range(3)]
        for trials in (
            simulate(np.random.default_rng([9, run]), [0.3, 0.5, 0.7], 20, 60, 60, spread) for run in range(300)
        )
    ]
    mean, error = np.mean(rates, axis=0), np.std(rates, axis=0) / np.sqrt(300)
    assert (np.abs(mean - [0.3, 0.5, 0.7]) < 3.5 * error).all()


def test_simulated_raters_and_images_differ_as_told() -> None:
    spread = Spread(rater=0.12, image=0, image_model=0, rater_model=0)
    trials = simulate(np.random.default_rng(0), [0.5, float("nan")], 400, 400, 400, spread)
    rates = trials.real.reshape(400, 400).mean(axis=1)
    assert rates.std() == pytest.approx(np.sqrt(0.12**2 + 0.25 / 400), rel=0.1)


def test_simulated_design_is_balanced() -> None:
    trials = simulate(np.random.default_rng(0), [0.5, 0.5, 0.5, 0.5], 60, 48, 12, Spread())
    counts = pd.crosstab(trials.image, trials.shown)
    assert (counts.max() - counts.min() <= 1).all()
    per_rater = pd.crosstab(trials.rater, trials.shown)
    assert (per_rater[3] == 6).all()
    assert not pd.Series(trials.rater * 1000 + trials.image).duplicated().any()


def test_only_trials_that_no_rule_excluded_count() -> None:
    table = study_table()
    kept = trials_of(table)
    everything = trials_of(table, with_excluded=True)
    rows = table[table["kind"] == "trial"]
    assert everything.real.size == len(rows) == 1200
    assert kept.real.size == (rows["excluded"] == "").sum() < 1200
    assert kept.raters == 39
    assert everything.raters == 40


def test_a_blank_answer_is_no_vote_for_fake() -> None:
    table = study_table()
    table.loc[0, "answer"] = ""
    with pytest.raises(TableError, match="answer ''"):
        trials_of(table)


def test_tables_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="lacks the columns rater, kind"):
        trials_of(pd.DataFrame({"image": [1], "model": ["a"], "answer": ["real"], "excluded": [""]}))
    with pytest.raises(TableError, match="unet-<b>gan; the study has eccv16"):
        trials_of(study_table(), models=["eccv16"])
    (tmp_path / "noise.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "noise.csv")


def test_a_table_survives_its_csv(tmp_path: Path) -> None:
    study_table().to_csv(tmp_path / "trials.csv", index=False)
    ours, theirs = trials_of(study_table()), trials_of(read_table(tmp_path / "trials.csv"))
    assert ours.names == theirs.names
    for name in ("real", "rater", "image", "shown"):
        assert (getattr(ours, name) == getattr(theirs, name)).all()


def test_analysis_with_and_without_exclusions() -> None:
    table = study_table()
    primary = {"first": "eccv16", "second": ORIGINAL, "margin": 5.0}
    kept = analyse(table, primary=primary, mixed=False, draws=500)
    everything = analyse(table, primary=primary, mixed=False, draws=500, with_excluded=True)
    rows = table[(table["kind"] == "trial") & (table["model"] == "eccv16")]
    for analysis, some in ((kept, rows[rows["excluded"] == ""]), (everything, rows)):
        result = analysis.result("eccv16")
        assert (result.votes, result.real) == (len(some), (some["answer"] == "real").sum())
    assert kept.primary is not None
    assert kept.primary.margin == 0.05
    assert kept.primary.difference.value < 0
    assert len(kept.comparisons) == 3
    assert all(comparison.adjusted >= comparison.p_value for comparison in kept.comparisons)


def test_analysis_of_pairs() -> None:
    analysis = analyse(study_table("2afc"), protocol="2afc", mixed=False, draws=500, primary={"first": "eccv16"})
    assert analysis.primary is not None
    assert analysis.primary.difference.value == pytest.approx(analysis.result("eccv16").realness.value - 0.5)
    assert analysis.side is not None
    assert analysis.side.votes == analysis.votes
    assert [comparison.second for comparison in analysis.comparisons] == ["unet-<b>gan", "chance", "chance"]


@pytest.mark.parametrize("raters", [0, 1, 2])
def test_a_handful_of_raters_is_no_error(raters: int) -> None:
    table = study_table()
    table = table[table["rater"].isin([f"r{number:03}" for number in range(raters)])]
    analysis = analyse(table, draws=100, primary={"first": "eccv16", "second": ORIGINAL, "margin": 5.0})
    assert analysis.raters == raters
    for result in analysis.results:
        low, high = result.interval
        assert np.isnan(low) if raters < 2 else 0 <= low <= result.realness.value <= high <= 1


def test_votes_that_are_all_alike_still_leave_doubt() -> None:
    table = table_of(single(np.ones((6, 8))))
    result = analyse(table, mixed=False, draws=100).results[0]
    assert result.interval == pytest.approx(wilson(6, 6))


def test_importing_the_command_line_loads_no_statistics() -> None:
    code = "import sys, colorhub.cli.main; print({*sys.modules} & {'scipy', 'pandas', 'statsmodels'})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
