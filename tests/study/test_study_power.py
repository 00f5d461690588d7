"""Sizes of studies: published sample sizes, statsmodels, and simulated studies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import typed
from scipy import stats
from statsmodels.stats.power import FTestAnovaPower, TTestPower

from colorhub.study.design.config import Config, Primary, Stopping
from colorhub.study.design.power import (
    PowerError,
    StudySize,
    chance_votes_needed,
    choices,
    difference_error,
    equivalence_power,
    power_of,
    raters_needed,
    refuse_unreachable,
    simulated_power,
    smallest_effect,
)
from colorhub.study.design.sequences import SequencePlan
from colorhub.study.statistics.simulated import Spread

DESIGN = StudySize(raters=100, images=400, per_rater=40, models=2)
WORKED = Spread(rater=0, image=0, image_model=0.15, rater_model=0.05, vote=0.48)
Z = stats.norm.ppf(0.975) + stats.norm.ppf(0.80)


@pytest.mark.parametrize(("images", "votes"), [(400, 2944), (200, 10464)])
def test_variance_of_the_difference_is_the_closed_form_worked_out_by_hand(images: int, votes: int) -> None:
    """5 points with 100 raters: 2 * .15^2 / J + 2 * .05^2 / 100 + 2 * .48^2 / N = (.05 / 2.80)^2."""
    design = StudySize(100, images, per_rater=4 * votes // 100, models=2)
    assert design.votes == pytest.approx(votes, rel=0.01)
    assert Z * difference_error(design, WORKED) == pytest.approx(5.0, rel=0.005)


def test_power_is_that_of_statsmodels_t_test() -> None:
    ratio = 5.0 / difference_error(DESIGN)
    # A paired t-test on 100 units has the same 99 degrees of freedom; its effect is in units of one observation.
    expected = TTestPower().power(ratio / np.sqrt(100), nobs=100, alpha=0.05, alternative="two-sided")
    assert power_of(DESIGN, 5.0) == pytest.approx(expected, abs=1e-6)
    assert FTestAnovaPower().power(ratio / np.sqrt(101), 101, 0.05, k_groups=2) == pytest.approx(expected, abs=0.01)


def test_nine_images_of_their_own_find_nothing_below_26_points() -> None:
    """What report 004's design could find: images that differ by 20 points, any number of raters."""
    design = StudySize(100_000, 18, 18, 2, same_images=False)
    spread = Spread(rater=0, image=0.20, image_model=0.0, rater_model=0.0)
    assert Z * difference_error(design, spread) == pytest.approx(26.4, abs=0.1)


def test_independent_votes_against_one_half() -> None:
    # Cohen's textbook formula for .45 against .50; the usual tables say 782 or 783.
    assert chance_votes_needed(5) in (782, 783)


def test_the_smallest_effect_is_found_with_the_power_it_was_asked_for() -> None:
    for design in (
        DESIGN,
        StudySize(30, 50, 20, 3),
        replace(DESIGN, protocol="2afc"),
        replace(DESIGN, against="original"),
    ):
        smallest = smallest_effect(design)
        assert power_of(design, smallest) == pytest.approx(0.80, abs=1e-6)
        assert equivalence_power(design, smallest) < power_of(design, smallest)


def test_images_limit_what_raters_can_do() -> None:
    few = StudySize(raters=0, images=60, per_rater=40, models=2)
    assert raters_needed(5.0, few) is None
    needed = raters_needed(5.0, replace(few, images=400))
    assert needed is not None
    assert power_of(StudySize(needed, 400, 40, 2), 5.0) >= 0.80 > power_of(StudySize(needed - 1, 400, 40, 2), 5.0)
    table = choices(5.0, few)
    assert table[0][1] is None
    found = [raters for _, raters in table if raters is not None]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    "design",
    [
        StudySize(60, 80, 40, 2),
        StudySize(50, 60, 30, 1, "2afc", "original"),
        StudySize(60, 80, 40, 1, against="original"),
    ],
)
def test_simulated_studies_find_as_much_as_the_closed_form_says(design: StudySize) -> None:
    effect = smallest_effect(design)
    result = simulated_power(design, effect, runs=100)
    assert abs(result.power - 0.80) < 4 * result.error
    nothing = simulated_power(design, 0.0, runs=60)
    assert nothing.power < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        ((1, 400, 40, 2), "at least two raters"),
        ((100, 400, 40, 1), "compare it with originals"),
        ((100, 30, 40, 2), "sees an image once"),
    ],
)
def test_designs_that_compare_nothing_are_refused(design: tuple[int, int, int, int], reason: str) -> None:
    with pytest.raises(PowerError, match=reason):
        smallest_effect(StudySize(*design))


def test_a_preregistered_effect_out_of_reach_is_refused_with_the_smallest_within() -> None:
    plan = SequencePlan("realfake", 400, 40, ("a", "b"), 10, 4, 125)
    config = Config(stopping=Stopping(raters=100), primary=Primary(first="a", second="b", effect=5.0))
    smallest = smallest_effect(StudySize(100, 400, 40, 2))
    with pytest.raises(PowerError, match=f"find {np.ceil(10 * smallest) / 10:g} points or more with 80%"):
        refuse_unreachable(config, plan)
    reachable = replace(config, primary=replace(config.primary, effect=float(np.ceil(10 * smallest) / 10)))
    refuse_unreachable(reachable, plan)
    refuse_unreachable(replace(config, primary=replace(config.primary, effect=None)), plan)


def test_the_command_names_raters_images_and_a_check() -> None:
    done = typed("study", "power", "--effect", "12", "--images", "80", "--simulate", "30")
    assert done.exit_code == 0
    needed = raters_needed(12, StudySize(0, 80, 40, 2))
    assert f"{needed} raters, 80 images" in done.stdout
    assert "of 30 such studies found it" in done.stdout


def test_the_command_says_no_by_its_exit_code() -> None:
    short = typed("study", "power", "--effect", "5", "--raters", "50", "--simulate", "0")
    assert short.exit_code == 1
    assert f"{smallest_effect(StudySize(50, 400, 40, 2)):.1f} points" in short.stdout
    few = typed("study", "power", "--effect", "5", "--images", "60", "--simulate", "0")
    assert few.exit_code == 1
    assert "take more images" in few.stdout
    wrong = typed("study", "power", "--images", "20")
    assert wrong.exit_code == 2
    assert "sees an image once" in wrong.stderr


def test_create_refuses_an_effect_out_of_reach_before_a_photo_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORHUB_STUDIES", str(tmp_path / "studies"))
    toml = tmp_path / "study.toml"
    toml.write_text('[design]\nimages = 50\n[stopping]\nraters = 40\n[primary]\nfirst = "unet"\neffect = 3\n')
    command = ["study", "create", "mine", "--photos", "packaged", "--models", "unet", "--config", str(toml)]
    done = typed(*command)
    smallest = smallest_effect(StudySize(40, 50, 40, 1, against="original"))
    assert done.exit_code == 1
    assert done.stderr.startswith(
        "Error: primary.effect is 3 points, and 40 raters with 40 trials each on 50 images find"
    )
    assert f"find {np.ceil(10 * smallest) / 10:g} points or more with 80% power" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "studies").exists()
