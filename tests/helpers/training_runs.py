"""Trainings that follow each other in one process."""

from accelerate.state import AcceleratorState

from training import train
from training.config import Recipe


def fresh_accelerator() -> None:
    """Let accelerate forget the precision and device that it remembers for the life of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)


def main(recipe: Recipe) -> None:
    """Train, as in a process of its own."""
    fresh_accelerator()
    train.main(recipe)
