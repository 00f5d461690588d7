"""``colorhub card``: write the cards of model folders from what their files say."""

from typing import Annotated

import typer

from colorhub.cli.console import FAILED, WRONG_USAGE, fail, failing, quiet_exits

_Names = Annotated[list[str], typer.Argument(metavar="MODEL", help="Names or folders of models on this machine.")]
_Check = Annotated[bool, typer.Option("--check", help="Only tell whether they are up to date.")]


@quiet_exits()
def card(names: _Names, check: _Check = False) -> None:
    """Write a model's card: README.md and .eval_results, from config.json, scores.json, recipe.toml and training.json,
    which programs wrote, and card.toml, which holds the words.

    card.toml may have: summary, label, about, training, data, fails, use, code, license, datasets, tags, group,
    citation.

    Exit code: 0 up to date, 1 a file is wrong or, with --check, out of date, 2 no such model.
    """
    from colorhub.hub.cards import CardError, stale_documents, write_card
    from colorhub.hub.loading import model_folder
    from colorhub.models import ModelNotFoundError

    with failing(WRONG_USAGE, ModelNotFoundError):
        folders = [model_folder(name) for name in names]
    with failing(FAILED, CardError):
        stale = [path for folder in folders for path in (stale_documents if check else write_card)(folder)]
    for path in stale:
        typer.echo(f"{'out of date' if check else 'written'}: {path}")
    if check and stale:
        raise fail(f"{len(stale)} files are out of date: write them with colorhub card {' '.join(names)}", FAILED)
