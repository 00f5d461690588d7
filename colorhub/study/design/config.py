"""``study.toml``, typed: every key, what it may be and what it is by default. Unknown keys are errors."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StrictBool, StrictFloat, StrictInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from colorhub._text import nearest
from colorhub.study.errors import StudyError
from colorhub.study.fields import STRICT, between, complaint
from colorhub.study.texts import DEFAULTS, DefaultTexts, Texts

Protocol = Literal["realfake", "2afc"]
MAX_TEXT = 20_000


def _day(value: Any) -> Any:
    if isinstance(value, datetime.date):  # TOML has days of its own
        return value.isoformat()
    try:
        return datetime.date.fromisoformat(value) and value
    except ValueError:
        raise ValueError("is a day such as 2030-01-31") from None
    except TypeError:
        return value


def _link(value: str) -> str:
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https://")
    return value


def _parameter(value: str) -> str:
    if value and not value.replace("_", "").replace("-", "").isalnum():
        raise ValueError("is a name such as PROLIFIC_PID")
    return value


Day = Annotated[str, BeforeValidator(_day)]
Link = Annotated[str, AfterValidator(_link)]


@dataclass(frozen=True, config=STRICT)
class Design:
    """What raters see. ``exposure_ms``: how long a picture is shown, not given: until the answer. ``reserve``: more
    sequences for raters who do not finish, as a part of those planned."""

    protocol: Protocol = "realfake"
    images: Annotated[StrictInt, between(2, 100_000)] = 400
    per_rater: Annotated[StrictInt, between(2, 1000)] = 40
    size: Annotated[StrictInt, between(64, 1024)] = 256
    quality: Annotated[StrictInt, between(50, 100)] = 95
    exposure_ms: Annotated[StrictInt, between(50, 60_000)] | None = None
    practice: Annotated[StrictInt, between(0, 50)] = 10
    attention: Annotated[StrictInt, between(0, 50)] = 4
    reserve: Annotated[StrictFloat, between(0, 10)] = 0.25


@dataclass(frozen=True, config=STRICT)
class Vision:
    """A check of colour vision before the study: ``plates`` dot plates, the first readable by everyone; who reads fewer
    than ``needed`` is flagged, never sent away."""

    check: StrictBool = False
    plates: Annotated[StrictInt, between(1, 20)] = 5
    needed: Annotated[StrictInt, between(0, 20)] = 4


@dataclass(frozen=True, config=STRICT)
class Panel:
    """``parameter``: the part of the page's address that holds a participant's id, such as PROLIFIC_PID."""

    parameter: Annotated[str, AfterValidator(_parameter)] = ""


@dataclass(frozen=True, config=STRICT)
class Links:
    """Where a panel's participants are sent at the end: all done, no consent, too many attention items missed."""

    completion: Link = ""
    screen_out: Link = ""
    failed_attention: Link = ""


@dataclass(frozen=True, config=STRICT)
class Exclusions:
    """The rules for doubtful raters and answers, fixed beforehand. All rows are kept; a rule's name is written to them.

    Raters: less than ``attention`` of the attention items right; more than ``hasty`` of the answers within
    ``fastest_ms``; the same answer in more than ``same_answer`` of the trials; plates not read (where asked). Answers:
    given within ``fastest_ms`` or after more than ``slowest_ms``; to a picture seen before, with ``seen_before``.
    """

    attention: Annotated[StrictFloat, between(0, 1)] = 0.75
    hasty: Annotated[StrictFloat, between(0, 1)] = 0.1
    same_answer: Annotated[StrictFloat, between(0.5, 1)] = 0.95
    fastest_ms: Annotated[StrictInt, between(0, 10_000)] = 200
    slowest_ms: Annotated[StrictInt, between(1000, 3_600_000)] = 60_000
    seen_before: StrictBool = True
    colour_vision: StrictBool = True


@dataclass(frozen=True, config=STRICT)
class Stopping:
    """When recruitment ends: ``raters`` have finished (who has begun then may finish), or the last day is over."""

    raters: Annotated[StrictInt, between(1, 100_000)] | None = 100
    date: Day | None = None


