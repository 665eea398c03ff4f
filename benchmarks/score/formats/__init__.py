"""The formats in which external predictions are read, by the ending of the file's name.

``.npy`` by NumPy, ``.pt`` and ``.pth`` by PyTorch, ``.csv`` by pandas; else an ``.npz`` of NumPy. A
file of a single array is taken for one of predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.score.formats.csv_file import read_csv_file
from benchmarks.score.formats.numpy_file import read_numpy_file, read_zipped_arrays
from benchmarks.score.formats.torch_file import read_torch_file
from benchmarks.score.sources import Array, GivenArray, Source

READERS: Mapping[str, Callable[[Path], Mapping[str, Array]]] = {
    ".npy": read_numpy_file,
    ".pt": read_torch_file,
    ".pth": read_torch_file,
    ".csv": read_csv_file,
}
"""By the ending of the name; each gives the arrays of a file by their names."""


def arrays_in(path: Path) -> dict[str, Source]:
    """The arrays in a file by their names.

    Raises:
        UserError: the file cannot be read, is damaged, or does not hold arrays.
    """
    if (read := READERS.get(path.suffix.lower())) is None:
        return dict(read_zipped_arrays(path))
    return {name: GivenArray(name, values) for name, values in read(path).items()}
