"""Train a colorizer: ``accelerate launch training/train.py RECIPE.toml [section.key=value ...] [--smoke]``.

The loop counts optimizer steps. It stops cleanly with a checkpoint on SIGTERM and SIGINT, and goes on from the newest
checkpoint of the output folder when started again. What it can do is said in ``training/config.py``.

Several GPUs: ``accelerate launch --multi_gpu --num_processes 8``; several nodes: the same on each, with
``--num_machines``, ``--machine_rank``, ``--main_process_ip`` and an output folder that all of them see.
"""

import sys

import training  # noqa: F401  it says what is not installed

# isort: split
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed

from training import cli
from training.checkpoint import Checkpoints, Progress
from training.config import Recipe
from training.cpu import speed_up_bfloat16
from training.data.loader import Loader, Shard
from training.data.splits import open_data
from training.initial import initial_model
from training.run_logger import RunLogger
from training.tasks import Task, create_task
from training.validate import ValidationSet, load_validation_set
from training.watchdog import Watchdog


def main(recipe: Recipe) -> None:
    """Run a recipe from its newest checkpoint, or from the beginning, to its last step."""
    run, data = recipe.run, recipe.data
    accelerator = _accelerator(run.precision, bool(recipe.parts))
    shard = Shard(run.seed, accelerator.process_index, accelerator.num_processes)
    train, validation, recipe = open_data(recipe)
    checkpoints = Checkpoints(accelerator, recipe, getattr(train, "num_rows", None))
    set_seed(run.seed)
    torch.backends.cudnn.deterministic = True  # a resumed run repeats the uninterrupted one
    model = initial_model(recipe, accelerator.print, fresh=checkpoints.newest is None)
    if accelerator.device.type == "cpu" and run.precision == "bf16":
        speed_up_bfloat16(model)
    task = create_task(recipe, model, accelerator)
    set_seed(run.seed, device_specific=True)  # dropout differs between processes

    progress = Progress()
    accelerator.register_for_checkpointing(progress)
    cursor = checkpoints.resume(progress)
    where = f"{shard.world_size} processes, {accelerator.device.type}"
    accelerator.print(f"{where}; from step {progress.step} to {run.steps}.")

    class_names = recipe.model.keywords.get("class_names", ())
    validation_set = load_validation_set(validation, data, shard, class_names)
    with (
        Watchdog(accelerator, checkpoints.folder) as watchdog,
        Loader(train, data, shard, cursor, class_names) as loader,
        RunLogger(accelerator, recipe, checkpoints.folder, progress) as logger,
    ):
        while progress.step < run.steps and not watchdog.stop and progress.stale < (run.patience or float("inf")):
            batches = [next(loader) for _ in range(task.batches)]
            losses = watchdog.check(task.step(batches, progress.step), progress.step + 1)
            cursor = batches[-1].cursor
            progress.step += 1
            progress.pictures += shard.world_size * sum(len(batch.rgb) for batch in batches)
            logger.step(losses, task.learning_rate, cursor)

            if progress.step % run.validate_every == 0 or progress.step == run.steps:
                _validate(task, validation_set, accelerator, logger, checkpoints)
            if progress.step % run.checkpoint_every == 0:
                checkpoints.save(progress, cursor)
        checkpoints.save(progress, cursor)
    accelerator.print(_summary(recipe, progress, checkpoints))
    accelerator.end_training()


def _accelerator(precision: str, parts: bool) -> Accelerator:
    # Each process keeps its own running means: nothing in a step reads them, and an adversary sees two batches a step,
    # between which they must not be overwritten. Validation takes the main process's.
    # What is frozen for a while has no gradients to wait for.
    wrapper = DistributedDataParallelKwargs(broadcast_buffers=False, find_unused_parameters=parts)
    return Accelerator(mixed_precision=precision, cpu=not torch.cuda.is_available(), kwargs_handlers=[wrapper])


def _validate(
    task: Task, validation_set: ValidationSet, accelerator: Accelerator, logger: RunLogger, checkpoints: Checkpoints
) -> None:
    """Validate, keep the model if it is the best so far, and show a grid of samples."""
    scores = task.validate(validation_set)
    if logger.validated(scores):
        checkpoints.save_best(task.best_model, scores, logger.progress, task.save_beside)
    if accelerator.is_main_process and (grid := task.sample_grid(validation_set)) is not None:
        logger.add_image(grid)


def _summary(recipe: Recipe, progress: Progress, checkpoints: Checkpoints) -> str:
    done = f"Step {progress.step} of {recipe.run.steps}; checkpoint {checkpoints.newest}"
    if recipe.run.patience is not None and progress.stale >= recipe.run.patience:
        done += f"; stopped early: no better {recipe.run.metric} in {progress.stale} validations"
    elif progress.step < recipe.run.steps:
        done += "; stopped by a signal, start again to go on"
    best = checkpoints.folder / "best"
    return f"{done}; best model: {best if best.exists() else 'none yet'}."


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
