"""Making a study: draw photos, let models colour them, freeze the design. All of it, or nothing is left behind."""

import datetime
import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from colorhub import __version__
from colorhub.study.design.config import Config, Stopping, checked
from colorhub.study.design.manifest import SCHEMA, freeze, write_manifest
from colorhub.study.design.sequences import ATTENTION, ORIGINAL, Item, SequencePlan, make_sequences
from colorhub.study.errors import StudyError
from colorhub.study.stimuli import files
from colorhub.study.stimuli.color_vision import make_plates
from colorhub.study.stimuli.drawing import Drawn, draw
from colorhub.study.stimuli.sources import open_source
from colorhub.study.stimuli.stimuli import ModelFacts, colored_by, distorted, original
from colorhub.study.studies import STIMULI, Study, check_name, studies_root

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
    root = root or studies_root()
    target = root / check_name(name)
    if target.exists():
        raise StudyError(f"The name {name} is taken: {target} exists already; choose another name.")
    if demonstration:  # never over: nothing is preregistered
        config = replace(config, stopping=Stopping(raters=None))
    config = with_primary(config, short_names(models))
    plan = plan_of(config, short_names(models))
    check_effect(config, plan)
    seed = secrets.randbelow(2**53) if seed is None else seed
    say(f"Drawing {plan.all_images} photos from {photos}.")
    drawn = draw(open_source(photos, split, config.design.size), plan.all_images, config.design.size, seed)
    colorings, facts = _colorings(models, drawn, say)
    made = _Made(name, seed, secrets.token_hex(16), demonstration, config, facts)
    with _aside(root, target) as folder:
        say("Writing stimuli and manifest.")
        shown = _fill(folder, made, make_sequences(plan, seed, made.salt), drawn, colorings)
        manifest = freeze(made.frozen() | shown | {"photos": _photos(photos, drawn)})
        write_manifest(manifest, folder)
    return Study(target, manifest)


@dataclass(frozen=True)
class _Made:
    """What a study is, before its pictures."""

    name: str
    seed: int
    salt: str
    demonstration: bool
    config: Config
    models: list[ModelFacts]

    def frozen(self) -> dict[str, Any]:
        """Its part of the manifest."""
        config = self.config
        return {
            "schema": SCHEMA,
            "name": self.name,
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "colorhub_version": __version__,
            "demonstration": self.demonstration,
            "protocol": config.design.protocol,
            "seed": self.seed,
            "salt": self.salt,
            "size": config.design.size,
            "exposure_ms": config.design.exposure_ms,
            "models": [fact._asdict() for fact in self.models],
            "primary": asdict(config.primary),
            "exclusions": asdict(config.exclusions),
            "stopping": asdict(config.stopping),
            "config": config.to_dict(),
        }


def _fill(folder: Path, made: _Made, sequences: list[list[Item]], drawn: Drawn, colorings: Colorings) -> dict[str, Any]:
    """Write all pictures; their part of the manifest."""
    config, names = made.config, _names(sequences)
    plates = make_plates(config.vision.plates, made.seed, made.salt) if config.vision.check else []
    contents = {names[item]: _encoded(item, drawn, colorings, config) for item in names}
    plate_names = [files.random_name() for _ in plates]
    contents |= {at: files.encode(plate.pixels, 95) for at, plate in zip(plate_names, plates, strict=True)}
    hashes, length = _write(folder, contents)
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
        "sequences": [[_position(item, names) for item in sequence] for sequence in sequences],
    }


def _photos(source: str, drawn: Drawn) -> dict[str, Any]:
    return {
        "source": source,
        "fingerprint": drawn.fingerprint,
        "drawn": drawn.names,
        "passed_over": drawn.passed_over,
    }


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


def check_effect(config: Config, plan: SequencePlan) -> None:
    """Refuse a preregistered effect that the design cannot reach. Raises :class:`StudyError`."""
    if config.primary.effect is None:
        return
    try:
        refuse = import_module("colorhub.study.design.power").refuse_unreachable
    except (ImportError, AttributeError):
        return
    refuse(config, plan)


def _colorings(models: Sequence[str], drawn: Drawn, say: Say) -> tuple[Colorings, list[ModelFacts]]:
    colorings, facts = {}, []
    for model, name in zip(models, short_names(models), strict=True):
        say(f"Colouring {len(drawn.squares)} pictures with {model}.")
        colorings[name], fact = colored_by(model, drawn.squares, drawn.names)
        facts.append(fact._replace(name=name))
    return colorings, facts


def _names(sequences: list[list[Item]]) -> dict[tuple[str, int, str], str]:
    """A random name for everything that is shown anywhere, in an order that says nothing."""
    shown = {(item.kind, item.image, one) for sequence in sequences for item in sequence for one in item.shown}
    return {cell: files.random_name() for cell in sorted(shown)}


def _position(item: Item, names: dict[tuple[str, int, str], str]) -> dict[str, Any]:
    return {"kind": item.kind, "stimuli": [names[item.kind, item.image, one] for one in item.shown]}


def _encoded(cell: tuple[str, int, str], drawn: Drawn, colorings: Colorings, config: Config) -> bytes:
    _, image, shown = cell
    square = drawn.squares[image]
    if shown == ORIGINAL:
        pixels = original(square)
    elif shown == ATTENTION:
        pixels = distorted(square)
    else:
        pixels = colorings[shown][image]
    return files.encode(pixels, config.design.quality)


def _write(folder: Path, contents: dict[str, bytes]) -> tuple[dict[str, str], int]:
    """Write all files with one length and in an order that says nothing; their hashes and that length."""
    length = files.common_length(list(contents.values()))
    (folder / STIMULI).mkdir()
    hashes = {}
    for name in sorted(contents):
        content = files.padded(contents[name], length)
        (folder / STIMULI / f"{name}{files.SUFFIX}").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return hashes, length


@contextmanager
def _aside(root: Path, target: Path) -> Iterator[Path]:
    """A folder beside the target that becomes it at the end; after any error it is gone."""
    folder = root / f".{target.name}.{secrets.token_hex(4)}.tmp"
    new_root = not root.exists()
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(target)
    except OSError as error:
        if target.exists():
            raise StudyError(f"The name {target.name} was taken meanwhile: choose another name.") from None
        raise StudyError(f"The study cannot be written to {root}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new_root and root.is_dir() and not any(root.iterdir()):
            root.rmdir()
