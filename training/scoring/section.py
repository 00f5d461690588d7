"""One source scored: pictures once, baselines once, then every entry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.config import RecipeError
from training.prior import bin_weights
from training.scoring import distances
from training.scoring.curve import MeasuredCurve, measure_curve
from training.scoring.entries import Answer, ModelEntry
from training.scoring.failures import SKIN_SHAPE, failures, is_skin, skin_errors
from training.scoring.figures import Pair, as_codes, grey_answers, measure, recolored, with_chroma
from training.scoring.greys import OUTSIDE, inside, variants
from training.scoring.judging import KERNEL, RECOGNITION, SEEN, Judging, recognition
from training.scoring.networks import Networks
from training.scoring.pictures import Picture, Pictures
from training.scoring.predictions import PredictionEntry
from training.scoring.protocol import Protocol
from training.scoring.saving import Saver
from training.scoring.speed import measure_speed
from training.scoring.summary import Figures, interval, summarize
from training.scoring.work import Work, is_main

BY_SIZE = ("gain", "colorfulness", "chroma_ratio")
BASELINES = ("grey", "mean_color", "original")
_MIN_KID = distances.KID_SIZE
Entry = ModelEntry | PredictionEntry
Section = dict[str, Any]


@dataclass
class Scorer:
    """Scores entries on one source's pictures."""

    protocol: Protocol
    pictures: Pictures
    work: Work
    networks: Networks = field(default_factory=Networks)
    sizes: Sequence[int] = ()
    saver: Saver | None = None

    def __post_init__(self) -> None:
        self._further: dict[str, Callable[[Pair], Tensor]] = {"lpips": self.networks.lpips, "skin": skin_errors}
        self._rarity, reasons = _rarity(self.protocol)
        if "lpips" in self.protocol.metrics and (reason := self.networks.missing_perceptual()):
            reasons["lpips"] = reason
        self._judging = Judging(self.protocol, self.pictures, self.networks)
        self.not_computed = reasons | self._missing_distances() | self._judging.not_computed
        self.metrics = [name for name in self.protocol.metrics if name not in self.not_computed]
        self._features = any(name not in self.not_computed for name in self.protocol.set_metrics if name != KERNEL)
        self.kernels: dict[str, distances.PairedKernel] = {}
        self.curves: dict[str, MeasuredCurve] = {}
        self._originals = self.work.each("originals", [self._features, self._judging.label], self._measure_originals)
        self._baselines = self._measure_baselines()

    def section(self, entry: Entry) -> tuple[Section, Figures]:
        """An entry's part of scores.json for these pictures, and its per-picture figures."""
        saved = self.saver and str(self.saver.folder)
        key = [entry.key, self._features, self._judging.label, self.metrics, saved]
        figures = self.work.each(entry.name, key, lambda chunk: self._measure(entry, chunk))
        section: Section = {"data": {**self.pictures.facts, "protocol_pictures": self.protocol.pictures.at_most}}
        if isinstance(entry, PredictionEntry):
            extra = entry.check(self.pictures)
            remarks = entry.remarks(self.pictures.names, figures["state"], figures["lossy"])
            section["predictions"] = {**remarks, "extra": extra}
        own = {name: figures[name] for name in self.metrics}
        section |= {
            "metrics": {name: interval(own[name]) if name in own else None for name in self.protocol.metrics},
            "set_metrics": self._distances(entry, figures),
            "not_computed": self.not_computed,
            "baselines": {name: self._baseline_summary(name) for name in BASELINES},
            "curve": self._curve(entry),
            "recognition": recognition(own, self._baselines),
            "robustness": self._robustness(entry, own),
            "failures": self._failures(own, figures.get("skin")),
        }
        if isinstance(entry, ModelEntry):
            section["working_sizes"] = self._by_size(entry, own)
            section["timing"] = measure_speed(entry.source, self.protocol.pictures.size) if is_main() else None
        return section, own

    def baseline_figures(self, name: str) -> Figures:
        """Per-picture figures of a baseline: grey, mean_color or original."""
        return {metric: self._baselines[f"{name}/{metric}"] for metric in self.metrics}

    # What is measured of a chunk of pictures.

    def _measure_originals(self, chunk: Sequence[Picture]) -> Figures:
        originals = [one.pixels for one in chunk]
        further = {
            "mean_ab": _mean_ab,
            "skin_ab": _skin_ab,
            "colorfulness": lambda pair: pair.original.colorfulness,
        }
        figures = measure(originals, originals, list(further), further=further)
        return figures | self._features_of(originals, True) | self._judging.see(originals, chunk)

    def _measure_baselines(self) -> Figures:
        mean_a, mean_b = self._originals["mean_ab"].mean(axis=0).tolist()
        a, b, pixels = self._originals["skin_ab"].sum(axis=0).tolist()
        skin = (a / max(pixels, 1), b / max(pixels, 1))

        def measured(chunk: Sequence[Picture]) -> Figures:
            originals = [one.pixels for one in chunk]
            answers = {
                "grey": grey_answers(originals),
                "mean_color": recolored(originals, (mean_a, mean_b)),
                "original": recolored(originals, originals),
            }
            found: Figures = {}
            for name, pictures in answers.items():
                figures = self._figures(pictures, originals) | self._features_of(pictures, True)
                figures |= self._judging.see(pictures, chunk)
                found |= {f"{name}/{metric}": values for metric, values in figures.items()}
            if self.protocol.failures is not None:
                found |= measure(recolored(originals, skin), originals, ["skin"], further=self._further)
            return found

        key = [(mean_a, mean_b), skin, self._features, self._judging.label, self.metrics]
        return self.work.each("baselines", key, measured)

    def _measure(self, entry: Entry, chunk: Sequence[Picture]) -> Figures:
        answers = entry.answers(chunk)
        if self.saver is not None:
            self.saver.save(entry.name, chunk, answers)
        made = {i: answer.pixels for i, answer in enumerate(answers) if answer.pixels is not None}
        figures: Figures = {}
        if found := list(made):
            pixels, originals = list(made.values()), [chunk[i].pixels for i in found]
            figures = self._figures(pixels, originals, skin=self.protocol.failures is not None)
            figures |= self._features_of(pixels, True) | self._judging.see(pixels, [chunk[i] for i in found])
        rows = {name: _spread(figures.get(name), found, len(chunk), shape) for name, shape in self._shapes().items()}
        return rows | _circumstances(answers)

    def _figures(self, answers: Sequence[np.ndarray], originals: Sequence[np.ndarray], skin: bool = False) -> Figures:
        names = [*(name for name in self.metrics if name != RECOGNITION), *(["skin"] if skin else [])]
        return measure(answers, originals, names, self._rarity, self._further)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of what is kept of a picture, the shape: a picture without answer has nothing of any of it."""
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(self.metrics, ())
        if "ab_auc_rebalanced" in shapes:
            shapes["ab_auc_rebalanced"] = (2,)
        if self.protocol.failures is not None:
            shapes["skin"] = SKIN_SHAPE
        features = {"features": (self.networks.num_features,)} if self._features else {}
        return shapes | features | self._judging.shapes

    def _features_of(self, pictures: Sequence[np.ndarray], wanted: bool) -> Figures:
        if not (wanted and self._features):
            return {}
        return {"features": self.networks.features_of(as_codes(pictures)).cpu().numpy()}

    # What is made of it.

    def _missing_distances(self) -> dict[str, str]:
        count, reasons = len(self.pictures.names), {}
        for name in self.protocol.set_metrics:
            if name == KERNEL:
                continue
            if name == "kid":
                few = f"needs at least {_MIN_KID} pictures; there are {count}" if count < _MIN_KID else None
                reason = few or self.networks.missing_extractor()
            else:
                reason = self.networks.missing_features(count)
            if reason:
                reasons[name] = reason
        return reasons

    def _baseline_summary(self, name: str) -> dict[str, Any]:
        found = summarize(self.baseline_figures(name))
        if name == "original":  # the originals themselves; the rest is what their way to 8 bits and back costs
            found["colorfulness"] = interval(self._originals["colorfulness"])
        return found

    def _distances(self, entry: Entry, figures: Figures) -> dict[str, Any]:
        answer: dict[str, Any] = dict.fromkeys(self.protocol.set_metrics)
        if KERNEL in answer:
            answer[KERNEL] = self._kernel(entry, figures)
        if not self._features:
            return answer
        sets = {
            "": figures["features"],
            **{name: self._baselines[f"{name}/features"] for name in BASELINES},
        }
        for name, compared in (("fid", distances.frechet), ("kid", distances.kernel)):
            if name in answer and name not in self.not_computed:
                answer[name] = self._distance(compared, sets, name)
        if "fid_hue_invariant" in answer and "fid_hue_invariant" not in self.not_computed:
            answer["fid_hue_invariant"] = self._hue_invariant(entry, figures)
        return answer

    def _kernel(self, entry: Entry, figures: Figures) -> dict[str, Any] | None:
        originals = self._originals.get(SEEN)
        kernel = self._judging.kernel(figures.get(SEEN), originals)
        if kernel is None:
            return None
        self.kernels[entry.name] = kernel
        return {**kernel.summary, "baselines": self._kernel_baselines, "features": self._judging.label}

    @cached_property
    def _kernel_baselines(self) -> dict[str, float | int]:
        """The same of the baselines, which no entry changes."""
        seen = {name: (self._baselines[f"{name}/{SEEN}"], self._originals.get(SEEN)) for name in BASELINES}
        found = {name: self._judging.kernel(*features) for name, features in seen.items()}
        return {name: one.summary["value"] for name, one in found.items() if one is not None}

    def _curve(self, entry: Entry) -> dict[str, Any] | None:
        """How figures change with the strength of colour; ``None`` of pictures that are there as they are."""
        rules = self.protocol.curve
        if rules is None or not isinstance(entry, ModelEntry):
            return None
        names = [name for name in rules.metrics if name in self.metrics]
        curve = measure_curve(entry, rules.vividness, names, self.work, self._judging, self._originals.get(SEEN))
        self.curves[entry.name] = curve
        return curve.section(rules.at)

    def _distance(self, compared: Callable[..., dict[str, Any]], sets: Mapping[str, np.ndarray], name: str) -> Any:
        values = {key: self._between(compared, features, name) for key, features in sets.items()}
        baselines = {key: value["value"] for key, value in values.items() if key and value}
        label = {"features": self.networks.label} if self.networks.label else {}
        return values[""] and {**values[""], "baselines": baselines, **label}

    def _between(
        self, compared: Callable[..., dict[str, Any]], features: np.ndarray, name: str
    ) -> dict[str, Any] | None:
        """The distance of answers' features to those of all originals; ``None`` where too many answers are missing."""
        found = features[np.isfinite(features).all(axis=1)]
        enough = _MIN_KID if name == "kid" else self.networks.num_features + 1
        return compared(found, self._originals["features"]) if len(found) >= enough else None

    def _hue_invariant(self, entry: Entry, figures: Figures) -> dict[str, Any] | None:
        strength = figures.get("colorfulness")
        if strength is None or not np.nanmean(strength) > 0:
            return None
        factor = float(np.mean(self._originals["colorfulness"]) / np.nanmean(strength))

        def measured(chunk: Sequence[Picture]) -> Figures:
            answers = entry.answers(chunk)
            made = {i: answer.pixels for i, answer in enumerate(answers) if answer.pixels is not None}
            rows = with_chroma(list(made.values()), factor) if made else []
            features = self._features_of(rows, bool(made)).get("features")
            return {"features": _spread(features, list(made), len(chunk), (self.networks.num_features,))}

        features = self.work.each(f"{entry.name}, chroma scaled", [entry.key, factor], measured)["features"]
        value = self._between(distances.frechet, features, "fid")
        return value and {**value, "chroma_factor": round(factor, 4)}

    def _robustness(self, entry: Entry, own: Figures) -> dict[str, Any] | None:
        rules = self.protocol.robustness
        if rules is None or not isinstance(entry, ModelEntry):
            return None
        count = len(self.pictures.names)
        picked = np.unique(np.linspace(0, count - 1, min(rules.pictures, count)).round().astype(int)).tolist()
        names = [name for name in rules.metrics if name in self.metrics]
        greys = variants(rules)

        def measured(chunk: Sequence[Picture]) -> Figures:
            originals = [one.pixels for one in chunk]
            found: Figures = {}
            for variant, make in greys.items():
                answers = [entry.answer_to(make(original)) for original in originals]
                if variant == OUTSIDE:
                    answers = [
                        inside(answer, len(original)) for answer, original in zip(answers, originals, strict=True)
                    ]
                figures = measure(recolored(originals, answers), originals, names, self._rarity)
                found |= {f"{variant}/{name}": values for name, values in figures.items()}
            return found

        figures = self.work.each(f"{entry.name}, other greys", [entry.key, names], measured, picked)
        rows: dict[str, Any] = {self.protocol.grey.protocol: summarize({name: own[name][picked] for name in names})}
        for variant in greys:
            rows[variant] = summarize({name: figures[f"{variant}/{name}"] for name in names})
        return {"pictures": len(picked), "variants": rows}

    def _failures(self, own: Figures, skin: np.ndarray | None) -> dict[str, Any] | None:
        if self.protocol.failures is None or skin is None:
            return None
        return failures(own, skin, self._baselines["skin"], self.pictures.kinds, self.protocol.failures.collapse)

    def _by_size(self, entry: ModelEntry, own: Figures) -> dict[str, Any]:
        names = [name for name in BY_SIZE if name in self.metrics]
        found = {}
        for size in self.sizes:

            def measured(chunk: Sequence[Picture], size: int = size) -> Figures:
                answers = [answer.pixels for answer in entry.answers(chunk, size) if answer.pixels is not None]
                return measure(answers, [one.pixels for one in chunk], names, self._rarity)

            trained = size == entry.pipeline.model.working_size
            key = [entry.key, size, names]
            figures = own if trained else self.work.each(f"{entry.name} at {size}", key, measured)
            found[str(size)] = summarize({name: figures[name] for name in names})
        return found


