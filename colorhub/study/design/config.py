"""``study.toml``, typed: every key, what it may be and what it is by default. Unknown keys are errors."""

import datetime
import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from colorhub.study.errors import StudyError
from colorhub.study.texts import DEFAULTS, PAIRS, PANEL, VISION, WITHDRAW_OPEN, Texts

Protocol = Literal["realfake", "2afc"]
MAX_TEXT = 20_000


@dataclass(frozen=True)
class Design:
    """What raters see. ``exposure_ms``: how long a picture is shown, not given: until the answer. ``reserve``: more
    sequences for raters who do not finish, as a part of those planned."""

    protocol: Protocol = "realfake"
    images: int = 400
    per_rater: int = 40
    size: int = 256
    quality: int = 95
    exposure_ms: int | None = None
    practice: int = 10
    attention: int = 4
    reserve: float = 0.25


@dataclass(frozen=True)
class Vision:
    """A check of colour vision before the study: ``plates`` dot plates, the first readable by everyone; who reads fewer
    than ``needed`` is flagged, never sent away."""

    check: bool = False
    plates: int = 5
    needed: int = 4


@dataclass(frozen=True)
class Panel:
    """``parameter``: the part of the page's address that holds a participant's id, such as PROLIFIC_PID."""

    parameter: str = ""


@dataclass(frozen=True)
class Links:
    """Where a panel's participants are sent at the end: all done, no consent, too many attention items missed."""

    completion: str = ""
    screen_out: str = ""
    failed_attention: str = ""


@dataclass(frozen=True)
class Exclusions:
    """The rules for doubtful raters and answers, fixed beforehand. All rows are kept; a rule's name is written to them.

    Raters: less than ``attention`` of the attention items right; more than ``hasty`` of the answers within
    ``fastest_ms``; the same answer in more than ``same_answer`` of the trials; plates not read (where asked). Answers:
    given within ``fastest_ms`` or after more than ``slowest_ms``; to a picture seen before, with ``seen_before``.
    """

    attention: float = 0.75
    hasty: float = 0.1
    same_answer: float = 0.95
    fastest_ms: int = 200
    slowest_ms: int = 60_000
    seen_before: bool = True
    colour_vision: bool = True


@dataclass(frozen=True)
class Stopping:
    """When recruitment ends: ``raters`` have finished (who has begun then may finish), or the last day is over."""

    raters: int | None = 100
    date: str | None = None


@dataclass(frozen=True)
class Primary:
    """The one comparison the study is made for: realness of ``first`` against ``second``, each a model or "original".

    ``effect`` in percentage points: the smallest difference worth finding, ``None`` where none is promised; ``margin``
    in points: differences inside it count as none (equivalence).
    """

    first: str = ""
    second: str = "original"
    effect: float | None = None
    margin: float = 5.0
    alpha: float = 0.05
    power: float = 0.8


@dataclass(frozen=True)
class Config:
    """A whole ``study.toml``. ``withdraw_until``: last day on which a withdrawal reaches everything; not given: the day
    the study ends. ``texts`` by language code replace the defaults one by one."""

    language: str = "en"
    organizer: str = ""
    contact: str = ""
    withdraw_until: str | None = None
    texts: dict[str, Texts] = field(default_factory=dict)
    design: Design = Design()
    vision: Vision = Vision()
    panel: Panel = Panel()
    links: Links = Links()
    exclusions: Exclusions = Exclusions()
    stopping: Stopping = Stopping()
    primary: Primary = Primary()

    def to_dict(self) -> dict[str, Any]:
        """Every key, with the defaults, as JSON holds it."""
        return asdict(self)

    def with_design(self, **given: Any) -> "Config":
        """This one with another value for each key of the design that is not ``None``. Raises :class:`StudyError`."""
        kept = {name: value for name, value in given.items() if value is not None}
        return checked(replace(self, design=replace(self.design, **kept)))

    def spoken(self) -> dict[str, Texts]:
        """All texts by language, complete and filled in."""
        return {language: self._filled(language) for language in sorted({*DEFAULTS, *self.texts})}

    def _filled(self, language: str) -> Texts:
        own, base = self.texts.get(language, Texts()), DEFAULTS.get(language, Texts())
        if self.design.protocol == "2afc":
            base = replace(base, instructions=PAIRS.get(language, ""))
        more = PANEL.get(language, "") * bool(self.panel.parameter) + VISION.get(language, "") * self.vision.check
        words = {
            "more": more,
            "organizer": self.organizer or "-",
            "contact": self.contact or "-",
            "trials": str(self.design.per_rater + self.design.attention),
            "practice": str(self.design.practice),
            "withdraw_until": self.withdraw_until or WITHDRAW_OPEN.get(language, WITHDRAW_OPEN["en"]),
        }
        texts = {part.name: getattr(own, part.name) or getattr(base, part.name) for part in fields(Texts)}
        for name, value in words.items():  # only these words: other braces stay as they are
            texts = {part: text.replace(f"{{{name}}}", value) for part, text in texts.items()}
        return Texts(**texts)


