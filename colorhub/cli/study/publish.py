"""``colorhub study publish``: a backup while a study is open, its data once it has ended."""

from typing import TYPE_CHECKING, Annotated

import typer

from colorhub.cli.console import FAILED, fail
from colorhub.cli.study.opening import Name, opened_store, study_endings

if TYPE_CHECKING:
    from colorhub.hub import Plan
    from colorhub.study.place import Study
    from colorhub.study.store.store import Store

_To = Annotated[str, typer.Option("--to", metavar="ORG/NAME", help="The dataset on the Hub; made where there is none.")]
_Private = Annotated[
    bool, typer.Option("--private", help="Make the dataset of a closed study private; backups always are.")
]
_License = Annotated[str, typer.Option(metavar="ID", help="Licence of the published data, such as cc-by-4.0.")]


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
    from colorhub.study.sharing.copies import known

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
