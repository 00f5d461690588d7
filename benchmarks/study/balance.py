"""How even is the study's design? ``python benchmarks/study/balance.py [--raters 200]``

Counts how often every image is shown with every model (and as an original), over complete sequences and with raters
who drop out. Complete: the counts differ by at most 1, after any number of raters. Drop-outs stop at a random trial,
and what they answered counts; their sequences are given again, as the store does after an hour, or stay cut off, as at
the end of a study. The observed bound is printed for each. Exit code 1 if complete sequences differ by more than 1.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

import numpy as np

from colorhub.study.design.sequences import ORIGINAL, Item, SequencePlan, make_sequences

SHAPES = ((400, 40, 3), (200, 40, 2), (50, 50, 4), (48, 16, 3), (97, 31, 5))  # images, trials a rater, models
DROP_OUT = (0.0, 0.1, 0.2, 0.4)


def cell(item: Item) -> tuple[int, str]:
    """Image and model of a trial, or image and "original"."""
    return item.image, next((shown for shown in item.shown if shown != ORIGINAL), ORIGINAL)


def spans(counts: Counter[tuple[int, str]], plan: SequencePlan) -> tuple[int, int]:
    """Largest less smallest count: of image x model, and of originals (0 in pairs, which always hold one)."""
    models = [counts[image, model] for image in range(plan.images) for model in plan.models]
    originals = [counts[image, ORIGINAL] for image in range(plan.images)]
    return max(models) - min(models), max(originals) - min(originals)


def worst_complete(plan: SequencePlan, sequences: Iterable[list[Item]]) -> int:
    """The largest span after any number of complete sequences."""
    counts: Counter[tuple[int, str]] = Counter()
    worst = 0
    for sequence in sequences:
        counts.update(cell(item) for item in sequence if item.kind == "trial")
        worst = max(worst, *spans(counts, plan))
    return worst


def with_drop_outs(
    plan: SequencePlan, sequences: list[list[Item]], share: float, again: bool, random: np.random.Generator
) -> int:
    """The largest span at the end, where a share of the raters stop somewhere. ``again``: an abandoned sequence goes to
    the next rater, whose answers count too."""
    counts: Counter[tuple[int, str]] = Counter()
    for sequence in sequences:
        trials = [cell(item) for item in sequence if item.kind == "trial"]
        while random.random() < share:
            counts.update(trials[: int(random.integers(len(trials)))])
            if not again:
                break
        else:
            counts.update(trials)
    return max(spans(counts, plan))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20, help="random drop-outs a rate; the worst is printed")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{args.raters} raters; largest less smallest count of image x model, the worst of {args.runs} runs")
    rates = [f"{share:.0%} drop out" for share in DROP_OUT[1:]]
    print(f"{'':44}{'mean':>6}{'complete':>10}" + "".join(f"{rate:>24}" for rate in rates))
    print(f"{'':60}" + f"{'given again':>14}{'cut off':>10}" * len(rates))
    worst = 0
    for protocol in ("realfake", "2afc"):
        for images, per_rater, models in SHAPES:
            names = tuple(f"model {n}" for n in range(models))
            plan = SequencePlan(protocol, images, per_rater, names, 0, 0, args.raters)
            sequences = make_sequences(plan, args.seed, "salt")
            complete = worst_complete(plan, sequences)
            worst = max(worst, complete)
            cells = ""
            for share in DROP_OUT[1:]:
                for again, width in ((True, 14), (False, 10)):
                    random = np.random.default_rng(args.seed)
                    found = max(with_drop_outs(plan, sequences, share, again, random) for _ in range(args.runs))
                    cells += f"{found:>{width}}"
            fakes = args.raters * per_rater * (0.5 if protocol == "realfake" else 1)
            mean = fakes / (images * models)
            title = f"{protocol}, {images} images, {per_rater} a rater, {models} models"
            print(f"{title:44}{mean:>6.1f}{complete:>10}{cells}", flush=True)
    print(f"Complete sequences differ by at most 1: {'yes' if worst <= 1 else 'NO'}")
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
