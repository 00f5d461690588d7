"""Parts of a model that a recipe trains otherwise than the rest: at another rate, or only from some step on."""

from collections.abc import Sequence
from fnmatch import fnmatch

from torch import nn

from training.config import ParameterGroup, RecipeError


def parameter_groups(model: nn.Module, parts: Sequence[ParameterGroup]) -> list[tuple[float, list[nn.Parameter]]]:
    """The weights of each part with its rate, as part of the recipe's; at last all others, with 1.

    Raises:
        RecipeError: a part that matches no weight.
    """
    groups: list[tuple[float, list[nn.Parameter]]] = [*((part.rate, []) for part in parts), (1.0, [])]
    for name, weight in model.named_parameters():
        groups[_part_of(name, parts)][1].append(weight)
    _expect_matches(model, parts)
    return groups


class FreezeSchedule:
    """Freezes and unfreezes parts of a model by the number of the step alone, so that a resumed run does the same.

    A frozen weight has no gradient. A module whose weights are all frozen is in evaluation mode, so that its batch
    statistics stay as well.
    """

    def __init__(self, model: nn.Module, parts: Sequence[ParameterGroup]) -> None:
        self._model, self._parts = model, list(parts)
        self._own = [weight for weight in model.parameters() if weight.requires_grad]  # it may freeze some itself
        self._numbers = {name: _part_of(name, self._parts) for name, _ in model.named_parameters()}
        self._frozen: list[bool] | None = None

    def at(self, step: int) -> None:
        """Bring the model into the state of a step."""
        if not self._parts:
            return
        frozen = [part.frozen_until == "end" or step < part.frozen_until for part in self._parts]
        if frozen != self._frozen:
            self._frozen = frozen
            trainable = {id(weight) for weight in self._own}
            for name, weight in self._model.named_parameters():
                weight.requires_grad_(id(weight) in trainable and not self._is_frozen(name))
        self._set_modes()

    def _is_frozen(self, name: str) -> bool:
        number = self._numbers[name]
        return number < len(self._parts) and (self._frozen or [])[number]

    def _set_modes(self) -> None:
        if not self._model.training:
            return
        for name, module in self._model.named_modules():
            own = [key for key, _ in module.named_parameters(prefix=name, recurse=False)]
            if own and all(self._is_frozen(key) for key in own):
                module.eval()
            elif own and not module.training and any(map(self._thaws, own)):
                module.train()

    def _thaws(self, name: str) -> bool:
        """Whether a weight belongs to a part that is frozen for a while only, and no longer."""
        number = self._numbers[name]
        return number < len(self._parts) and not self._is_frozen(name) and self._parts[number].frozen_until != 0


def _part_of(name: str, parts: Sequence[ParameterGroup]) -> int:
    """The number of the first part that matches a weight; that of the rest where none does."""
    return next((i for i, part in enumerate(parts) if any(fnmatch(name, one) for one in part.match)), len(parts))


def _expect_matches(model: nn.Module, parts: Sequence[ParameterGroup]) -> None:
    names = [name for name, _ in model.named_parameters()]
    for part in parts:
        if not any(fnmatch(name, pattern) for name in names for pattern in part.match):
            wanted = ", ".join(map(repr, part.match))
            raise RecipeError(f"parts: no weight matches {wanted}; the first are {', '.join(names[:4])}.")
