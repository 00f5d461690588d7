"""The Space: what of a clone it needs, and a README that makes it fetch the published models while it is built."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from huggingface_hub import SpaceCard, SpaceHardware
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE

from colorhub._project import project_root
from colorhub._text import did_you_mean
from colorhub.hub.published import PUBLISHED, Published
from colorhub.hub.remote import Content, Hub, Plan, PublishError, RefusedError, State, make_plan

ROOT = project_root()
_BESIDE = ("app.py", "requirements.txt", "LICENSE")
_SUFFIXES = (".py", ".css", ".html", ".j2", ".js", ".json", ".safetensors", ".toml", ".R")
# Of the package, by the page.
_NOT_NEEDED = ("archive", "cli", "cluster", "export", "folder", "hub/cards", "hub/publish", "hub/contract.py")
FREE = (SpaceHardware.ZERO_A10G, SpaceHardware.CPU_BASIC)  # in the order in which they are tried
_PAYMENT_REQUIRED = 402
_BODY = """
# {title}

{summary}

The code is that of colorhub, the weights are fetched from the repositories of the models:

{models}
"""


def find_hardware(name: str) -> tuple[SpaceHardware, ...]:
    """What a new Space is tried on, in this order: the hardware of that name, or what is free when it is empty.

    Raises:
        PublishError: the Hub has no such hardware.

    Example:
        >>> from colorhub.hub.publish import find_hardware
        >>> [hardware.value for hardware in find_hardware("")]
        ['zero-a10g', 'cpu-basic']
    """
    if not name:
        return FREE
    known = {str(hardware.value): hardware for hardware in SpaceHardware}
    if name not in known:
        raise PublishError(f"There is no hardware {name!r} on the Hub. {did_you_mean(name, known)}")
    return (known[name],)


def create_space(hub: Hub, plan: Plan, hardware: Sequence[SpaceHardware]) -> SpaceHardware | None:
    """Make the repository of a planned Space on the first hardware that the account may use. Nothing goes up yet.

    Returns:
        the hardware; ``None`` where the Space is there already.

    Raises:
        PublishError: the account's plan allows none of it, or the Hub refused for another reason.

    Example:
        >>> from colorhub.hub.publish import Hub, create_space, find_hardware, plan_space
        >>> plan = plan_space(Hub(), "me/colorhub", {})  # doctest: +SKIP
        >>> create_space(Hub(), plan, find_hardware("cpu-basic")).value  # doctest: +SKIP
        'cpu-basic'
    """
    if plan.state is not None:
        return None
    for choice in hardware:
        try:
            hub.create(plan.repo_id, "space", plan.private, choice)
        except RefusedError as error:
            refused = error
        else:
            return choice
    if refused.status != _PAYMENT_REQUIRED:
        raise refused
    tried = " or ".join(choice.value for choice in hardware)
    raise PublishError(
        f"The plan of {plan.repo_id.split('/')[0]} allows no new Gradio Space on {tried}, and nothing was published: "
        "subscribe to PRO (a person), Team or Enterprise (an organization), publish under a personal account that is "
        "30 days old, which may have two Spaces on zero-a10g, or serve the page yourself with python app.py or the "
        "Dockerfile"
    ) from refused


def plan_space(
    hub: Hub, repo_id: str, more: Mapping[str, Published], *, private: bool = False, create_pr: bool = False
) -> Plan:
    """What publishing the Space would change. Nothing is changed yet.

    Args:
        more: models by name that the Space offers beside those of :mod:`colorhub.hub.published`.

    Raises:
        PublishError: there is no clone to publish from, no model to offer, or the repository is not ours.

    Example:
        >>> from colorhub.hub.publish import Hub, Published, plan_space
        >>> class EmptyHub(Hub):  # one without repositories, which needs no network
        ...     def state(self, repo_id, kind, revision=None):
        ...         return None
        >>> models = {"unet": Published("me/unet", "0f1e2d", "unet", "apache-2.0")}
        >>> plan = plan_space(EmptyHub(), "me/colours", models)
        >>> plan.kind, "app.py" in plan.changed
        ('space', True)
    """
    return make_plan(
        hub,
        repo_id,
        "space",
        space_files({**PUBLISHED, **more}),
        owned=("*",),
        is_ours=_is_ours,
        private=private,
        create_pr=create_pr,
        title="The page, and the models that it offers",
    )


def space_files(models: Mapping[str, Published], root: Path = ROOT) -> dict[str, Content]:
    """The files of the Space by path: the page, the package without its command line, and what they need."""
    missing = [name for name in (*_BESIDE, "README.md") if not (root / name).is_file()]
    if missing:
        raise PublishError(
            f"The Space is published from a clone of the project, and {root} has no {missing[0]}: run the command "
            "there, after pip install -e ."
        )
    if not models:
        raise PublishError(
            "The Space has no model to offer: publish one in the same command, as in `colorhub publish unet --org ORG "
            "--space ORG/NAME`, or list one in colorhub/hub/published.py."
        )
    files: dict[str, Content] = {name: root / name for name in _BESIDE}
    for path in sorted((root / "colorhub").rglob("*")):
        inside = path.relative_to(root / "colorhub")
        needed = not any(inside.is_relative_to(other) for other in _NOT_NEEDED)
        if needed and path.is_file() and path.suffix in _SUFFIXES:
            files[PurePosixPath("colorhub", *inside.parts).as_posix()] = path
    listing = (root / "colorhub/hub/published.py").read_text(encoding="utf-8")
    files["colorhub/hub/published.py"] = with_models(listing, models).encode()
    files["README.md"] = _readme(root, models).encode()
    return files


def with_models(source: str, models: Mapping[str, Published]) -> str:
    """The text of ``colorhub/hub/published.py`` with these models as its list."""
    rows = "".join(f"    {name!r}: {entry!r},\n" for name, entry in models.items())
    text, found = re.subn(
        r"^PUBLISHED: dict\[str, Published\] = \{.*?\}$",
        lambda _: f"PUBLISHED: dict[str, Published] = {{\n{rows}}}",
        source,
        flags=re.MULTILINE | re.DOTALL,
    )
    if found != 1:
        raise PublishError(
            "colorhub/hub/published.py has no list PUBLISHED: it must hold `PUBLISHED: dict[...] = {...}` once."
        )
    return text


def _readme(root: Path, models: Mapping[str, Published]) -> str:
    """The header of the project's README with the models in it, and a few lines about the page."""
    data = SpaceCard.load(root / "README.md").data
    data.models = [entry.repo_id for entry in models.values()]
    wanted = f"{CONFIG_NAME},{SAFETENSORS_SINGLE_FILE}"
    data.preload_from_hub = [f"{entry.repo_id} {wanted} {entry.revision}" for entry in models.values()]
    listed = "\n".join(f"- [{name}](https://huggingface.co/{entry.repo_id})" for name, entry in models.items())
    return f"---\n{data.to_yaml()}\n---\n" + _BODY.format(
        title=data.title, summary=data.short_description, models=listed
    )


def _is_ours(state: State) -> str | None:
    pages = set(state.digests) - {"README.md", "LICENSE"}
    return "holds a Space that is not colorhub's" if pages and "colorhub/space/__init__.py" not in pages else None