def _rarity(protocol: Protocol) -> tuple[Tensor | None, dict[str, str]]:
    """How much pixels of each colour count, or the reason why no one knows."""
    if protocol.rebalancing is None:
        return None, {}
    try:
        return bin_weights(protocol.rebalancing.prior, mix=0.0), {}
    except RecipeError:
        make = f"python -m training.prior --data DATA -o {protocol.rebalancing.prior}"
        return None, {"ab_auc_rebalanced": f"needs {Path(protocol.rebalancing.prior).name}, which is not here: {make}"}


def _mean_ab(pair: Pair) -> Tensor:
    return pair.original.ab.double().mean(dim=(2, 3))


def _skin_ab(pair: Pair) -> Tensor:
    """Sums of a and b over skin-coloured pixels, and how many there are: ``(B, 3)``."""
    skin = is_skin(pair.original.codes)[:, None].double()
    return torch.cat([pair.original.ab.double() * skin, skin], dim=1).sum(dim=(2, 3))


def _spread(values: np.ndarray | None, rows: Sequence[int], count: int, shape: tuple[int, ...]) -> np.ndarray:
    """``values`` at the given rows of ``count``, NaN at the others."""
    answer = np.full((count, *shape), np.nan)
    if values is not None:
        answer[list(rows)] = values
    return answer


def _circumstances(answers: Sequence[Answer]) -> Figures:
    return {
        "state": np.array([int(answer.state) for answer in answers]),
        "lossy": np.array([answer.lossy for answer in answers]),
    }
