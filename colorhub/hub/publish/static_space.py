"""The static Space: the folder of static files that colours photos in the visitor's browser, and its README."""

from collections.abc import Mapping, Sequence

from huggingface_hub import SpaceCard, SpaceCardData

from colorhub._project import project_root
from colorhub.hub.remote import Content, Hub, Plan, PublishError, State, make_plan

# The page is isolated from others, without which browsers give it no threads.
HEADERS = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}
_SHARED = ("title", "emoji", "colorFrom", "colorTo", "license", "short_description", "tags")
_BODY = """
# {title}

{summary}. In your browser: nothing is uploaded, and after the first visit it works without network.

The colour is a guess: plausible, not true. Models: {models}. Licences of all parts: `LICENSES.txt`.
"""
_MARK = "engine/constants.json"  # what no other site has


def plan_static_space(
    hub: Hub,
    repo_id: str,
    files: Mapping[str, Content],
    models: Sequence[str],
    *,
    private: bool = False,
    create_pr: bool = False,
) -> Plan:
    """What publishing the static site would change. Nothing is changed yet.

    Args:
        files: of the site, by path.
        models: names of those that it offers.

    Raises:
        PublishError: the repository is not ours, or there is no clone with a README to take the header from.
    """
    return make_plan(
        hub,
        repo_id,
        "space",
        {**files, "README.md": readme(models).encode()},
        owned=("*",),
        is_ours=_is_ours,
        private=private,
        create_pr=create_pr,
        title="The page that colours photos in the browser",
    )


def create_static_space(hub: Hub, plan: Plan) -> bool:
    """Make the repository of a planned static Space, which is free for everybody. Whether it was new."""
    if plan.state is None:
        hub.create(plan.repo_id, "space", plan.private, sdk="static")
    return plan.state is None


def readme(models: Sequence[str]) -> str:
    """The Space's README: the project's own header as far as it holds for a static Space."""
    path = project_root() / "README.md"
    if not path.is_file():
        raise PublishError(
            f"The static Space is published from a clone of the project, and {path.parent} has no README.md: run the "
            "command there, after pip install -e ."
        )
    own = SpaceCard.load(path).data.to_dict()
    shared = {name: own.get(name) for name in _SHARED}
    data = SpaceCardData(sdk="static", app_file="index.html", custom_headers=dict(HEADERS), **shared)
    body = _BODY.format(title=own["title"], summary=own["short_description"], models=", ".join(models))
    return f"---\n{data.to_yaml()}\n---\n{body}"


def _is_ours(state: State) -> str | None:
    pages = set(state.digests) - {"README.md", ".gitattributes", "index.html", "style.css"}  # a new Space has these
    return "holds a Space that is not colorhub's static one" if pages and _MARK not in state.digests else None
