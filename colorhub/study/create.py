"""Making a study: draw photos, let models colour them, freeze the design. All of it, or nothing is left behind."""

import datetime
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from colorhub import __version__
from colorhub.study.design.config import Config, Stopping, checked
from colorhub.study.design.manifest import SCHEMA, freeze, write_manifest
from colorhub.study.design.power import refuse_unreachable
from colorhub.study.design.sequences import ATTENTION, ORIGINAL, Item, SequencePlan, make_sequences
from colorhub.study.errors import StudyError
from colorhub.study.stimuli import files
from colorhub.study.stimuli.color_vision import Plate, make_plates
from colorhub.study.stimuli.drawing import Drawn, draw
from colorhub.study.stimuli.sources import open_source
from colorhub.study.stimuli.stimuli import ModelFacts, colored_by, distorted, original
from colorhub.study.studies import STIMULI, Study, check_name, new_folder, studies_root

_OPEN_ENDED = 200  # sequences for studies without a number of raters

Say = Callable[[str], None]
Colorings = dict[str, list[np.ndarray]]  # pictures of each model, sRGB codes (H, W, 3)


def create_study(
    name: str,
    photos: str,
    models: Sequence[str],
    config: Config,
    *,
    split: str | None = None,
    seed: int | None = None,
    demonstration: bool = False,
    root: Path | None = None,
    say: Say = lambda text: None,
) -> Study:
    """Make a study.

    Args:
        name: small letters, digits, hyphens; not taken yet.
        photos: see :func:`~colorhub.study.stimuli.sources.open_source`.
        models: names, folders or Hub ids, as :func:`colorhub.load` takes them.
        config: see :mod:`colorhub.study.design.config`.
        split: of a dataset.
        seed: decides which photos are drawn; chosen by chance when not given. What raters see also depends on a salt
            that is always secret.
        demonstration: mark it as no evidence.
        root: where studies are.
        say: told what is being done.

    Raises:
        StudyError: for anything that stands in the way. Nothing is left behind then.
    """
    target = _free_place(root or studies_root(), name)
    if demonstration:  # never over: nothing is preregistered
        config = replace(config, stopping=Stopping(raters=None))
    config = with_primary(config, short_names(models))
    plan = plan_of(config, short_names(models))
    refuse_unreachable(config, plan)
    seed = secrets.randbelow(2**53) if seed is None else seed
    say(f"Drawing {plan.all_images} photos from {photos}.")
    drawn = draw(open_source(photos, split, config.design.size), plan.all_images, config.design.size, seed)
    colorings, facts = _colorings(models, drawn, say)
    salt = secrets.token_hex(16)
    content = _identity(name, seed, salt, demonstration) | _decided(config)
    content |= {"models": [fact._asdict() for fact in facts], "photos": _photos(photos, drawn)}
    with new_folder(target) as folder:
        say("Writing stimuli and manifest.")
        sequences = make_sequences(plan, seed, salt)
        plates = make_plates(config.vision.plates, seed, salt) if config.vision.check else []
        manifest = freeze(content | _write(folder, sequences, drawn, colorings, plates, config.design.quality))
        write_manifest(manifest, folder)
    return Study(target, manifest)


def _free_place(root: Path, name: str) -> Path:
    target = root / check_name(name)
    if target.exists():
        raise StudyError(f"The name {name} is taken: {target} exists already; choose another name.")
    return target


def _identity(name: str, seed: int, salt: str, demonstration: bool) -> dict[str, Any]:
    """Which study the manifest is of, and what all that is drawn depends on."""
    return {
        "schema": SCHEMA,
        "name": name,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "colorhub_version": __version__,
        "demonstration": demonstration,
        "seed": seed,
        "salt": salt,
    }


def _decided(config: Config) -> dict[str, Any]:
    """The config, and at the top of the manifest what everybody asks for."""
    return {
        "protocol": config.design.protocol,
        "size": config.design.size,
        "exposure_ms": config.design.exposure_ms,
        "primary": asdict(config.primary),
        "exclusions": asdict(config.exclusions),
        "stopping": asdict(config.stopping),
        "config": config.to_dict(),
    }


