"""The contract every model of the hub keeps, ours and those of other packages: checks to run on any class.

``colorhub check`` prints what passed and what failed, and the tests hold every registered architecture to this list.
"""

import copy
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import validate_repo_id
from safetensors.torch import load_file, save_file
from torch import Tensor

from colorhub import __version__
from colorhub._text import one_line
from colorhub.hub.loading import load
from colorhub.models import Colorizer, WeightsError, create, find_class
from colorhub.models.registry import import_class
from colorhub.models.repository import read_config

SIZES = ((1, 1), (3, 50), (33, 17), (64, 64), (31, 90))
_ADDED = ("architecture", "colorhub_version", "package")  # what saving adds to the constructor's keywords


class ContractError(AssertionError):
    """A promise that a model does not keep: the message says what was found instead."""


@dataclass(frozen=True)
class Subject:
    """What is checked: a class, and the keywords of a version of it that is small enough for that."""

    cls: type[Colorizer]
    keywords: dict[str, Any]

    def build(self) -> Colorizer:
        """A freshly initialized model in evaluation mode, always the same."""
        torch.manual_seed(0)
        return self.cls(**self.keywords).eval()


Check = Callable[[Subject], None]


def subject(target: str) -> Subject:
    """What a name means: a registered architecture or ``package.module:Class``, at its ``tiny()`` size.

    Raises:
        ValueError: there is no such class, or it is no colorizer.
    """
    cls = import_class(target) if ":" in target else find_class(target)
    return Subject(cls, cls.tiny())


def run(subject: Subject) -> Iterator[tuple[str, str | None]]:
    """Every check by its sentence, with the reason where it failed."""
    for check in CONTRACT:
        sentence = (check.__doc__ or "").splitlines()[0].rstrip(".")
        try:
            check(subject)
        except Exception as error:  # a class of others may fail in any way, and the rest is checked all the same
            told = one_line(error, None) if str(error) else "no message"
            yield sentence, told if isinstance(error, ContractError) else f"{type(error).__name__}: {told}"
        else:
            yield sentence, None


def _require(kept: bool, otherwise: str) -> None:
    if not kept:
        raise ContractError(otherwise)


def _noise(count: int, height: int, width: int) -> Tensor:
    """Random lightness ``(count, 1, height, width)``."""
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(1)) * 100


def is_found_by_its_name(subject: Subject) -> None:
    """Its architecture's name leads to it, and can be the name of a repository."""
    name = subject.cls.architecture
    validate_repo_id(name)
    _require(find_class(name) is subject.cls, f"{name!r} is {find_class(name)!r}")


def has_a_constructor_of_plain_values(subject: Subject) -> None:
    """Its constructor takes plain keywords that JSON can hold, without *args and **kwargs."""
    for name, parameter in inspect.signature(subject.cls).parameters.items():
        loose = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        _require(not loose, f"it takes {parameter}: config.json could not say what")
        given = subject.keywords.get(name, parameter.default)
        _require(given is not parameter.empty, f"{name} has no default, and tiny() does not give it")
        try:
            same = json.loads(json.dumps(given)) == (list(given) if isinstance(given, tuple) else given)
        except TypeError:
            same = False
        _require(same, f"{name}={given!r} is nothing that JSON can hold")


def answers_any_size(subject: Subject) -> None:
    """Any size of lightness gives finite float32 colour of that size, at most 128 in ab."""
    model = subject.build()
    for size in SIZES:
        ab = model(_noise(2, *size)).ab
        _require(ab.shape == (2, 2, *size), f"the ab of lightness (2, 1, {size[0]}, {size[1]}) is {tuple(ab.shape)}")
        _require(ab.dtype == torch.float32, f"ab is {ab.dtype}")
        _require(bool(ab.isfinite().all()), f"ab is not finite at {size}")
        _require(bool(ab.abs().max() <= 128), f"ab reaches {ab.abs().max():.0f} at {size}")


def learns_with_every_parameter(subject: Subject) -> None:
    """Gradients reach every parameter that is trained."""
    model = subject.build().train()
    answer = model(_noise(2, 64, 64))
    sum(part.square().mean() for part in answer if part is not None).backward()
    trained = [(name, weight.grad) for name, weight in model.named_parameters() if weight.requires_grad]
    silent = [name for name, gradient in trained if gradient is None or not gradient.abs().sum() > 0]
    _require(not silent, f"no gradient reaches {', '.join(silent[:5])}")


def answers_each_picture_alone(subject: Subject) -> None:
    """A picture's colour does not depend on its neighbours in the batch."""
    model, L = subject.build(), _noise(3, 40, 24)
    difference = (model(L).ab - torch.cat([model(L[i : i + 1]).ab for i in range(3)])).abs().max()
    _require(bool(difference <= 1e-2), f"it differs by {difference:.3g} in ab")


