"""Settings: every choice that changes the pixels or the metadata of a result, with one set of defaults everywhere.

Python, the command line, the page, its API, the study and the scores all make a :class:`Settings`; their words of help,
ranges and defaults are taken from :data:`FIELDS`. What does not change a result (batch size, device, workers) is no
setting.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import floor, isfinite
from numbers import Real
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from colorhub._text import did_you_mean, short

InColor = Literal["auto", "recolor", "keep"]
DEFAULT_MODEL = "natural"

_KIND, _VERSION = "colorhub settings", 1


class SettingsError(ValueError):
    """A setting that is unknown, out of range or of another type, or a file that holds no settings: one sentence.

    Example:
        >>> from colorhub import Settings, SettingsError
        >>> try:
        ...     Settings(vividness=9)
        ... except SettingsError as error:
        ...     print(error)
        vividness must be a number between 0 and 4, got 9.
    """


class FieldInfo(NamedTuple):
    """What every door says of a setting. ``low`` and ``high``: the range of a number, in ``unit``; ``choices``: the
    values there are, where they can be counted."""

    help: str
    kind: type
    default: Any = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[Any, ...] = ()

    @property
    def range(self) -> str:
        """What can be given, in words."""
        if self.choices:
            return " or ".join(map(repr, self.choices))
        if self.kind is bool:
            return "True or False"
        if self.kind is str:
            return "a word"
        what = "a whole number" if self.kind is int else "a number"
        bounds = f"between {self.low:g} and {self.high:g}" if self.high is not None else f"of at least {self.low:g}"
        return f"{what} {bounds}{f' {self.unit}' if self.unit else ''}"


def _setting(kind: type, default: Any, help: str, **limits: Any) -> Any:
    return field(default=default, metadata={"info": FieldInfo(help, kind, default, **limits)})


@dataclass(frozen=True)
class Settings:
    """How photos are coloured. What is not given has its default, which is the same in Python, in the terminal and on
    the page. Values are checked when the settings are made.

    Args:
        model: name, folder or Hub id, for :func:`colorhub.load`; the pipeline's own, else the hub's default, when not
            given.
        size: short side in pixels that the network works at, 16 to 4096; what the model was trained at when not given.
        views: 1, or 3 for what three sizes agree on, at three times the network's work. With temperature or samples
            it is always 1.
        restore: the network sees a faded or bordered print in full tones and without its border; the result keeps the
            tones and the border of the photo.
        vividness: factor on the strength of the colours: 0 is grey, 1 is what the model says, 4 the most.
        temperature: how a model with a distribution over colours chooses among them, 0 to 4. For one answer: 0 takes
            the likeliest colours, 1 the mean of all; the model's own when not given. For samples: towards 0 they agree,
            at 1 they differ as much as the distribution says; 0.6 when not given.
        samples: how many different colourings of each photo to make, 1 to 64, instead of the one answer; for models
            with a distribution.
        seed: another one gives other samples. With the same one the first samples are the same however many are asked
            for.
        in_color: what becomes of photos that are in colour: ``auto`` leaves them as they are, ``recolor`` colours them
            anew from their lightness, ``keep`` also leaves those of which it is not sure. Old prints, toned or not, are
            coloured by all three where they are surely black-and-white.
        format: file format of results, such as ``png``; the photo's own when not given.
        quality: of JPEG, WebP, HEIC and AVIF files, 1 to 100; 95 when not given.
        record: whether a file says (in XMP) that a model invented the colours, which, and with what settings.

    Raises:
        SettingsError: a value out of range or of another type.

    Example:
        >>> from colorhub import Settings
        >>> settings = Settings(vividness=1.2, format="png")
        >>> settings.vividness, settings.views, settings.in_color
        (1.2, 1, 'auto')
        >>> settings.changed(size=256).size
        256
    """

    model: str | None = _setting(str, None, "Name (see colorhub models), folder or Hub id; the default when not given.")
    size: int | None = _setting(
        int,
        None,
        "Short side in pixels that the network works at; what the model was trained at when not given.",
        low=16,
        high=4096,
        unit="pixels",
    )
    views: int = _setting(
        int, 1, "At how many sizes the network looks at the photo: 1, or 3 to take what they agree on.", choices=(1, 3)
    )
    restore: bool = _setting(
        bool,
        True,
        "Show the network faded or bordered prints in full tones and without their border; the result keeps the "
        "photo's tones and border.",
    )
    vividness: float = _setting(
        float, 1.0, "Factor on the strength of the colours: 0 is grey, 1 is what the model says.", low=0, high=4
    )
    temperature: float | None = _setting(
        float,
        None,
        "For models with a distribution over colours: 0 takes the likeliest ones, 1 the mean of all. Works with one "
        "view only.",
        low=0,
        high=4,
    )
    samples: int | None = _setting(
        int,
        None,
        "How many different colourings of each photo to make, for models with a distribution.",
        low=1,
        high=64,
    )
    seed: int = _setting(int, 0, "Another one gives other samples.", low=0, high=2**63 - 1)
    in_color: InColor = _setting(
        str,
        "auto",
        "Photos in colour: auto leaves them as they are, recolor colours them anew, keep also leaves doubtful ones.",
        choices=("auto", "recolor", "keep"),
    )
    format: str | None = _setting(str, None, "File format of the results, such as png; the photo's own when not given.")
    quality: int | None = _setting(
        int, None, "Quality of JPEG, WebP, HEIC and AVIF files; 95 when not given.", low=1, high=100
    )
    record: bool = _setting(
        bool, True, "Record in the file that a model invented the colours, which, and with what settings."
    )

    def __post_init__(self) -> None:
        if isinstance(self.model, os.PathLike):
            object.__setattr__(self, "model", os.fspath(self.model))
        for name, info in FIELDS.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), info))
        if self.model == "":
            raise SettingsError("model must be a name, a folder or a Hub id, got nothing.")
        if self.samples and self.temperature == 0:
            raise SettingsError("temperature must be above 0 for samples: at 0 they would all be the same.")
        if self.format is not None:
            _check_format(self.format)

    @property
    def is_sampling(self) -> bool:
        """Whether the answer is taken from a distribution: only a model that has one can give it."""
        return self.temperature is not None or self.samples is not None

    def changed(self, /, **changes: Any) -> Self:
        """These settings with others in place of some. Keywords of earlier versions are taken too, with a warning.

        Raises:
            SettingsError: no such setting (the nearest is named), or one out of range.

        Example:
            >>> from colorhub import Settings
            >>> Settings(vividness=1.2).changed(views=3).vividness
            1.2
            >>> Settings().changed(vividnes=1.2)
            Traceback (most recent call last):
                ...
            colorhub.settings.SettingsError: There is no setting 'vividnes'...
        """
        changes = dict(_renamed(changes))
        if unknown := [name for name in changes if name not in FIELDS]:
            raise SettingsError(f"There is no setting {unknown[0]!r}. {did_you_mean(unknown[0], FIELDS)}")
        return replace(self, **changes) if changes else self

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values that JSON holds.

        Example:
            >>> from colorhub import Settings
            >>> values = Settings(quality=90).to_dict()
            >>> values["quality"], values["vividness"]
            (90, 1.0)
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Settings from what :meth:`to_dict` gives; what is missing has its default.

        Raises:
            SettingsError: an unknown setting, one out of range, or no settings by name at all.

        Example:
            >>> from colorhub import Settings
            >>> settings = Settings.from_dict({"vividness": 1.2})
            >>> settings == Settings.from_dict(settings.to_dict()) == Settings(vividness=1.2)
            True
        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"Settings are values by name, as Settings.to_dict gives them, got {short(values)}.")
        return cls().changed(**{str(name): value for name, value in values.items()})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all settings into a JSON file, so that what was done can be done again.

        Raises:
            OSError: the file cannot be written.

        Example:
            >>> from colorhub import Settings
            >>> Settings(vividness=1.2).save("mine.json")
            >>> Settings.load("mine.json").vividness
            1.2
        """
        content = {"kind": _KIND, "version": _VERSION, "settings": self.to_dict()}
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            SettingsError: no such file, one that is cut short, of another kind or of a newer version, or a setting that
                this version does not know.

        Example:
            >>> from colorhub import Settings
            >>> Settings(size=320).save("mine.json")
            >>> Settings.load("mine.json") == Settings(size=320)
            True
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"The settings {path} cannot be read ({error.strerror}).") from None
        except (ValueError, RecursionError):
            raise SettingsError(
                f"{path} is no JSON, or was cut short: expected a file that --save-settings or Settings.save wrote."
            ) from None
        if not is_settings(content):
            raise SettingsError(
                f"{path} is JSON of another kind: expected a file that --save-settings or Settings.save wrote."
            )
        version, values = content.get("version"), content.get("settings")
        if type(version) is not int or version < 1 or not isinstance(values, dict):
            raise SettingsError(f"{path} is damaged: its version or its settings are missing.")
        if version > _VERSION:
            raise SettingsError(
                f"{path} has version {version} of the settings, and this colorhub knows up to {_VERSION}: install a "
                "newer one."
            )
        try:
            return cls.from_dict(values)
        except SettingsError as error:
            raise SettingsError(f"In {path}: {error}") from None


