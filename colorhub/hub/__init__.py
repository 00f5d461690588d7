"""Weights by name, from this machine or the Hub; model cards; publishing.

:mod:`loading` finds weights, :mod:`releases` and :mod:`published` list them, :mod:`fetching` and :mod:`conversion`
bring other authors' weights here. :mod:`cards` and :mod:`publish` are the way back to the Hub, through :mod:`remote`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loading": ["ModelInfo", "list_models", "load", "with_distribution"],
        "remote": [
            "Content",
            "Hub",
            "Plan",
            "PublishError",
            "State",
            "carry_out",
            "check_repo_id",
            "hub_errors",
            "make_plan",
        ],
    },
)
