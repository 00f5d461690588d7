"""The study's mixed model: against what was simulated, and against lme4 by the script that a report brings along."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import study_table, table_of

from colorhub.study.report.report import SCRIPT
from colorhub.study.statistics.mixed import fit_mixed_model
from colorhub.study.statistics.resampling import resample
from colorhub.study.statistics.simulated import Spread, simulate
from colorhub.study.statistics.table import Trials, trials_of


def test_mixed_model_finds_what_was_simulated() -> None:
    trials = simulate(np.random.default_rng(5), [0.40, 0.65], 50, 60, 60, Spread())
    model = fit_mixed_model(trials)
    assert model is not None
    assert model.converged
    difference = model.mean[1] - model.mean[0]
    # The probit model's difference on the logit scale, given raters and images (factor 1.6 to 1.8).
    scale = np.sqrt(1 + (Spread().latent() ** 2).sum())
    expected = (stats.norm.ppf(0.65) - stats.norm.ppf(0.40)) * scale
    assert 1.4 * expected < difference < 2.0 * expected


def test_mixed_model_has_nothing_to_say_where_all_votes_are_alike() -> None:
    rater, image = (index.ravel() for index in np.indices((5, 5)))
    alike = Trials(("model",), np.ones(25), rater, image, np.zeros(25, dtype=int))
    assert fit_mixed_model(alike) is None


@pytest.mark.slow
def test_lme4_agrees_with_the_mixed_model_and_the_script_reads_the_reports_trials(tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed: apt-get install r-base-core r-cran-lme4")
    trials = simulate(np.random.default_rng(1), [0.45, 0.40, 0.60], 60, 50, 50, Spread())
    table = table_of(trials)
    left_out = table.iloc[:100].assign(excluded="attention", answer="real")
    practice = table.iloc[:100].assign(kind="practice", answer="real")
    pd.concat([table, left_out, practice]).to_csv(tmp_path / "trials.csv", index=False)
    done = subprocess.run(
        ["Rscript", str(SCRIPT), str(tmp_path / "trials.csv")], capture_output=True, text=True, timeout=300, check=True
    )
    fitted = json.loads(done.stdout)
    assert fitted["votes"] == trials.real.size
    assert fitted["warnings"] == []
    model = fit_mixed_model(trials)
    assert model is not None
    for name, mean, deviation in zip(model.names, model.mean, model.deviation, strict=True):
        group = next(group for group in fitted["groups"] if group["name"] == name)
        assert mean == pytest.approx(group["logit"], abs=0.03)
        assert deviation < group["error"]  # too small, as the report says
    assert model.spread["raters"] == pytest.approx(fitted["spread"]["rater"], rel=0.1)
    both = np.hypot(fitted["spread"]["image"], fitted["spread"]["image:shown"])
    assert np.hypot(model.spread["images"], model.spread["images within models"]) == pytest.approx(both, rel=0.1)
    # The default method and maximum likelihood tell the same story about the models.
    difference = resample(trials).difference("model 1", "model 2")
    likelihood = next(pair for pair in fitted["differences"] if pair["second"] == "model 2")
    assert difference.value / difference.error == pytest.approx(likelihood["logit"] / likelihood["error"], rel=0.25)


@pytest.mark.slow
def test_the_script_reads_pairs(tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed: apt-get install r-base-core r-cran-lme4")
    study_table("2afc").to_csv(tmp_path / "trials.csv", index=False)
    command = ["Rscript", str(SCRIPT), str(tmp_path / "trials.csv"), "2afc"]
    fitted = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)
    trials = trials_of(study_table("2afc"), protocol="2afc")
    model = fit_mixed_model(trials)
    assert model is not None
    assert fitted["votes"] == trials.real.size
    assert [group["logit"] for group in fitted["groups"]] == pytest.approx(model.mean.tolist(), abs=0.05)