def is_settings(content: Any) -> bool:
    """Whether what a JSON file holds is settings, of any version."""
    return isinstance(content, dict) and content.get("kind") == _KIND


def chosen(given: Settings | None, own: Settings) -> Settings:
    """Settings that were given, or else a door's own.

    Raises:
        SettingsError: something else was given, such as a dictionary or a file's name.
    """
    if given is not None and not isinstance(given, Settings):
        raise SettingsError(
            f"settings must be colorhub.Settings, got {short(given)}: Settings(...), Settings.from_dict and "
            "Settings.load make some."
        )
    return own if given is None else given


FIELDS: dict[str, FieldInfo] = {one.name: one.metadata["info"] for one in fields(Settings)}
_MAY_BE_NONE = {name for name, info in FIELDS.items() if info.default is None}


def _checked(name: str, value: Any, info: FieldInfo) -> Any:
    """A value of the setting's own type and in its range, or an error that says what is expected."""
    if value is None and name in _MAY_BE_NONE:
        return None
    if _is_of_kind(value, info.kind) and _is_in_range(own := info.kind(value), info):
        return own
    raise SettingsError(f"{name} must be {info.range}, got {short(value)}.")


def _is_in_range(value: Any, info: FieldInfo) -> bool:
    if info.choices:
        return value in info.choices
    return (info.low is None or value >= info.low) and (info.high is None or value <= info.high)


