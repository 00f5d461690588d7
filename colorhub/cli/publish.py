"""``colorhub publish``: models and the Space to the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub._text import listed
from colorhub.cli.console import FAILED, WRONG_USAGE, echo_err, fail, failing, quiet_exits
from colorhub.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from colorhub.hub.publish import Hub, ModelFolder, Plan
    from colorhub.hub.published import Published

_WITHOUT_TOKEN = (
    "Note: there is no token, so private repositories are not seen, nor whether you may publish there; publishing "
    "needs one that may write."
)


@quiet_exits()
def publish(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Bundled models, or model folders.")] = None,
    org: Annotated[str, typer.Option(metavar="ORG", help="The user or organization to publish under.")] = "",
    space: Annotated[
        str, typer.Option(metavar="ORG/NAME", help="Publish the Space as well, with these models in it.")
    ] = "",
    static_space: Annotated[
        str,
        typer.Option(
            "--static-space",
            metavar="ORG/NAME",
            help="Publish the page that colours photos in the visitor's browser, with these models or the default.",
        ),
    ] = "",
    ort: Annotated[
        Path | None,
        typer.Option("--ort", metavar="FOLDER", help="Where the tarball of onnxruntime-web is, for it."),
    ] = None,
    hardware: Annotated[
        str,
        typer.Option(metavar="NAME", help="What a new Space runs on.", show_default="zero-a10g, else cpu-basic"),
    ] = "",
    private: Annotated[bool, typer.Option("--private", help="Make new repositories private.")] = False,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open pull requests instead of writing to main.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
) -> None:
    """Publish models to the Hub, each as ORG/NAME: weights, config, card, scores, recipe and pictures as they are.

    Every model is checked before the first is uploaded: strict loading, safetensors only, an up-to-date card, sizes.
    A repository changes in one commit or not at all; then the model is loaded back from the Hub and must answer the
    same, bit for bit. What is on the Hub already is not uploaded again. The token is that of `hf auth login`, or
    HF_TOKEN; --dry-run needs none.
    """
    names = names or []
    how = {"private": private, "create_pr": create_pr}
    if not static_space or org or space:
        _check_usage(names, org, space, hardware)
    from colorhub.hub.publish import PublishError

    with failing(FAILED, PublishError):
        if org or space:
            _publish(names, org, space, hardware, dry_run, how)
        if static_space:
            _publish_static(names, static_space, ort, dry_run, how)


def _publish_static(names: list[str], space: str, ort: Path | None, dry_run: bool, how: dict[str, bool]) -> None:
    """The name and the account are checked before minutes of exporting."""
    from colorhub.cli.static_site import parts_said, site_models
    from colorhub.export.static_site.writing import site_files
    from colorhub.export.writing import ExportError
    from colorhub.hub import check_repo_id
    from colorhub.hub.publish import Hub, carry_out
    from colorhub.hub.publish.static_space import create_static_space, plan_static_space

    check_repo_id(space)
    hub = Hub()
    if dry_run and not hub.has_token:
        echo_err(_WITHOUT_TOKEN)
    else:
        hub.check_owner(space.split("/")[0])
    with failing(FAILED, ExportError):
        models = site_models(",".join(names) or DEFAULT_MODEL)
        files = site_files(models, ort)
    plan = plan_static_space(hub, space, files, [one.name for one in models], **how)
    if dry_run:
        _print_plan(plan, "would be published")
    else:
        create_static_space(hub, plan)
        _print_plan(plan, f"published as {carry_out(hub, plan)}")
    typer.echo(parts_said({path: len(content) for path, content in files.items()}))


def _check_usage(names: list[str], org: str, space: str, hardware: str) -> None:
    if not names and not space:
        raise fail("Nothing to publish: name models, or a Space with --space or --static-space ORG/NAME.", WRONG_USAGE)
    if names and not org:
        raise fail("--org ORG is missing: the user or organization to publish under.", WRONG_USAGE)
    if hardware and not space:
        raise fail("--hardware is for a Space: name it with --space ORG/NAME.", WRONG_USAGE)


def _publish(names: list[str], org: str, space: str, hardware: str, dry_run: bool, how: dict[str, bool]) -> None:
    """Everything is checked before the first repository is touched. ``how``: of all repositories."""
    from colorhub.hub.publish import Hub, create_space, find_hardware, plan_models, plan_space

    choices = find_hardware(hardware)
    folders = _checked_folders(names, org, space)
    hub = Hub()
    if dry_run and not hub.has_token:
        echo_err(_WITHOUT_TOKEN)
    else:
        for owner in dict.fromkeys([org] * bool(names) + [space.split("/")[0]] * bool(space)):
            hub.check_owner(owner)
    plans = plan_models(hub, folders, org, **how)
    new_space = _plan_new_space(hub, space, hardware, folders, plans, how) if space else None
    if dry_run:
        _print_dry_run([*plans, *filter(None, [new_space])], folders)
        return
    if new_space:  # before any model, as the account's plan may not allow it
        made_on = create_space(hub, new_space, choices)
        typer.echo(f"space {space}: created on {made_on.value}" if made_on else f"space {space}: exists")
    published = _publish_models(hub, folders, plans)
    if space:
        _publish_space(hub, plan_space(hub, space, published, **how))


def _checked_folders(names: list[str], org: str, space: str) -> "list[ModelFolder]":
    """The models' folders; they, and the Space, may have the names that they would have on the Hub."""
    from colorhub.hub import check_repo_id
    from colorhub.hub.publish import check_folder

    if space:
        check_repo_id(space)
    if names:
        check_repo_id(f"{org}/name")
    folders = [check_folder(name) for name in names]
    for folder in folders:
        check_repo_id(f"{org}/{folder.name}")
    return folders


