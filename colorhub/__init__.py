"""colorhub: lightness in, colour out. Any black-and-white photo, full size, from any of a family of models."""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={"color", "metrics"},
    submod_attrs={
        "hints": ["Hint", "HintsError", "load_hints", "save_hints"],
        "inference.layer": ["ColorLayer", "LayerError", "compose"],
        "hub.loading": ["list_models", "load"],
        "models": ["MODELS", "create"],
        "models.base": ["Colorizer", "HubModel", "Prediction"],
        "photo": ["ColorPhoto", "Photo", "PhotoError"],
        "pipeline": ["ColorizationPipeline"],
        "retouching": ["Retouching"],
        "settings": ["Settings", "SettingsError"],
    },
)