def _is_of_kind(value: Any, kind: type) -> bool:
    """Whether a value can be taken for one of a setting's type. NumPy's numbers are numbers."""
    if kind not in (int, float):
        return isinstance(value, kind)
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return isfinite(value) and (kind is float or value == floor(value))
    except OverflowError:  # a whole number that no float holds
        return False


def _check_format(name: str) -> None:
    from colorhub.photo.errors import PhotoError
    from colorhub.photo.formats import format_named

    try:
        format_named(name)
    except PhotoError as error:
        raise SettingsError(f"format: {error}") from None


def _renamed(changes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keywords of version 0.1 in today's words."""
    for name, value in changes.items():
        if name == "normalize" and (value is None or _is_auto(value)):
            now: dict[str, Any] = {"restore": value is not None}
        elif name == "size" and _is_auto(value):
            now = {"size": None, "views": 3}
        elif name == "recolor":
            now = {"in_color": "recolor" if value else "auto"}
        elif name == "provenance":
            now = {"record": value}
        else:
            yield name, value
            continue
        words = ", ".join(f"{key}={setting!r}" for key, setting in now.items())
        warnings.warn(f"{name}={value!r} is now {words}.", FutureWarning, stacklevel=_levels_to_caller())
        yield from now.items()


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _levels_to_caller() -> int:
    """How far above the function that asks the line is that called this package, by whichever door: a warning's
    ``stacklevel``. Decorators of torch lie between."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in ("colorhub", "torch"):
        level, frame = level + 1, frame.f_back
    return level