def _photos(source: str, drawn: Drawn) -> dict[str, Any]:
    return {
        "source": source,
        "fingerprint": drawn.fingerprint,
        "drawn": drawn.names,
        "passed_over": drawn.passed_over,
    }


def _write(
    folder: Path, sequences: list[list[Item]], drawn: Drawn, colorings: Colorings, plates: list[Plate], quality: int
) -> dict[str, Any]:
    """Write all pictures, with one length and in an order that says nothing; their part of the manifest."""
    cells = {(item.kind, item.image, one) for sequence in sequences for item in sequence for one in item.shown}
    names = {cell: files.random_name() for cell in sorted(cells)}
    plate_names = [files.random_name() for _ in plates]
    contents = {names[cell]: files.encode(_pixels(*cell[1:], drawn, colorings), quality) for cell in names}
    contents |= {at: files.encode(plate.pixels, 95) for at, plate in zip(plate_names, plates, strict=True)}
    length, hashes = files.common_length(list(contents.values())), {}
    (folder / STIMULI).mkdir()
    for name in sorted(contents):
        content = files.padded(contents[name], length)
        (folder / STIMULI / f"{name}{files.SUFFIX}").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return {
        "file_bytes": length,
        "stimuli": {
            at: {"image": image, "shown": shown, "kind": kind, "sha256": hashes[at]}
            for (kind, image, shown), at in names.items()
        },
        "plates": [
            {"stimulus": at, "answer": plate.answer, "line": plate.line, "sha256": hashes[at]}
            for at, plate in zip(plate_names, plates, strict=True)
        ],
        "sequences": [
            [{"kind": item.kind, "stimuli": [names[item.kind, item.image, one] for one in item.shown]} for item in row]
            for row in sequences
        ],
    }


def _pixels(image: int, shown: str, drawn: Drawn, colorings: Colorings) -> np.ndarray:
    if shown in colorings:
        return colorings[shown][image]
    return (original if shown == ORIGINAL else distorted)(drawn.squares[image])


def short_names(models: Sequence[str]) -> list[str]:
    """The last part of each model's name, folder or Hub id. Raises :class:`StudyError` where two are the same."""
    names = [Path(model).name for model in models]
    if not names or "" in names:
        raise StudyError("Name at least one model: --models unet,eccv16.")
    if reserved := {ORIGINAL, ATTENTION} & set(names):
        raise StudyError(f"A model cannot be called {reserved.pop()!r} here: that word has a meaning of its own.")
    if twice := {name for name in names if names.count(name) > 1}:
        raise StudyError(f"Two of the models are called {sorted(twice)[0]!r}: their answers could not be told apart.")
    return names


def with_primary(config: Config, models: Sequence[str]) -> Config:
    """The config with a primary comparison between things that are shown. Raises :class:`StudyError`."""
    primary = replace(config.primary, first=config.primary.first or models[0])
    known = [*models, ORIGINAL]
    for key in ("first", "second"):
        if getattr(primary, key) not in known:
            raise StudyError(f"primary.{key} is {getattr(primary, key)!r}, and the study shows {', '.join(known)}.")
    if primary.first == primary.second:
        raise StudyError(f"The primary comparison is of {primary.first!r} with itself.")
    return checked(replace(config, primary=primary))


def plan_of(config: Config, models: Sequence[str]) -> SequencePlan:
    """What the design is made from: as many sequences as raters are planned, and the reserve."""
    design = config.design
    planned = config.stopping.raters or _OPEN_ENDED
    raters = ceil(planned * (1 + design.reserve))
    return SequencePlan(
        design.protocol, design.images, design.per_rater, tuple(models), design.practice, design.attention, raters
    )


def _colorings(models: Sequence[str], drawn: Drawn, say: Say) -> tuple[Colorings, list[ModelFacts]]:
    colorings, facts = {}, []
    for model, name in zip(models, short_names(models), strict=True):
        say(f"Colouring {len(drawn.squares)} pictures with {model}.")
        colorings[name], fact = colored_by(model, drawn.squares, drawn.names)
        facts.append(fact._replace(name=name))
    return colorings, facts
