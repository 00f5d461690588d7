"""Balance of the study's design, by exhaustive count over every number of complete sequences."""

from collections import Counter

import numpy as np
import pytest

from colorhub.study.design.sequences import ATTENTION, ORIGINAL, Item, SequencePlan, make_sequences, pair_walk, walk

SHAPES = [
    # images, per rater, models: multiples, common divisors, primes, odd lengths, one image more than a session
    (12, 4, 3),
    (12, 4, 2),
    (13, 6, 2),
    (10, 10, 1),
    (9, 8, 3),
    (16, 6, 4),
    (15, 7, 5),
    (18, 5, 6),
    (11, 11, 3),
    (20, 12, 2),
]


def plan(protocol: str, images: int, per_rater: int, models: int, raters: int = 60, extra: int = 0) -> SequencePlan:
    names = tuple(f"model{n}" for n in range(models))
    return SequencePlan(protocol, images, per_rater, names, extra, extra, raters)


def trials(sequence: list[Item]) -> list[Item]:
    return [item for item in sequence if item.kind == "trial"]


def fake(item: Item) -> str:
    return next((shown for shown in item.shown if shown != ORIGINAL), ORIGINAL)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("protocol", ["realfake", "2afc"])
def test_exposures_differ_by_at_most_one_after_every_rater(protocol: str, shape: tuple[int, int, int]) -> None:
    made = plan(protocol, *shape)
    counts = Counter({(image, model): 0 for image in range(made.images) for model in made.models})
    originals = Counter(dict.fromkeys(range(made.images), 0))
    for sequence in make_sequences(made, 5, "salt"):
        for item in trials(sequence):
            if fake(item) == ORIGINAL:
                originals[item.image] += 1
            else:
                counts[item.image, fake(item)] += 1
        assert max(counts.values()) - min(counts.values()) <= 1
        assert max(originals.values()) - min(originals.values()) <= 1
        fakes = Counter()
        for (image, _), count in counts.items():
            fakes[image] += count
        if protocol == "realfake":
            assert all(abs(fakes[image] - originals[image]) <= 1 for image in originals)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rater_sees_an_image_once_and_half_of_them_as_they_were(shape: tuple[int, int, int]) -> None:
    made = plan("realfake", *shape)
    for sequence in make_sequences(made, 1, "salt"):
        shown = trials(sequence)
        assert len({item.image for item in shown}) == len(shown) == made.per_rater
        kinds = Counter(item.shown[0] for item in shown)
        assert kinds[ORIGINAL] in ((made.per_rater) // 2, (made.per_rater + 1) // 2)
        models = [kinds[model] for model in made.models]
        # Two where a session goes over the start of the circle and the turn of the models moves on there.
        assert max(models) - min(models) <= 2
        if made.images % made.per_rater == 0 or np.gcd(made.images, len(made.models)) == 1:
            assert max(models) - min(models) <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_sides_are_balanced_in_a_session_and_with_each_model(shape: tuple[int, int, int]) -> None:
    made = plan("2afc", *shape)
    left = 0
    for sequence in make_sequences(made, 1, "salt"):
        shown = trials(sequence)
        assert all(ORIGINAL in item.shown and len(item.shown) == 2 for item in shown)
        sides = Counter(item.shown[0] == ORIGINAL for item in shown)
        assert abs(sides[True] - sides[False]) <= 1
        left += sides[True]
        for model in made.models:
            of_model = Counter(item.shown[0] == ORIGINAL for item in shown if model in item.shown)
            assert abs(of_model[True] - of_model[False]) <= 1
    assert abs(left - made.raters * made.per_rater / 2) <= made.raters * (made.per_rater % 2) / 2 * 0.1


def test_the_walk_is_a_latin_square() -> None:
    for images, models in [(7, 3), (8, 4), (12, 6), (9, 3), (10, 4)]:
        block = [walk(step, images, models) for step in range(2 * models * images)]
        once = Counter(cell for cell in block if cell[1] is not None)
        assert set(once.values()) == {1}
        assert len(once) == images * models
        assert Counter(cell[0] for cell in block if cell[1] is None) == dict.fromkeys(range(images), models)
        pairs = Counter(pair_walk(step, images, models) for step in range(models * images))
        assert len(pairs) == images * models
        assert set(pairs.values()) == {1}


def test_practice_first_attention_spread() -> None:
    made = SequencePlan("realfake", 40, 20, ("a", "b"), 6, 4, 30)
    places = []
    for sequence in make_sequences(made, 0, "salt"):
        kinds = [item.kind for item in sequence]
        assert kinds[:6] == ["practice"] * 6
        assert sorted(item.image for item in sequence[:6]) == list(range(40, 46))
        assert Counter(item.shown[0] for item in sequence[:6]) == {ORIGINAL: 3, "a": 2, "b": 1}
        assert kinds[6] == "trial"
        where = [place - 6 for place, kind in enumerate(kinds) if kind == "attention"]
        assert len(where) == 4
        assert all(n * 6 <= place <= (n + 1) * 6 for n, place in enumerate(where))
        assert {item.image for item in sequence if item.kind == "attention"} == set(range(46, 50))
        assert all(item.shown == (ATTENTION,) for item in sequence if item.kind == "attention")
        places.append(tuple(where))
    assert len(set(places)) > 5


def test_order_says_nothing_about_what_is_shown() -> None:
    sequences = make_sequences(plan("realfake", 40, 20, 2, raters=400), 3, "salt")
    original = np.array([[item.shown[0] == ORIGINAL for item in sequence] for sequence in sequences])
    by_place = original.mean(axis=0)
    assert np.abs(by_place - 0.5).max() < 4.5 * 0.5 / np.sqrt(400)
    after = np.mean(original[:, 1:] == original[:, :-1])
    # Of the 19 that are left, 9 agree with the one before.
    assert abs(after - 9 / 19) < 4.5 * 0.5 / np.sqrt(400 * 19)


def test_seed_and_salt_decide() -> None:
    made = plan("realfake", 12, 6, 2, extra=2)
    assert make_sequences(made, 1, "salt") == make_sequences(made, 1, "salt")
    assert make_sequences(made, 1, "salt") != make_sequences(made, 2, "salt")
    assert make_sequences(made, 1, "salt") != make_sequences(made, 1, "pepper")


def test_dropping_out_unbalances_by_no_more_than_what_was_left_unanswered() -> None:
    made = plan("realfake", 12, 6, 3, raters=40)
    random = np.random.default_rng(0)
    counts = Counter({(image, model): 0 for image in range(12) for model in made.models})
    missing = Counter()
    for sequence in make_sequences(made, 2, "salt"):
        stop = 6 if random.random() < 0.8 else int(random.integers(6))
        for place, item in enumerate(trials(sequence)):
            cell = item.image, fake(item)
            if cell in counts:
                counts[cell] += place < stop
                missing[cell] += place >= stop
    assert max(counts.values()) - min(counts.values()) <= 1 + max(missing.values())
