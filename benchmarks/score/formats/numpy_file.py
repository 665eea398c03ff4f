"""A file of one array, as `numpy.save` writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.score.arrays import PROBABILITIES
from benchmarks.score.formats.reading import read_as
from benchmarks.score.sources import Array


def read_numpy_file(path: Path) -> dict[str, Array]:
    """The array, of which only what is asked for is read from the disk.

    Raises:
        UserError: the file cannot be read, or holds Python objects.
    """
    with read_as("an .npy file of numbers", "write it with np.save(file, probabilities)"):
        # Not `numpy.load`, which takes an archive for one, whatever the name of the file.
        return {PROBABILITIES: np.lib.format.open_memmap(path, mode="r")}
