"""The commands of a study that is open or has ended: status, close, withdraw, publish, restore."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.console import FAILED, confirm, fail
from colorhub.cli.study.opening import Name, opened_store, study_endings

if TYPE_CHECKING:
    from colorhub.hub import Plan
    from colorhub.study.store.store import Store
    from colorhub.study.studies import Study

_Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Studies; all of them, if none is named.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a study, one a line.")]
_Why = Annotated[str, typer.Option(metavar="TEXT", help="Why it ends before the preregistered end; recorded.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Close it without asking; needed in scripts.")]
_Code = Annotated[str, typer.Argument(metavar="CODE", help="The withdrawal code that the rater was shown.")]
_To = Annotated[str, typer.Option("--to", metavar="ORG/NAME", help="The dataset on the Hub; made where there is none.")]
_Private = Annotated[
    bool, typer.Option("--private", help="Make the dataset of a closed study private; backups always are.")
]
_License = Annotated[str, typer.Option(metavar="ID", help="Licence of the published data, such as cc-by-4.0.")]
_Repo = Annotated[str, typer.Argument(metavar="ORG/NAME", help="The private dataset with the backup.")]


def status(names: _Names = None, as_json: _Json = False) -> None:
    """Show counts: raters, trials, answers flagged by each preregistered rule. Estimates wait for the end."""
    with study_endings(), opened_store(*(names or [])) as (store, studies):
        if not studies:
            typer.echo("No studies here: colorhub study create makes one.")
        for study in studies:
            name = study.manifest.name
            state, counts = store.state(name), store.counts(name)
            if as_json:
                typer.echo(json.dumps({"name": name, "sha256": study.manifest.sha256, **state, **counts}))
                continue
            mark = " (demonstration, not evidence)" if study.manifest.demonstration else ""
            stands = f"closed on {state['closed']}: {state['closed_why']}" if state["closed"] else "open"
            planned = study.manifest.config.stopping.raters
            typer.echo(f"{name}{mark}: {stands}")
            typer.echo(
                f"  raters: {counts['raters']} begun, {counts['finished']} finished"
                f"{f' of {planned} planned' if planned else ''}, {state['withdrawn']} withdrawn"
            )
            flagged = ", ".join(f"{rule} {count}" for rule, count in counts["flagged"].items()) or "none"
            typer.echo(f"  trials: {counts['trials']}; flagged: {flagged}")


def close(name: Name, why: _Why = "", yes: _Yes = False) -> None:
    """End a study for good and write its trials to trials.csv in its folder.

    No more votes are taken, and panel ids are deleted, from the private backup too. Before the preregistered end, the
    report says that it was early.
    """
    from colorhub.study.trials import write_trials

    with study_endings(), opened_store(name) as (store, [study]):
        state = store.state(name)
        if state["closed"] is None:
            counts = store.counts(name)
            if not yes:
                confirm(f"End {name} with {counts['finished']} finished raters? Votes are not taken again.")
            state = store.close(name, why)
        path = write_trials(study.folder, store.rows(name))
        early = " before its preregistered end" if state["closed_early"] else ""
        typer.echo(f"{name} was closed on {state['closed']}{early}: {state['closed_why']}.")
        typer.echo(f"{path}: {store.counts(name)['trials']} trials; colorhub study report {name} analyses them.")
        if renew_backup(store, study, "panel ids"):
            typer.echo("The private backup was brought up to date, without panel ids.")


def withdraw(code: _Code) -> None:
    """Delete everything of a rater: from the database, from trials.csv of a closed study, and from the private backup.

    Published data are never changed by themselves: the next colorhub study publish is without the rater, and this says
    what cannot be recalled from those who copied it.
    """
    from colorhub.study.trials import FILE, write_trials

    with study_endings(), opened_store() as (store, studies):
        done = store.withdraw(code)
        name = done["study"]
        typer.echo(f"Removed from {name}: one rater with {done['votes']} answers.")
        study = next(study for study in studies if study.manifest.name == name)
        if done["closed"]:
            if (study.folder / FILE).exists():
                write_trials(study.folder, store.rows(name))
                typer.echo(f"{study.folder / FILE} was written anew: write the report again.")
            _tell_published(study, store.today())
        if renew_backup(store, study, "the rater"):
            typer.echo("The private backup and its history are without the rater.")


def _tell_published(study: "Study", today: str) -> None:
    """What published data need, and what cannot be recalled."""
    from colorhub.study.sharing import remotes

    name, until = study.manifest.name, study.manifest.config.withdraw_until
    if until is not None and today <= until:
        typer.echo(f"Nothing was published yet: answers can be withdrawn completely until {until}.")
        return
    where = remotes.known(study.folder).get("release")
    again = f"colorhub study publish {name} --to {where or 'ORG/NAME'}"
    typer.echo(f"{'Published: ' if where else 'If it was published: '}{again} makes the next revision without.")
    typer.echo("Earlier revisions, copies that others made, and reports from them cannot be recalled.")
    if until is not None:
        typer.echo(f"The consent page promised removal from everything until {until}; that day has passed.")


def publish(name: Name, to: _To, private: _Private = False, license: _License = "") -> None:
    """Back a study up to a private dataset while it is open; publish its trials, truth and report once it is closed.

    One commit, or none where nothing has changed; a connection that breaks leaves the old revision whole. A closed
    study goes to the dataset of its backups as a last backup, which forgets the panel ids, and to any other one as
    public data. A backup holds what is real, all answers and the key of the raters' sessions: a public dataset is
    refused for it.
    """
    with study_endings():
        from colorhub.hub import Hub, check_repo_id
        from colorhub.study.sharing.backup import back_up, holds_backups

        check_repo_id(to)
        with opened_store(name) as (store, [study]):
            hub = Hub()
            hub.check_owner(to.split("/")[0])
            if store.state(name)["closed"] is None or holds_backups(hub, to):
                saved = back_up(hub, store.database, study, to)
                counts = f"{saved.snapshot.count('raters')} raters, {saved.snapshot.count('votes')} answers"
                _tell(saved.plan, saved.commit, f"backup of {name}", counts)
                return
            from colorhub.study.sharing.release import release

            made = release(hub, store, study, to, private=private, license=license)
            _tell(made.plan, made.commit, f"data of {name}", f"{made.raters} raters, {made.trials} trials")


def renew_backup(store: "Store", study: "Study", gone: str) -> bool:
    """Bring a backup that this machine knows of up to date, so that what is gone is gone there too; whether there is
    one."""
    from colorhub.study.sharing.remotes import known

    repo_id = known(study.folder).get("backup")
    if repo_id is None:
        return False
    from colorhub.hub import Hub, PublishError
    from colorhub.study.sharing.backup import back_up

    try:
        back_up(Hub(), store.database, study, repo_id)
    except PublishError as error:
        again = f"colorhub study publish {study.manifest.name} --to {repo_id}"
        raise fail(f"The private backup still holds {gone}: run {again}. {error}", FAILED) from None
    return True


def _tell(plan: "Plan", commit: str, what: str, counts: str) -> None:
    done = "unchanged" if plan.nothing_to_do else f"published as {commit}"
    kind = "private" if plan.private else "public"
    typer.echo(f"{kind} dataset {plan.repo_id}: {what}, {counts}: {done}")


def restore(repo: _Repo) -> None:
    """Bring the studies of a backup back onto an empty machine: pictures, votes, and the key that raters' sessions
    hang on.

    Everything is verified before anything is written. Raters go on where they were, with the tokens that their browsers
    have. Start the app afterwards, not before.
    """
    with study_endings():
        from colorhub.hub import Hub
        from colorhub.study.sharing.restore import restore as bring_back
        from colorhub.study.studies import studies_root

        for study in bring_back(Hub(), repo, studies_root()):
            what = "restored" if study.new else "here already"
            typer.echo(f"{study.name}: {what}; {study.raters} raters, {study.votes} answers.")
