"""Cards from the template: ``model_cards/template.md`` filled with what a model folder says; with the metadata for the
Hub, and the figures in the Hub's two formats: ``model-index`` and ``.eval_results``."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml
from jinja2 import Environment, StrictUndefined, TemplateError, meta

from colorhub._project import packaged, project_root
from colorhub.hub.cards import tables
from colorhub.hub.cards.folder import SHEET, CardError, ModelFiles, about_class, read_folder
from colorhub.hub.cards.tables import METRICS, SET_METRICS

PIPELINE_TAG, LIBRARY = "image-to-image", "colorhub"
_TAGS = ("image-colorization", "colorization", "model_hub_mixin", "pytorch_model_hub_mixin")
CARD, RESULTS = "README.md", ".eval_results/colorhub.yaml"
_PLACES = tuple(root / "model_cards" / "template.md" for root in (packaged("."), project_root()))
_CODE = """from colorhub import ColorizationPipeline

photo = ColorizationPipeline("{{ name }}")("scan.jpg")
photo.save("scan-in-colour.jpg")"""


def card_documents(folder: Path, template: str | None = None) -> dict[Path, str]:
    """What a model folder's card files should hold: path -> content.

    Args:
        folder: with ``config.json`` and ``model.safetensors``, and what else there is.
        template: in place of ``model_cards/template.md``.

    Raises:
        CardError: a file is not what its name says, or the template has a field that is not known.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.hub.cards import card_documents
        >>> from colorhub.models import UNet
        >>> UNet(**UNet.tiny()).save_pretrained("mine")
        >>> (card,) = card_documents(Path("mine")).values()
        >>> card.startswith("---"), "UNet" in card or "unet" in card
        (True, True)
    """
    files = read_folder(folder)
    try:
        documents = {folder / CARD: _render(template or _template(), files)}
        if files.scores:
            documents[folder / RESULTS] = eval_results(files)
    except (KeyError, TypeError, AttributeError) as error:
        raise CardError(
            f"{folder / 'scores.json'} is not what python -m training.score writes ({_reason(error)}): score it again."
        ) from error
    return documents


def stale_documents(folder: Path) -> list[Path]:
    """The card files that are missing, or say something else than the other files. Raises :class:`CardError`.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.hub.cards import stale_documents, write_card
        >>> from colorhub.models import UNet
        >>> UNet(**UNet.tiny()).save_pretrained("mine")
        >>> [path.as_posix() for path in stale_documents(Path("mine"))]
        ['mine/README.md']
        >>> _ = write_card(Path("mine"))
        >>> stale_documents(Path("mine"))
        []
    """
    return [path for path, text in card_documents(folder).items() if not path.is_file() or _read(path) != text]


def write_card(folder: Path) -> list[Path]:
    r"""Write a folder's card files anew; answers those that changed. Raises :class:`CardError`.

    Example:
        >>> from pathlib import Path
        >>> from colorhub.hub.cards import write_card
        >>> from colorhub.models import UNet
        >>> UNet(**UNet.tiny()).save_pretrained("mine")
        >>> _ = Path("mine/card.toml").write_text('summary = "A tiny one."\nlicense = "mit"')
        >>> [path.name for path in write_card(Path("mine"))]
        ['README.md']
        >>> "license: mit" in Path("mine/README.md").read_text()
        True
    """
    documents, stale = card_documents(folder), stale_documents(folder)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(documents[path], encoding="utf-8")
    return stale


def _render(template: str, files: ModelFiles) -> str:
    environment = Environment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"command": _command, "duration": _duration}
    plain = _plain_fields(files)
    try:
        words = {key: _filled(environment, text, plain) for key, text in _texts(files).items()}
        fails = [_filled(environment, line, plain) for line in files.words.fails]
        return _filled(environment, template, {**plain, **words, "fails": fails})
    except TemplateError as error:
        raise CardError(f"The card of {files.name} cannot be written: {error}.") from error


def _filled(environment: Environment, text: str, known: dict[str, Any]) -> str:
    if unknown := meta.find_undeclared_variables(environment.parse(text)) - set(known):
        raise CardError(f"Unknown field {sorted(unknown)[0]!r} in a card: there are {', '.join(sorted(known))}.")
    return environment.from_string(text).render(known)


def _plain_fields(files: ModelFiles) -> dict[str, Any]:
    """What the template and the words of card.toml may name."""
    return {
        "name": files.name,
        "architecture": files.architecture,
        "config": files.config,
        "recipe": files.recipe,
        "stages": files.training.get("stages", []),
        "model_soup": files.training.get("model_soup"),
        "logit_adjustment": files.training.get("logit_adjustment"),
        "scores": files.scores,
        "license": files.words.license,
        "metadata": metadata(files),
        "sheet": SHEET if files.has_sheet else "",
        "megabytes": f"{files.megabytes:.1f}",
        "sections": [_section(section, files.name) for section in files.sections],
    }


def _texts(files: ModelFiles) -> dict[str, str]:
    words = files.words
    return {
        "summary": words.summary,
        "about": words.about or about_class(files),
        "code": words.code or _CODE,
        "training": words.training,
        "data": words.data or _known_data(files.training.get("stages", [])),
        "use": words.use,
        "citation": words.citation,
    }


def _command(stage: Mapping[str, Any]) -> str:
    """What was typed to train a stage, but for the place of files on the machine that trained it."""
    file = f"training/recipes/{stage.get('file') or stage['recipe']}.toml"
    return shlex.join(["accelerate", "launch", "training/train.py", file, *stage.get("overrides", ())])


def _duration(hours: float) -> str:
    """Hours in words."""
    if hours >= 1:
        return f"{hours:,.1f} hours"
    minutes = round(60 * hours)
    return f"{minutes} {'minute' if minutes == 1 else 'minutes'}" if minutes else "less than a minute"


def _known_data(stages: Sequence[Mapping[str, Any]]) -> str:
    """What the runs themselves say about their training data, where no person has said more."""
    known = [(stage["recipe"], stage["data"]) for stage in stages if "data" in stage]
    lines = []
    for recipe, data in known:
        count = f"{data['pictures']:,} pictures" if data.get("pictures") else "Pictures"
        lines.append(f"{count} of {' and '.join(f'`{name}`' for name in data['train'])}, for `{recipe}`.")
    return " ".join([*lines, "Under which terms they stand is not said."]) if lines else ""


def _section(section: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "title": tables.pictures(section),
        "metrics": tables.metrics_table(section, name),
        "not_computed": tables.not_computed(section),
        "sizes": tables.sizes_table(section),
        "curve": tables.curve_table(section),
        "recognition": tables.recognition(section),
        "robustness": tables.robustness_table(section),
        "failures": tables.failures(section),
        "data": section["data"],
        "robust_pictures": (section.get("robustness") or {}).get("pictures"),
        "speed": tables.speed(section),
    }


def _reason(error: Exception) -> str:
    return f"no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)


def _template() -> str:
    path = next((path for path in _PLACES if path.is_file()), None)
    if path is None:
        raise CardError("The template of cards is missing: install colorhub again.")
    return _read(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def metadata(files: ModelFiles) -> str:
    """The YAML head of README.md, without its fences."""
    results = list(_results(files))
    data = ModelCardData(
        library_name=LIBRARY,
        license=files.words.license,
        base_model=files.words.base_model or None,
        pipeline_tag=PIPELINE_TAG,
        tags=sorted({*_TAGS, files.architecture, *files.words.tags}),
        datasets=list(files.words.datasets) or None,
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=files.name if results else None,
        eval_results=results or None,
    )
    return data.to_yaml().strip()


def eval_results(files: ModelFiles) -> str:
    """The content of ``.eval_results/colorhub.yaml``."""
    entries = [
        EvalResultEntry(
            dataset_id=_dataset_id(section["data"]["source"]),
            task_id=metric,
            value=value,
            notes=f"{section['data']['source']}/{section['data']['split']}, {section['data']['pictures']} pictures, "
            f"protocol {files.scores['protocol']}",
        )
        for section in files.sections
        for metric, value in _values(section)
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)


def _results(files: ModelFiles) -> Iterator[EvalResult]:
    for section in files.sections:
        data = section["data"]
        for metric, value in _values(section):
            yield EvalResult(
                task_type=PIPELINE_TAG,
                task_name="Image colorization",
                dataset_type=_dataset_id(data["source"]),
                dataset_name=f"{data['source']} ({data['pictures']} pictures)",
                dataset_split=data["split"],
                metric_type=metric,
                metric_name=METRICS[metric][0] if metric in METRICS else SET_METRICS[metric],
                metric_value=value,
                metric_config=files.scores["protocol"],
            )


def _values(section: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for metric, (_, digits) in METRICS.items():
        if (value := (section["metrics"].get(metric) or {}).get("mean")) is not None:
            yield metric, round(value, digits)
    for metric in SET_METRICS:
        if found := section.get("set_metrics", {}).get(metric):
            yield metric, found["value"]


def _dataset_id(source: str) -> str:
    """The Hub's id of a source, or one that says that it is none of the Hub's."""
    return source if source.count("/") == 1 else f"local/{source.strip('/').split('/')[-1]}"
