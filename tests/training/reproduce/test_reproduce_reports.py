"""The five reports' files: what they claim can be decided, arms differ in what is compared alone, figures are right."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorhub.models import ChromaRegressor
from training.initial import initial_model
from training.reproduce import persons
from training.reproduce.exam import color_figures
from training.reproduce.plan import available
from training.reproduce.report_002 import UNIT, mean_error, people_apart, report_error, write_prior
from training.reproduce.report_natural import at_colorfulness
from training.reproduce.runs import ABLATIONS, NUMBERS, Task, load_report, recipe_of
from training.reproduce.spec import Report, Setting

_DERIVED = {"chosen"}
_MAY_DIFFER = {  # what an arm is about, by report
    "000": {"task"},
    "001": {"task", "model"},
    "003": {"task"},
    "004": {"model", "backbone", "parts", "data"},
    "natural": {"model", "backbone", "parts", "data", "task"},
}


def _recipe(report: Report, arm: str, folder: Path):
    return recipe_of(Task(report.number, arm, 7, 100, Setting(96), folder, folder / "data"))


@pytest.mark.parametrize("number", [*NUMBERS, *ABLATIONS])
def test_claims_are_decided_by_arms_that_are_there(number: str, tmp_path):
    report = load_report(number)
    names = {arm.name for arm in report.arms} | _DERIVED
    assert len({claim.key for claim in report.claims}) == len(report.claims)
    for claim in report.claims:
        assert {name.partition("/")[0] for pair in claim.contrasts for name in pair} <= names
        assert bool(claim.contrasts) + bool(claim.untestable) + bool(claim.found) == 1
        assert (claim.margin is None) == (claim.direction != "same")
    for arm in available(report):
        recipe = _recipe(report, arm.name, tmp_path)
        assert (recipe.run.seed, recipe.run.steps, recipe.data.crops[0].size) == (7, 100, arm.crop or 96)
        assert arm.after is None or arm.after in names
    assert report.seeds >= 3 or number in ABLATIONS


@pytest.mark.parametrize("number", _MAY_DIFFER)
def test_arms_that_are_compared_differ_in_nothing_else(number: str, tmp_path):
    report = load_report(number)
    arms = [arm for arm in available(report) if arm.crop is None and arm.name != "generator"]
    values = [_recipe(report, arm.name, tmp_path).model_dump() for arm in arms]
    for value in values:
        for name in ("name", *_MAY_DIFFER[number]):
            value["data" if name == "data" else name] = None
    assert all(value == values[0] for value in values)


def test_classifiers_differ_in_nothing_but_the_encoder(tmp_path):
    report = load_report("000")
    values = [_recipe(report, f"{kind}-10", tmp_path).model_dump() for kind in ("pretrained", "frozen", "control")]
    tasks = [value.pop("task") for value in values]
    for value in values:
        value.pop("name")
    assert values[0] == values[1] == values[2]
    colorizer = str(tmp_path / "colorizer-7" / "best")
    assert [(task["encoder"], task["freeze"]) for task in tasks] == [
        (colorizer, False),
        (colorizer, True),
        (None, False),
    ]


def test_the_reports_error_is_over_three_channels_of_lab_of_which_one_is_copied():
    random = np.random.default_rng(0)
    truth, answer = (rgb2lab(random.random((2, 6, 5, 3))) for _ in range(2))
    answer[..., 0] = truth[..., 0]
    scaled = [np.stack([lab[..., 0] / 100, *((lab[..., i] + 128) / 255 for i in (1, 2))]) for lab in (answer, truth)]
    expected = np.square(scaled[0] - scaled[1]).mean(axis=(0, 2, 3)) / UNIT
    ab = [torch.from_numpy(lab[..., 1:]).permute(0, 3, 1, 2) for lab in (answer, truth)]
    np.testing.assert_allclose(report_error(*ab), expected, rtol=1e-6)
    np.testing.assert_allclose(
        mean_error(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)), [0.5 / 255**2 * 1e5], rtol=1e-6
    )


def test_the_prior_is_the_regressors_and_nothing_else_is(tmp_path):
    regressor, recipe = ChromaRegressor(), _recipe(load_report("002"), "prior", tmp_path)
    (tmp_path / "regressor-7" / "best").mkdir(parents=True)
    write_prior(regressor, tmp_path / "regressor-7" / "prior")
    torch.manual_seed(1)
    model = initial_model(recipe, print).state_dict()
    torch.manual_seed(1)
    plain = initial_model(_recipe(load_report("002"), "sigmoid-128-3", tmp_path), print).state_dict()
    assert all(torch.equal(model[f"prior.{name}"], tensor) for name, tensor in regressor.state_dict().items())
    assert all(torch.equal(model[name], tensor) for name, tensor in plain.items())


def test_people_are_kept_apart():
    found = np.repeat(np.arange(20), 15)
    test, seen, unseen = people_apart(found)
    assert len(seen) == len(unseen) == len(set(seen)) == len(set(unseen))
    assert not set(test) & (set(seen) | set(unseen))
    assert not set(found[test]) & set(found[unseen])
    assert set(found[test]) <= set(found[seen])


def test_agreement_of_groups_is_nought_by_chance():
    random = np.random.default_rng(0)
    by_chance = [persons.adjusted_rand(random.integers(5, size=60), random.integers(5, size=60)) for _ in range(300)]
    assert abs(np.mean(by_chance)) < 0.01
    # Hubert and Arabie 1985 by hand: 1 pair together in both, of 2 and 2 of 10: (1 - 0.4) / (2 - 0.4)
    assert persons.adjusted_rand([0, 0, 1, 1, 2], [0, 0, 1, 2, 2]) == pytest.approx((1 - 0.4) / (2 - 0.4))


def test_grouping_finds_people_that_look_alike():
    random = np.random.default_rng(1)
    people = random.normal(0, 1, (10, 64))
    found = persons.groups(np.repeat(people, 15, axis=0) + random.normal(0, 0.2, (150, 64)), 10)
    assert persons.adjusted_rand(found, np.repeat(np.arange(10), 15)) == 1.0


def test_an_answer_that_is_the_truth():
    random = np.random.default_rng(2)
    pictures = [random.integers(60, 200, (32, 32, 3), dtype=np.uint8) for _ in range(3)]

    def truth(rgb):
        from colorhub.color import rgb_to_lab

        return rgb_to_lab(rgb)[1]

    figures = color_figures({"": truth}, pictures, ("ab_auc", "colorfulness", "psnr"), (0.5,), judge=False)
    assert figures["psnr"].min() > 45  # rounding to 8 bits
    assert figures["ab_auc"].min() > 0.99
    np.testing.assert_allclose(figures["x0.5/colorfulness"], figures["colorfulness"] / 2, rtol=0.1)


def test_figures_at_a_colourfulness_lie_between_two_factors_of_chroma():
    """Colourfulness grows with the factor; a metric that is a picture's own multiple of it must come out as that."""
    own, multiples = np.array([8.0, 12.0]), np.array([0.5, 2.0])
    curve = {}
    for factor in (0.5, 1.0, 2.0, 4.0):
        prefix = "" if factor == 1 else f"x{factor:g}/"
        curve |= {f"{prefix}colorfulness": own * factor, f"{prefix}gain": own * factor * multiples}
    found = at_colorfulness(curve, 27.0)
    np.testing.assert_allclose(found["gain"], own * 2.7 * multiples)
    assert found["colorfulness"].mean() == pytest.approx(27)
    np.testing.assert_array_equal(found["own_colorfulness"], own)
    assert "gain" not in at_colorfulness(curve, 41.0)  # never so colourful