@dataclass(frozen=True, config=STRICT)
class Primary:
    """The one comparison the study is made for: realness of ``first`` against ``second``, each a model or "original".

    ``effect`` in percentage points: the smallest difference worth finding, ``None`` where none is promised; ``margin``
    in points: differences inside it count as none (equivalence).
    """

    first: str = ""
    second: str = "original"
    effect: Annotated[StrictFloat, between(0.1, 100)] | None = None
    margin: Annotated[StrictFloat, between(0.1, 100)] = 5.0
    alpha: Annotated[StrictFloat, between(0.0001, 0.5)] = 0.05
    power: Annotated[StrictFloat, between(0.5, 0.9999)] = 0.8


@dataclass(frozen=True, config=STRICT)
class Config:
    """A whole ``study.toml``. ``withdraw_until``: last day on which a withdrawal reaches everything; not given: the day
    the study ends. ``texts`` by language code replace the defaults one by one."""

    language: str = "en"
    organizer: str = ""
    contact: str = ""
    withdraw_until: Day | None = None
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

    def with_design(self, raters: int | None = None, origin: str = "the options", **given: Any) -> "Config":
        """This one with another value for each key of the design, and for the planned ``raters``, that is not ``None``.

        Raises:
            StudyError: naming ``origin`` and key.
        """
        values = self.to_dict()
        values["design"] |= {name: value for name, value in given.items() if value is not None}
        values["stopping"] |= {} if raters is None else {"raters": raters}
        return config_of(values, origin)

    def spoken(self) -> dict[str, Texts]:
        """All texts by language, complete and filled in."""
        return {language: self._filled(language) for language in sorted({*DEFAULTS, *self.texts})}

    def _filled(self, language: str) -> Texts:
        own, base = self.texts.get(language, Texts()), DEFAULTS.get(language, DefaultTexts())
        if self.design.protocol == "2afc":
            base = replace(base, instructions=base.pairs)
        more = base.panel * bool(self.panel.parameter) + base.vision * self.vision.check
        words = {
            "more": more,
            "organizer": self.organizer or "-",
            "contact": self.contact or "-",
            "trials": str(self.design.per_rater + self.design.attention),
            "practice": str(self.design.practice),
            "withdraw_until": self.withdraw_until or base.withdraw_open,
        }
        texts = {part.name: getattr(own, part.name) or getattr(base, part.name) for part in fields(Texts)}
        for name, value in words.items():  # only these words: other braces stay as they are
            texts = {part: text.replace(f"{{{name}}}", value) for part, text in texts.items()}
        return Texts(**texts)


_CONFIG = TypeAdapter(Config)


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
        return checked(_CONFIG.validate_python(values))
    except ValidationError as error:
        raise StudyError(f"{origin}: {_sentence(error.errors()[0])}") from None
    except StudyError as error:
        raise StudyError(f"{origin}: {error}") from None


def checked(config: Config) -> Config:
    """The config, if its values can be used together. Raises :class:`StudyError`."""
    design, vision = config.design, config.vision
    if design.images < design.per_rater:
        raise StudyError(
            f"a rater sees an image once: design.images ({design.images}) must be at least design.per_rater "
            f"({design.per_rater})."
        )
    if vision.needed > vision.plates:
        raise StudyError(f"vision.needed ({vision.needed}) is more than vision.plates ({vision.plates}).")
    _check_texts(config)
    return config


def _sentence(error: Mapping[str, Any]) -> str:
    *sections, key = (str(part) for part in error["loc"])
    name, kind, given = ".".join([*sections, key]), error["type"], repr(error["input"])
    if kind == "unexpected_keyword_argument":
        section = Texts if sections[:1] == ["texts"] else getattr(Config, sections[0]) if sections else Config
        return f"unknown key {name!r} ({nearest(key, [part.name for part in fields(section)])})."
    tables = {"dataclass_type": f"must be a table [{name}]", "dict_type": f"must be tables such as [{name}.en]"}
    return f"{name} {tables.get(kind) or complaint(error)}, got {given}."


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
