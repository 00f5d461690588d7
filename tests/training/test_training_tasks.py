"""The objectives as tasks: one step of each against the same step written out in plain PyTorch."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor, nn
from training_runs import fresh_accelerator, main

from colorhub import ab_bins
from colorhub.models import create
from colorhub.models.encoder_decoder import EncoderClassifier
from training.config import Recipe, RecipeError
from training.data.augment import FILM_DRAWS, lightness_and_color
from training.data.loader import Batch, Cursor
from training.data.splits import open_data
from training.initial import initial_model
from training.prior import bin_weights
from training.tasks import create_task
from training.tasks.discriminators import PatchDiscriminator, WassersteinCritic
from training.tasks.losses import class_loss
from training.watchdog import NotFiniteError

PRIOR = "training/priors/photos+people.json"
UNET = {"architecture": "unet", "width": 4, "depth": 3, "dropout": 0.0, "working_size": 32}


def _recipe(task: dict, model: dict | None = None, **sections: dict) -> Recipe:
    values = {
        "name": "run",
        "model": model or UNET,
        "data": {"train": ["synthetic"], "validation": ["synthetic"], "crops": [{"size": 32, "batch_size": 3}]},
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "schedule": "constant"},
        "task": task,
        "run": {"channels_last": False},
    }
    for name, section in sections.items():
        values[name] = {**values[name], **section}
    return Recipe.model_validate(values)


def _batch(seed: int = 0, labels: tuple[int, ...] = (0, 1, -1)) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.randint(0, 256, (len(labels), 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Batch(rgb, torch.rand(len(labels), FILM_DRAWS, generator=generator), torch.tensor(labels), Cursor())


def _task(recipe: Recipe):
    torch.manual_seed(0)
    return create_task(
        recipe, initial_model(recipe, print), Accelerator(cpu=True, mixed_precision=recipe.run.precision)
    )


def _seen(batch: Batch, recipe: Recipe) -> tuple[Tensor, Tensor]:
    return lightness_and_color(batch.rgb, batch.draws, recipe.data)


def _adam(module: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=1e-3, betas=(0.9, 0.999))


def _assert_equal(module: nn.Module, expected: nn.Module) -> None:
    for (name, found), wanted in zip(module.state_dict().items(), expected.state_dict().values(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6, msg=name)


def _gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Where an optimizer's coming steps leave their gradients, one vector a step. Adam's weights would not do for a
    comparison: of gradients that are zero but for rounding it makes full steps."""
    steps: list[Tensor] = []

    def keep(of: torch.optim.Optimizer, *given: object) -> None:
        steps.append(torch.cat([p.grad.flatten() for group in of.param_groups for p in group["params"]]))

    optimizer.register_step_pre_hook(keep)
    return steps


