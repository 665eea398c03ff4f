"""What comes in from outside, checked and brought into the one form that the kernels expect.

Kernels do not check bounds, and compile anew for every type of array: so it is done here.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.layout import (
    CHANNELS,
    CLASSES,
    PARAMETERS,
    Array,
    Constants,
    Parameters,
    f4,
    views,
)


class Network(NamedTuple):
    """A trained network, ready for the kernels, which only read it."""

    parameters: Parameters
    constants: Constants
    dropout: float

    @classmethod
    def of(
        cls,
        vector: Float32[Array, " 61706"],
        *,
        mean: float,
        std: float,
        dropout: float = 0.0,
        relu: bool = False,
    ) -> Self:
        """The network with these parameters, of which nothing is copied.

        Args:
            vector: the parameters in the order of torch's ``parameters_to_vector``.
            mean, std: the normalisation, ``(image - mean) / std``.
            dropout: probability p that a channel is dropped; kept ones are scaled by 1 / (1 - p).
            relu: whether it has ReLU and max pooling instead of tanh and average pooling.
        """
        return cls(views(parameters(vector)), constants(mean, std, dropout, relu), dropout)


def parameters(vector: Array) -> Float32[Array, " 61706"]:
    """One flat vector, in the order of torch's ``parameters_to_vector``."""
    if vector.shape != (PARAMETERS,):
        raise ValueError(f"parameters have the shape {vector.shape}; expected ({PARAMETERS},)")
    return _plain(vector, f4)


def constants(mean: float, std: float, dropout: float, relu: bool) -> Constants:
    """(x − mean) / std as scale·x + offset, and 1 / (1 − p) for the channels that are kept."""
    if not 0 <= dropout < 1:
        raise ValueError(f"the dropout probability lies in [0, 1), not at {dropout}")
    return Constants(f4(1 / std), f4(-mean / std), f4(1 / (1 - dropout)), bool(relu))


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


def keep_mask(keep_mask: Array | None, rows: int) -> Bool[Array, "rows 22"]:
    """The channels that dropout keeps, row by row; None keeps all."""
    if keep_mask is None:
        return np.ones((rows, CHANNELS), bool)
    if keep_mask.shape != (rows, CHANNELS) or keep_mask.dtype != bool:
        expected = f"booleans of {(rows, CHANNELS)}"
        raise ValueError(f"the mask is {keep_mask.dtype} of {keep_mask.shape}; expected {expected}")
    return _plain(keep_mask, np.bool_)


def _indices(values: Array, limit: int, name: str) -> Int64[Array, " count"]:
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name}: {values.dtype} of {values.shape}; expected a row of integers")
    if len(values) and not 0 <= values.min() <= values.max() < limit:
        raise ValueError(f"{name}: {values.min()} … {values.max()} leave 0 … {limit - 1}")
    return _plain(values, np.int64)


def _plain(array: Array, dtype: type[np.generic]) -> Array:
    """Contiguous and writable, though nothing is written: a copy only where it is not already."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])
