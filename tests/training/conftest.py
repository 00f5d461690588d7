"""What tests of training share: each begins and ends without an accelerator."""

from collections.abc import Iterator

import pytest
from training_runs import fresh_accelerator


@pytest.fixture(autouse=True)
def no_accelerator() -> Iterator[None]:
    """Accelerate remembers precision and device for the life of a process."""
    fresh_accelerator()
    yield
    fresh_accelerator()