def answers_nearly_the_same_in_half_precision(subject: Subject) -> None:
    """Half-precision arithmetic gives nearly the same colour, in float32.

    It is what the pipeline does where the hardware can; bfloat16 keeps 8 bits, of 255 units at most.
    """
    model, L = subject.build(), _noise(1, 40, 24)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(L.contiguous(memory_format=torch.channels_last)).ab
    _require(found.dtype == torch.float32, f"ab is {found.dtype}")
    difference = (found - model(L).ab).abs().max()
    _require(bool(difference <= 4), f"it differs by {difference:.3g} in ab")


def keeps_what_is_frozen(subject: Subject) -> None:
    """What is frozen stays as it is: neither training mode nor a step in it changes a weight or a batch statistic."""
    copied = copy.deepcopy(subject.build()).train()  # as an average of the weights is
    fixed = {id(weight) for weight in copied.parameters() if not weight.requires_grad}
    owners = {
        name: part
        for name, part in copied.named_modules()
        if any(id(weight) in fixed for weight in part.parameters(recurse=False))
    }
    before = {name: copy.deepcopy(part.state_dict()) for name, part in owners.items()}
    copied(_noise(2, 64, 64))
    for name, part in owners.items():
        _require(not part.training, f"{name} is in training mode")
        same = all(torch.equal(tensor, part.state_dict()[key]) for key, tensor in before[name].items())
        _require(same, f"{name} changed")


def loads_as_it_was_saved(subject: Subject) -> None:
    """Saved and loaded, by its name and by its class, it answers the same bit for bit."""
    model, L = subject.build(), _noise(1, 20, 30)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = [load(folder), subject.cls.from_pretrained(folder)]
        config = read_config(Path(folder) / "config.json")
    for other in loaded:
        _require(type(other) is subject.cls, f"it came back as {type(other).__name__}")
        _require(not other.training, "it came back in training mode")
        _require(torch.equal(other(L).ab, model(L).ab), "the loaded model answers differently")
    _require(config["architecture"] == model.architecture, f"config.json says {config['architecture']!r}")
    _require(config["colorhub_version"] == __version__, f"config.json says version {config['colorhub_version']!r}")
    rebuilt = create(model.architecture, **{name: value for name, value in config.items() if name not in _ADDED})
    shapes = [weight.shape for weight in rebuilt.parameters()]
    _require(shapes == [weight.shape for weight in model.parameters()], "its config.json builds another network")


def loads_half_precision_weights(subject: Subject) -> None:
    """Half-precision weights load into float32, each as it was stored."""
    model = subject.build()
    expected = {k: v.half().float() if v.is_floating_point() else v.clone() for k, v in model.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        model.half().save_pretrained(folder)
        found = load(folder).state_dict()
    wrong = [k for k, v in expected.items() if found[k].dtype != v.dtype or not torch.equal(found[k], v)]
    _require(not wrong, f"{', '.join(wrong[:5])} came back as something else")


def refuses_weights_that_do_not_fit(subject: Subject) -> None:
    """Weights with a tensor missing or left over are refused."""
    with tempfile.TemporaryDirectory() as folder:
        subject.build().save_pretrained(folder)
        file = f"{folder}/model.safetensors"
        weights = load_file(file)
        name = next(iter(weights))
        for changed in ({k: v for k, v in weights.items() if k != name}, {**weights, "left.over": torch.zeros(1)}):
            save_file(changed, file)
            try:
                load(folder)
            except WeightsError:
                continue
            raise ContractError(
                f"weights {'with left.over' if 'left.over' in changed else 'without ' + name} were loaded"
            )


def says_what_it_takes(subject: Subject) -> None:
    """Hints it cannot take, and a lightness of another shape, raise ValueError."""
    model = subject.build()
    L, hints = _noise(1, 32, 32), torch.zeros(1, 3, 32, 32)
    if model.accepts_hints:
        ab = model(L, hints).ab
        _require(ab.shape == (1, 2, 32, 32), f"with hints ab is {tuple(ab.shape)}")
    else:
        _refused(lambda: model(L, hints), "takes no hints", "hints")
    _refused(lambda: model(torch.zeros(1, 3, 8, 8)), "(B, 1, H, W), got (1, 3, 8, 8)", "a lightness of (1, 3, 8, 8)")


def _refused(call: Callable[[], object], words: str, what: str) -> None:
    try:
        call()
    except ValueError as error:
        _require(words in str(error), f"{what}: the message {str(error)!r} does not say {words!r}")
        return
    raise ContractError(f"{what}: not refused")


CONTRACT: tuple[Check, ...] = (
    is_found_by_its_name,
    has_a_constructor_of_plain_values,
    answers_any_size,
    learns_with_every_parameter,
    answers_each_picture_alone,
    answers_nearly_the_same_in_half_precision,
    keeps_what_is_frozen,
    loads_as_it_was_saved,
    loads_half_precision_weights,
    refuses_weights_that_do_not_fit,
    says_what_it_takes,
)
