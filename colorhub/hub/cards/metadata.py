"""A card's metadata for the Hub, and its figures in the Hub's two formats: ``model-index`` and ``.eval_results``."""

from collections.abc import Iterator
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml

from colorhub.hub.cards.folder import ModelFiles
from colorhub.hub.cards.tables import METRICS, SET_METRICS

PIPELINE_TAG, LIBRARY = "image-to-image", "colorhub"
_TAGS = ("image-colorization", "colorization", "model_hub_mixin", "pytorch_model_hub_mixin")


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
