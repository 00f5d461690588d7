"""Train a colorizer: ``accelerate launch training/train.py RECIPE.toml [section.key=value ...] [--smoke]``.

The loop counts optimizer steps. It stops cleanly with a checkpoint on SIGTERM and SIGINT, and goes on from the newest
checkpoint of the output folder when started again. Everything it does is said in ``training/config.py``.
"""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from training import checkpoint
from training.cli import read_arguments
from training.config import Recipe
from training.data import Cursor, Loader, Place, validation_pictures
from training.initial import initial_model
from training.monitor import Monitor, StopSignal, check_finite
from training.sources import open_pictures
from training.tasks import create_task
from training.validate import picture_sheet, validate


def main(recipe: Recipe) -> None:
    """Run a recipe from its newest checkpoint, or from the beginning, to its last step."""
    run, data = recipe.run, recipe.data
    accelerator = Accelerator(mixed_precision=run.precision, cpu=not torch.cuda.is_available())
    folder = Path(run.output) / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    set_seed(run.seed)
    task = create_task(recipe, initial_model(recipe, accelerator.print), accelerator)
    set_seed(run.seed, device_specific=True)  # dropout differs between processes

    progress = checkpoint.Progress()
    accelerator.register_for_checkpointing(progress)
    resumed = checkpoint.resume(accelerator, folder) if run.resume else None
    place = Place(run.seed, accelerator.process_index, accelerator.num_processes)
    cursor = checkpoint.own_cursor(progress, place) if resumed else Cursor()

    train = open_pictures(data.train, data.train_split, data.image_column, data.streaming)
    held_out = open_pictures(data.validation, data.validation_split, data.image_column)
    pictures = validation_pictures(held_out, data, place)
    monitor = Monitor(accelerator, recipe, folder, progress, resumed)

    with StopSignal(accelerator) as stop, Loader(train, data, place, cursor) as loader, monitor:
        while progress.step < run.steps and not stop.requested():
            batches = [next(loader) for _ in range(recipe.optimizer.accumulate)]
            losses = task.step(batches, progress.step)
            check_finite(losses, accelerator, progress.step + 1, folder)
            cursor = batches[-1].cursor
            progress.step += 1
            progress.pictures += place.world * sum(len(batch.rgb) for batch in batches)
            monitor.step(losses, cursor)

            if progress.step % run.validate_every == 0 or progress.step == run.steps:
                scores = validate(task.best_model, pictures, accelerator)
                better = monitor.validated(scores)
                if accelerator.is_main_process:
                    monitor.sheet(picture_sheet(task.best_model, pictures, accelerator))
                    if better:
                        checkpoint.save_model(task.best_model, folder / "best", recipe, scores)
            if progress.step % run.checkpoint_every == 0 or progress.step == run.steps:
                checkpoint.save(accelerator, folder, progress, cursor, run.keep_checkpoints)
            if run.patience is not None and progress.stale >= run.patience:
                accelerator.print(f"Stopped early: no better {run.metric} in {progress.stale} validations.")
                break
        checkpoint.save(accelerator, folder, progress, cursor, run.keep_checkpoints)
    accelerator.print(f"Step {progress.step} of {run.steps}. Best model: {folder / 'best'}")
    accelerator.end_training()


if __name__ == "__main__":
    main(read_arguments(sys.argv[1:]))