def load_config(path: str | Path | None) -> Config:
    """Read a ``study.toml``; without one, the defaults.

    Raises:
        StudyError: no such file, no TOML, an unknown key (the nearest is named), a wrong type or a value out of range.
    """
    if path is None:
        return Config()
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is no valid TOML: {error}.") from None
    return config_of(values, str(path))


def config_of(values: dict[str, Any], origin: str = "study.toml") -> Config:
    """A config from a dictionary as TOML or JSON gives it. Raises :class:`StudyError`, naming ``origin`` and key."""
    try:
        return checked(_section(Config, values, ""))
    except StudyError as error:
        raise StudyError(f"{origin}: {error}") from None


def checked(config: Config) -> Config:
    """The config, if its values can be used together. Raises :class:`StudyError`."""
    for name, low, high in _RANGES:
        section, key = name.split(".")
        value = getattr(getattr(config, section), key)
        if value is not None and not low <= value <= high:
            raise StudyError(f"{name} must be between {low} and {high}, got {value}.")
    if config.design.images < config.design.per_rater:
        raise StudyError(
            f"a rater sees an image once: design.images ({config.design.images}) must be at least design.per_rater "
            f"({config.design.per_rater})."
        )
    if config.vision.needed > config.vision.plates:
        raise StudyError(f"vision.needed ({config.vision.needed}) is more than vision.plates ({config.vision.plates}).")
    for name in ("completion", "screen_out", "failed_attention"):
        link = getattr(config.links, name)
        if link and not link.startswith(("https://", "http://")):
            raise StudyError(f"links.{name} must begin with https://, got {link!r}.")
    for name, day in (("stopping.date", config.stopping.date), ("withdraw_until", config.withdraw_until)):
        _check_day(name, day)
    if config.panel.parameter and not config.panel.parameter.replace("_", "").replace("-", "").isalnum():
        raise StudyError(f"panel.parameter is a name such as PROLIFIC_PID, got {config.panel.parameter!r}.")
    _check_texts(config)
    return config


_RANGES = (
    ("design.images", 2, 100_000),
    ("design.per_rater", 2, 1000),
    ("design.size", 64, 1024),
    ("design.quality", 50, 100),
    ("design.exposure_ms", 50, 60_000),
    ("design.practice", 0, 50),
    ("design.attention", 0, 50),
    ("design.reserve", 0, 10),
    ("vision.plates", 1, 20),
    ("vision.needed", 0, 20),
    ("exclusions.attention", 0, 1),
    ("exclusions.hasty", 0, 1),
    ("exclusions.same_answer", 0.5, 1),
    ("exclusions.fastest_ms", 0, 10_000),
    ("exclusions.slowest_ms", 1000, 3_600_000),
    ("stopping.raters", 1, 100_000),
    ("primary.effect", 0.1, 100),
    ("primary.margin", 0.1, 100),
    ("primary.alpha", 0.0001, 0.5),
    ("primary.power", 0.5, 0.9999),
)


def _check_texts(config: Config) -> None:
    known = sorted({*DEFAULTS, *config.texts})
    if config.language not in known:
        raise StudyError(
            f"language {config.language!r} has no texts: there are {', '.join(known)}; add [texts.{config.language}]."
        )
    for language, texts in config.spoken().items():
        for part in fields(Texts):
            text = getattr(texts, part.name)
            if not text.strip():
                raise StudyError(f"texts.{language}.{part.name} is missing, and there is no default in that language.")
            if len(text) > MAX_TEXT:
                raise StudyError(f"texts.{language}.{part.name} has {len(text)} characters; at most {MAX_TEXT} fit.")


def _check_day(name: str, day: str | None) -> None:
    try:
        if day is not None:
            datetime.date.fromisoformat(day)
    except ValueError:
        raise StudyError(f"{name} is a day such as 2030-01-31, got {day!r}.") from None


def _section(cls: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise StudyError(f"{where} must be a table [{where}], got {values!r}.")
    hints = get_type_hints(cls)
    made = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else key
        if key not in hints:
            near = get_close_matches(key, hints, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(hints)}"
            raise StudyError(f"unknown key {name!r} ({hint}).")
        made[key] = _value(hints[key], value, name)
    return cls(**made)


def _value(kind: Any, value: Any, name: str) -> Any:
    if is_dataclass(kind):
        return _section(kind, value, name)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise StudyError(f"{name} must be tables such as [{name}.en], got {value!r}.")
        return {key: _section(get_args(kind)[1], inner, f"{name}.{key}") for key, inner in value.items()}
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise StudyError(f"{name} must be one of {', '.join(get_args(kind))}, got {value!r}.")
        return value
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if isinstance(value, datetime.date) and str in kinds:  # TOML has days of its own
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds:
        return float(value)
    if type(value) not in kinds:
        expected = " or ".join(_WORDS[one] for one in kinds)
        raise StudyError(f"{name} must be {expected}, got {value!r}.")
    return value


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "nothing"}
