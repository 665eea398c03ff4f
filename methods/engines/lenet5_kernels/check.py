"""What comes in from outside, checked and brought into the one form that the kernels expect.

Kernels do not check bounds, and compile anew for every type of array: so it is done here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.layout import CHANNELS, CLASSES, PARAMETERS, Array, Scales, f4


def parameters(vector: Array) -> Float32[Array, " 61706"]:
    """One flat vector, in the order of torch's ``parameters_to_vector``."""
    if vector.shape != (PARAMETERS,):
        raise ValueError(f"parameters have the shape {vector.shape}; expected ({PARAMETERS},)")
    return _plain(vector, f4)


def images(images: Array) -> Float32[Array, "images 784"]:
    """Images of 28x28, with or without an axis for their one channel."""
    if images.shape[1:] not in ((28, 28), (1, 28, 28)):
        raise ValueError(f"images have the shape {images.shape}; expected (images, 28, 28)")
    return _plain(images.reshape(len(images), 28 * 28), f4)


def labels(labels: Array, count: int) -> Int64[Array, " images"]:
    """One class for each of ``count`` images."""
    if len(labels) != count:
        raise ValueError(f"{len(labels)} labels for {count} images")
    return _indices(labels, CLASSES, "labels")


def order(order: Array, count: int) -> Int64[Array, " positions"]:
    """Which of ``count`` images comes at each position."""
    return _indices(order, count, "the order")


def kept(kept: Array | None, rows: int) -> Bool[Array, "rows 22"]:
    """The channels that dropout keeps, row by row; None keeps all."""
    if kept is None:
        return np.ones((rows, CHANNELS), bool)
    if kept.shape != (rows, CHANNELS) or kept.dtype != bool:
        expected = f"booleans of {(rows, CHANNELS)}"
        raise ValueError(f"masks are {kept.dtype} of {kept.shape}; expected {expected}")
    return _plain(kept, np.bool_)


def scales(mean: float, std: float, dropout: float) -> Scales:
    """(x − mean) / deviation as scale·x + offset, and 1 / (1 − p) for the channels kept."""
    if not 0 <= dropout < 1:
        raise ValueError(f"the dropout probability lies in [0, 1), not at {dropout}")
    return Scales(f4(1 / std), f4(-mean / std), f4(1 / (1 - dropout)))


def _indices(values: Array, limit: int, name: str) -> Int64[Array, " count"]:
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name}: {values.dtype} of {values.shape}; expected a row of integers")
    if len(values) and not 0 <= values.min() <= values.max() < limit:
        raise ValueError(f"{name}: {values.min()} … {values.max()} leave 0 … {limit - 1}")
    return _plain(values, np.int64)


def _plain(array: Array, dtype: type[np.generic]) -> Array:
    """Contiguous and writable, though nothing is written: a copy only where it is not already."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])