def _bce(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy from its definition."""
    p = logits.sigmoid()
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


def test_a_gan_step_is_that_of_pix2pix_written_out():
    recipe = _recipe({"name": "gan", "width": 4, "l1_weight": 50, "adversarial_weight": 2, "smoothing": 0.1})
    task, batch = _task(recipe), _batch()
    model, judge = deepcopy(task.bare_model).train(), deepcopy(task.bare_adversary).train()
    assert isinstance(judge, PatchDiscriminator)
    losses = task.step([batch], 0)

    L, ab = _seen(batch, recipe)
    answer = model(L).ab
    optimizer = _adam(judge)
    expected = (_bce(judge(L, ab), 0.9) + _bce(judge(L, answer.detach()), 0.0)) / 2
    expected.backward()
    optimizer.step()
    optimizer_model = _adam(model)
    l1, adversarial = (answer - ab).abs().mean() / 110, _bce(judge(L, answer), 1.0)
    (50 * l1 + 2 * adversarial).backward()
    optimizer_model.step()

    _assert_equal(task.bare_adversary, judge)
    _assert_equal(task.bare_model, model)
    found = [float(losses[name]) for name in ("adversary", "l1", "adversarial", "loss")]
    wanted = [float(value.detach()) for value in (expected, l1, adversarial, 50 * l1 + 2 * adversarial)]
    assert found == pytest.approx(wanted, rel=1e-4)


def test_wgan_gp_steps_are_those_of_the_paper_written_out():
    task_values = {"name": "wgan_gp", "width": 4, "l2_weight": 30, "adversarial_weight": 0.5, "penalty": 7}
    recipe = _recipe({**task_values, "critic_steps": 2, "adversary_learning_rate": 5e-4})
    task, batches = _task(recipe), [_batch(1), _batch(2)]
    assert task.batches == 2
    model, critic = deepcopy(task.bare_model).train(), deepcopy(task.bare_adversary).train()
    assert isinstance(critic, WassersteinCritic)
    critic_gradients = _gradients(task.adversary_optimizer.optimizer)
    torch.manual_seed(5)  # of the places between true and predicted colours
    losses = task.step(batches, 0)

    torch.manual_seed(5)
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-4)
    expected = _gradients(optimizer)
    for batch in batches:
        L, ab = _seen(batch, recipe)
        with torch.no_grad():
            fake = model(L).ab
        place = torch.rand(len(ab), 1, 1, 1)
        between = (place * ab + (1 - place) * fake).requires_grad_()
        slope = torch.autograd.grad(critic(L, between).sum(), between, create_graph=True)[0] * 110
        penalty = (slope.pow(2).sum(dim=(1, 2, 3)).sqrt() - 1).pow(2).mean()
        optimizer.zero_grad()
        (critic(L, fake).mean() - critic(L, ab).mean() + 7 * penalty).backward()
        optimizer.step()
    optimizer_model = _adam(model)
    answer = model(L).ab
    (30 * ((answer - ab) / 110).pow(2).mean() - 0.5 * critic(L, answer).mean()).backward()
    optimizer_model.step()

    assert len(critic_gradients) == len(expected) == 2
    for found, wanted in zip(critic_gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3 * float(wanted.abs().max()))
    _assert_equal(task.bare_model, model)
    assert float(losses["penalty"].detach()) == pytest.approx(float(penalty.detach()), rel=1e-4)


def test_the_gradient_penalty_stays_in_float32_under_autocast():
    recipe = _recipe({"name": "wgan_gp", "width": 4, "critic_steps": 1}, run={"precision": "bf16"})
    task = _task(recipe)
    kinds = []
    task.bare_adversary.layers[2].register_forward_hook(lambda *given: kinds.append(given[2].dtype))
    task.step([_batch()], 0)
    assert kinds == [torch.bfloat16, torch.float32, torch.bfloat16]  # scores, penalty, the model's turn


def test_naming_the_scene_is_weighted_in_and_unknown_classes_do_not_count():
    task = {"name": "gan", "width": 4, "class_weight": 3.0, "l1_weight": 0.0, "adversarial_weight": 0.0}
    recipe = _recipe(task, {**UNET, "classes": 3}, data={"label_columns": ["label"]})
    running, batch = _task(recipe), _batch()
    model = deepcopy(running.bare_model).train()
    losses = running.step([batch], 0)
    logits = model(_seen(batch, recipe)[0]).class_logits
    expected = F.cross_entropy(logits[:2], torch.tensor([0, 1]))
    assert float(losses["class"]) == pytest.approx(float(expected.detach()), rel=1e-4)
    assert float(losses["loss"]) == pytest.approx(3 * float(expected.detach()), rel=1e-4)


def test_a_batch_without_any_known_class_gives_zero_and_no_gradient():
    logits = torch.randn(2, 5, requires_grad=True)
    loss = class_loss(logits, torch.tensor([-1, -1]))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_rarity_weighs_each_pixel_and_the_literal_form_none():
    model = {"architecture": "encoder-decoder", "width": 4}
    batch = _batch()
    gradients = {}
    for literal in (False, True):
        recipe = _recipe({"name": "rarity", "literal": literal, "loss": "mse", "prior": PRIOR}, model)
        task = _task(recipe)
        L, ab = _seen(batch, recipe)
        answer = task.bare_model(L).ab.detach().requires_grad_()
        task.model = lambda L, answer=answer: type("Answer", (), {"ab": answer})
        task.losses(L, ab, batch.labels)["loss"].backward()
        gradients[literal] = answer.grad / (2 * (answer.detach() - ab))  # of a squared error: the pixels' weights
    assert gradients[True].std() / gradients[True].mean() < 1e-3  # one factor for all
    weights = bin_weights(PRIOR, 0.5)[ab_bins.nearest_bin(ab)]
    shares = gradients[False][:, 0] / gradients[False][:, 0].sum()
    torch.testing.assert_close(shares, weights / weights.sum(), rtol=1e-3, atol=1e-8)


def test_the_committed_prior_gives_rare_colors_more_weight():
    weights = bin_weights(PRIOR, 0.5)
    grey, vivid = (ab_bins.nearest_bin(torch.tensor(color).view(1, 2, 1, 1)) for color in ((0.0, 0.0), (60.0, 60.0)))
    assert weights[grey].item() < 1 < weights[vivid].item()
    counts = torch.tensor(json.loads((Path(__file__).parents[2] / PRIOR).read_text())["counts"], dtype=torch.double)
    share = ab_bins.smoothed(counts / counts.sum())
    assert (share * weights).sum().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "no such file"), ("{}", "is no prior of 313"), ('{"counts": [1, 2]}', "is no prior")]
)
def test_a_prior_that_cannot_be_used_says_how_to_make_one(tmp_path, text, message):
    path = tmp_path / "prior.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecipeError, match=f"{message}.*python -m training.prior makes one"):
        bin_weights(str(path), 0.5)


def test_classification_needs_a_distribution():
    recipe = _recipe({"name": "classification"}, {"architecture": "eccv16", "head": "regression", "width": 4})
    with pytest.raises(RecipeError, match=r"eccv16 with model\.head=classification"):
        _task(recipe).step([_batch()], 0)


def test_classification_is_cross_entropy_with_the_prior_s_weights():
    recipe = _recipe({"name": "classification", "prior": PRIOR}, {"architecture": "eccv16", "width": 4})
    task, batch = _task(recipe), _batch()
    model = deepcopy(task.bare_model).train()
    loss = float(task.step([batch], 0)["loss"])
    L, ab = _seen(batch, recipe)
    ab = F.avg_pool2d(ab, 4)
    logs = model(L).logits.log_softmax(dim=1)
    squares = (ab[:, :, None] - ab_bins.bin_centers().T[None, :, :, None, None]).pow(2).sum(dim=1)
    near = squares.topk(5, dim=1, largest=False)
    shares = torch.exp(-near.values / 50)
    shares = shares / shares.sum(dim=1, keepdim=True)
    errors = -(shares * logs.gather(1, near.indices)).sum(dim=1)
    expected = (bin_weights(PRIOR, 0.5)[near.indices[:, 0]] * errors).mean()
    assert loss == pytest.approx(
        float(expected.detach()), rel=0.02
    )  # encoding looks colours up on a grid of whole numbers


SEMANTIC = {
    "architecture": "semantic", "backbone": "test_efficientnet", "channels": [8, 8, 8, 8], "queries": 0,
    "working_size": 32, "temperature": 0.5,
}  # fmt: skip


def _soft_cross_entropy(logits: Tensor, ab: Tensor) -> Tensor:
    """From its definition, with the 5 nearest of all bins."""
    squares = (ab[:, :, None] - ab_bins.bin_centers().T[None, :, :, None, None]).pow(2).sum(dim=1)
    near = squares.topk(5, dim=1, largest=False)
    shares = torch.exp(-near.values / 50)
    shares = shares / shares.sum(dim=1, keepdim=True)
    return -(shares * logits.log_softmax(dim=1).gather(1, near.indices)).sum(dim=1).mean()


def _mean_color(logits: Tensor) -> Tensor:
    return torch.einsum("bqhw,qc->bchw", logits.softmax(dim=1), ab_bins.bin_centers())


def test_the_mean_counts_by_chroma_and_its_variation_where_the_lightness_is_flat():
    task = {"name": "classification", "mean_weight": 2.0, "beta": 20.0, "chroma_weight": 0.9, "variation_weight": 3.0}
    running, batch = _task(recipe := _recipe(task, SEMANTIC)), _batch()
    model = deepcopy(running.bare_model).train()
    losses = running.step([batch], 0)
    L, ab = (F.avg_pool2d(one, 4) for one in _seen(batch, recipe))
    logits = model(_seen(batch, recipe)[0]).logits
    mean = _mean_color(logits)
    difference = (mean - ab).abs() / 110
    smooth = torch.where(difference < 20 / 110, difference**2 / (2 * 20 / 110), difference - 10 / 110)
    weights = (1 + 0.9 * ab.norm(dim=1, keepdim=True) / 50).expand_as(smooth)
    down = ((mean[:, :, 1:] - mean[:, :, :-1]).abs() / 110 * torch.exp(-(L[:, :, 1:] - L[:, :, :-1]).abs() / 2)).mean()
    right = ((mean[..., 1:] - mean[..., :-1]).abs() / 110 * torch.exp(-(L[..., 1:] - L[..., :-1]).abs() / 2)).mean()
    expected = {
        "cross_entropy": _soft_cross_entropy(logits, ab),
        "mean": (weights * smooth).sum() / weights.sum(),
        "variation": down + right,
    }
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(float(value.detach()), rel=0.02), name
    total = float(losses["cross_entropy"]) + 2 * float(losses["mean"]) + 3 * float(losses["variation"])
    assert float(losses["loss"]) == pytest.approx(total, rel=1e-5)


def test_an_adversary_for_a_distribution_sees_the_answer_and_counts_after_its_head_start():
    task = {"name": "classification_gan", "width": 4, "adversarial_weight": 0.5, "head_start": 2, "mean_weight": 1.0}
    running, batch = _task(recipe := _recipe(task, SEMANTIC)), _batch()
    L, ab = _seen(batch, recipe)
    for number in (1, 2):
        model, judge = deepcopy(running.bare_model).train(), deepcopy(running.bare_adversary).train()
        losses = running.step([batch], number)
        answer = model(L)
        found = (_bce(judge(L, ab), 0.9) + _bce(judge(L, answer.ab), 0.0)) / 2
        assert float(losses["adversary"]) == pytest.approx(float(found.detach()), rel=1e-3)
        terms = float(losses["cross_entropy"]) + float(losses["mean"])
        weight = 0.0 if number < 2 else 0.5
        assert float(losses["loss"]) == pytest.approx(terms + weight * float(losses["adversarial"]), rel=1e-4)


def test_features_are_weighed_in_and_move_the_model():
    task = {"name": "classification", "feature_network": "test_efficientnet", "feature_network_weights": None}
    plain, weighed = (_task(_recipe({**task, "feature_weight": weight}, SEMANTIC)) for weight in (0.0, 4.0))
    assert plain.terms.features is None
    gradients = [_gradients(one.optimizer.optimizer) for one in (plain, weighed)]
    first, second = (one.step([_batch()], 0) for one in (plain, weighed))
    assert "features" not in first
    assert float(second["loss"] - second["cross_entropy"]) == pytest.approx(4 * float(second["features"]), rel=1e-3)
    assert not torch.allclose(gradients[0][0], gradients[1][0])
    with pytest.raises(RecipeError, match=r"task.feature_network: timm has no model 'nothing'"):
        _task(_recipe({**task, "feature_weight": 1.0, "feature_network": "nothing"}, SEMANTIC))


def test_the_mean_chroma_is_compared_on_the_report_s_scale():
    recipe = _recipe({"name": "chroma_mean"}, {"architecture": "chroma-regressor", "width": 4})
    task, batch = _task(recipe), _batch()
    model = deepcopy(task.bare_model).train()
    loss = float(task.step([batch], 0)["loss"])
    L, ab = _seen(batch, recipe)
    padded = F.pad(L, (0, 32, 0, 32), mode="replicate")
    expected = ((model.mean(padded) + 128) / 255 - (ab.mean(dim=(2, 3)) + 128) / 255).pow(2).mean()
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)


def _write(tmp_path: Path) -> Callable[..., Recipe]:
    return lambda task, **sections: _recipe(
        task,
        run={"output": str(tmp_path), "steps": 2, "validate_every": 2, "checkpoint_every": 1, "tensorboard": False},
        **sections,
    )


def test_the_adversary_is_kept_beside_the_best_model_and_can_be_gone_on_with(tmp_path):
    recipe = _write(tmp_path)({"name": "gan", "width": 4})
    main(recipe)
    run = tmp_path / "run"
    assert load_file(run / "best" / "model.safetensors").keys() == create(**UNET).state_dict().keys()
    assert json.loads((run / "adversary" / "config.json").read_text())["architecture"] == "patch-discriminator"
    fresh_accelerator()
    task = _task(_recipe({"name": "gan", "width": 8, "adversary_init": str(run / "adversary")}))
    found = load_file(run / "adversary" / "model.safetensors")
    for name, tensor in task.bare_adversary.state_dict().items():
        assert torch.equal(tensor, found[name]), name


def test_an_adversary_gone_nan_stops_the_run_and_keeps_the_checkpoint(tmp_path, monkeypatch):
    recipe = _write(tmp_path)({"name": "gan", "width": 4})
    original = PatchDiscriminator.forward
    calls = []

    def spoiled(self, L, ab):
        calls.append(1)
        return original(self, L, ab) * (float("nan") if len(calls) > 3 else 1)

    monkeypatch.setattr(PatchDiscriminator, "forward", spoiled)
    with pytest.raises(NotFiniteError, match=r"Step 2 is not finite \(adversary = nan.*last good checkpoint"):
        main(recipe)
    assert (tmp_path / "run" / "step-00000001").is_dir()


def test_transfer_borrows_freezes_and_measures_accuracy(tmp_path):
    create("encoder-decoder", width=4).save_pretrained(tmp_path / "colorizer")
    task = {"name": "transfer", "encoder": str(tmp_path / "colorizer"), "freeze": True}
    sections = {
        "model": {"architecture": "encoder-classifier", "width": 4},
        "data": {"label_columns": ["label"], "validation_size": 32},
        "run": {"metric": "accuracy", "output": str(tmp_path), "steps": 2, "validate_every": 2, "tensorboard": False},
    }
    main(_recipe(task, **sections))
    best = EncoderClassifier.from_pretrained(tmp_path / "run" / "best").float()
    assert best.class_names == ("one", "three", "two")
    borrowed = load_file(tmp_path / "colorizer" / "model.safetensors")
    for name, tensor in best.encoder.state_dict().items():
        torch.testing.assert_close(tensor, borrowed[f"encoder.{name}"], rtol=1e-3, atol=1e-6)  # half precision
    scores = json.loads((tmp_path / "run" / "best" / "validation.json").read_text())
    assert 0 <= scores["accuracy"] <= 1
    assert scores.keys() == {"accuracy", "loss"}


@pytest.mark.parametrize(
    ("task", "sections", "message"),
    [
        ({"name": "gan", "class_weight": 1}, {}, "data.label_columns names no column"),
        ({"name": "regression"}, {"data": {"label_columns": ["label"]}}, "without a task that learns classes"),
        ({"name": "regression"}, {"model": {"architecture": "unet", "classes": 3}}, "model.classes without a task"),
        ({"name": "transfer"}, {"data": {"label_columns": ["label"]}}, "run.metric=gain is no figure of a classifier"),
        ({"name": "gan"}, {"run": {"metric": "accuracy"}}, "run.metric=accuracy needs a task"),
        ({"name": "gna"}, {}, "gna"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(task, sections, message):
    with pytest.raises(ValueError, match=message):
        _recipe(task, **sections)


def test_an_adversarial_task_takes_no_accumulated_batches():
    with pytest.raises(RecipeError, match=r"accumulate=2.*larger batch_size"):
        _task(_recipe({"name": "gan", "width": 4}, optimizer={"accumulate": 2}))


def test_transfer_refuses_a_colorizer():
    recipe = _recipe({"name": "transfer"}, data={"label_columns": ["label"]}, run={"metric": "accuracy"})
    with pytest.raises(RecipeError, match=r"expected model\.architecture=encoder-classifier"):
        _task(recipe)


def test_classes_come_from_the_data_into_the_model():
    task = {"name": "gan", "width": 4, "class_weight": 0.1}
    *_, recipe = open_data(_recipe(task, data={"label_columns": ["label"], "streaming": False}))
    assert recipe.model.keywords["class_names"] == ["one", "three", "two"]
    assert initial_model(recipe, print).class_names == ("one", "three", "two")
