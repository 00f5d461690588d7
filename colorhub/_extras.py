"""The optional parts of the package: what each needs beyond the base, and the sentence where that is not installed."""

from importlib.util import find_spec

# Extra of pyproject.toml -> what it is for, and the modules of its packages; a test compares them.
EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "app": (
        "The page and the study need",
        (
            *("anyio", "datasets", "gradio", "markdown_it", "pandas", "psycopg", "pyarrow", "pydantic", "skimage"),
            *("sqlalchemy", "starlette", "statsmodels"),
        ),
    ),
    "train": (
        "Training needs",
        (
            *("accelerate", "datasets", "pyarrow", "pydantic", "skimage", "statsmodels"),
            *("tensorboard", "torchmetrics", "torchvision"),
        ),
    ),
    "scores": ("Scoring needs", ("skimage", "torch_fidelity", "torchmetrics")),
    "export": ("Exporting, and running what was exported, needs", ("onnx", "onnxruntime", "onnxscript")),
    "archive": ("A manifest needs", ("pyarrow",)),
    "c2pa": ("Content Credentials need", ("c2pa", "cryptography")),
    "ray": ("Work on a cluster needs", ("pyarrow", "ray")),
    "s3": ("s3:// needs", ("pyarrow", "s3fs")),
    "gs": ("gs:// needs", ("gcsfs", "pyarrow")),
    "az": ("az:// needs", ("adlfs", "pyarrow")),
}


class MissingExtraError(ImportError):
    """An optional part is not installed: the message names what is missing and the command that brings it."""


def require(extra: str, *modules: str) -> None:
    """Check that an optional part of the package is installed. Nothing is imported.

    Args:
        extra: its name in pyproject.toml.
        modules: those that are needed now; all of the part when none is given.

    Raises:
        MissingExtraError: one is missing.
    """
    needing, everything = EXTRAS[extra]
    if missing := [name for name in modules or everything if find_spec(name) is None]:
        raise MissingExtraError(
            f'{needing} packages that are not installed ({", ".join(missing)}): pip install "colorhub[{extra}]"'
        )