def _plan_new_space(
    hub: "Hub", space: str, hardware: str, folders: "list[ModelFolder]", plans: "list[Plan]", how: dict[str, bool]
) -> "Plan":
    """The Space with the models as they will be: that it can be published is known before the first of them is."""
    from colorhub.hub.publish import PublishError, plan_space

    entries = {folder.name: _promise(folder, plan) for folder, plan in zip(folders, plans, strict=True)}
    planned = plan_space(hub, space, entries, **how)
    if hardware and planned.state is not None:
        raise PublishError(f"The Space {space} exists already: change its hardware in its settings on the Hub.")
    return planned


def _print_dry_run(plans: "list[Plan]", folders: "list[ModelFolder]") -> None:
    for plan in plans:
        _print_plan(plan, "would be published")
    for folder in folders:
        _print_left_out(folder)


def _publish_models(hub: "Hub", folders: "list[ModelFolder]", plans: "list[Plan]") -> "dict[str, Published]":
    from colorhub.hub.publish import publish_model

    entries = {}
    for folder, plan in zip(folders, plans, strict=True):
        outcome = publish_model(hub, folder, plan)
        entries[folder.name] = outcome.entry
        _print_plan(plan, f"published as {outcome.commit}")
        _print_left_out(folder)
        typer.echo("  loaded back from the Hub: the same answer bit for bit")
        typer.echo(f"  for colorhub/hub/published.py: {folder.name!r}: {outcome.entry!r},")
    return entries


def _publish_space(hub: "Hub", plan: "Plan") -> None:
    from colorhub.hub.publish import carry_out

    _print_plan(plan, f"published as {carry_out(hub, plan)}")
    if plan.private:
        echo_err("A private Space sees private models only with a secret HF_TOKEN: add one in its settings.")


def _promise(folder: "ModelFolder", plan: "Plan") -> "Published":
    """The model's entry before it is published: of no commit yet, if it is new."""
    from colorhub.hub.published import Published

    return Published(plan.repo_id, plan.state.commit if plan.state else "main", folder.architecture, "", "")


def _print_plan(plan: "Plan", what: str) -> None:
    where = f"{plan.kind} {plan.repo_id}"
    if plan.nothing_to_do:
        typer.echo(f"{where}: unchanged, {len(plan.files)} files")
        return
    new = "" if plan.state else f", new and {'private' if plan.private else 'public'}"
    request = " in a pull request" if plan.create_pr else ""
    typer.echo(f"{where}: {what}{request}{new}: {_paths('upload', plan.changed)}{_paths('delete', plan.gone)}")


def _paths(what: str, paths: tuple[str, ...]) -> str:
    return f"\n  {what}: {listed(paths)}" if paths else ""


def _print_left_out(folder: "ModelFolder") -> None:
    if folder.left_out:
        typer.echo(f"  left out of {folder.name}, as no part of a published model: {', '.join(folder.left_out)}")
