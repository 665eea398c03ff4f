"""Where everything lies (parameters, maps, what comes in), and arithmetic of single numbers.

Convolutions compute sixteen images side by side, in the lanes of vectors: the last axis of a map is
(column, lane), so a step to the right is sixteen numbers further. Every sum is then a sum of whole
vectors that begin on cache lines, whatever the width of a map, and nothing needs padding. Kernels
check no bounds, and compile anew for every type of array: so what comes in from outside is checked
here, and brought into the one form that they expect.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Generic, NamedTuple, Self, TypeAlias, TypeVar, get_type_hints

import numpy as np
import numpy.typing as npt
from jaxtyping import AbstractArray, Bool, Float32, Int64

from methods.engines.lenet5_kernels.compilation import kernel

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
f4 = np.float32

FIRST, SECOND = 6, 16
"""Channels of the two convolutions."""
CHANNELS = FIRST + SECOND
HIDDEN_1, HIDDEN_2, CLASSES = 120, 84, 10
UNITS = HIDDEN_1 + HIDDEN_2
"""Units of the hidden linear layers, where dropout may be instead."""

LANES = 16
"""Images side by side: one vector of AVX-512, two of AVX2."""
FEATURES = 5 * 5
"""A pooled map of the second convolution: one channel's part of the first linear layer's inputs."""

Buffers = TypeVar("Buffers", bound="NamedTuple")


def _shape(annotation: Any, **sizes: int) -> tuple[int, ...]:
    """The shape of an array by its annotation, whose axes are sums of products."""

    def length(axis: str) -> int:
        terms = (term.split("*") for term in axis.split("+"))
        return sum(math.prod(sizes.get(word) or int(word) for word in term) for term in terms)

    return tuple(map(length, annotation.dim_str.split()))


class Parameters(NamedTuple):
    """The ten tensors of a network, or of a gradient, as views of one flat vector."""

    conv1_weight: Float32[Array, "6 25"]
    conv1_bias: Float32[Array, " 6"]
    conv2_weight: Float32[Array, "16 6 25"]
    conv2_bias: Float32[Array, " 16"]
    linear1_weight: Float32[Array, "120 400"]
    linear1_bias: Float32[Array, " 120"]
    linear2_weight: Float32[Array, "84 120"]
    linear2_bias: Float32[Array, " 84"]
    linear3_weight: Float32[Array, "10 84"]
    linear3_bias: Float32[Array, " 10"]


SHAPES = [_shape(annotation) for annotation in get_type_hints(Parameters).values()]
PARAMETERS = sum(math.prod(shape) for shape in SHAPES)
"""61,706."""


def views(vector: Float32[Array, " 61706"]) -> Parameters:
    """The tensors of a flat vector in the order of torch's ``parameters_to_vector``."""
    ends = np.cumsum([math.prod(shape) for shape in SHAPES])
    parts = np.split(vector, ends[:-1])
    return Parameters(*(part.reshape(shape) for part, shape in zip(parts, SHAPES, strict=True)))


class KernelNetwork(NamedTuple):
    """A network as the kernels read it.

    Attributes:
        pixel_scale, pixel_offset: the normalisation, ``pixel_scale · x + pixel_offset``.
        dropout: probability p that a channel is dropped, or else a unit of a hidden linear layer.
        kept_scale, unit_scale: what dropout multiplies the channels, or the units, by that it
            keeps: 1 / (1 - p), or 1 where it drops none.
        units: whether it drops units.
        relu: whether it has ReLU and max pooling; else tanh and average pooling. Read outside of
            loops: one set of kernels computes both.
    """

    parameters: Parameters
    pixel_scale: np.float32
    pixel_offset: np.float32
    dropout: float
    kept_scale: np.float32
    unit_scale: np.float32
    units: bool
    relu: bool

    @classmethod
    def from_vector(
        cls,
        vector: Float32[Array, " 61706"],
        *,
        mean: float,
        std: float,
        dropout: float = 0.0,
        units: bool = False,
        relu: bool = False,
    ) -> Self:
        """The network with these parameters, of which nothing is copied.

        Args:
            vector: the parameters in the order of torch's ``parameters_to_vector``.
            mean, std: the normalisation, ``(image - mean) / std``.
            dropout, units, relu: see the attributes.
        """
        if vector.shape != (PARAMETERS,):
            raise ValueError(f"parameters have the shape {vector.shape}; expected ({PARAMETERS},)")
        if units and not relu:
            raise ValueError("dropout of units needs ReLU; expected relu=True")
        if not 0 <= dropout < 1:
            raise ValueError(f"the dropout probability lies in [0, 1), not at {dropout}")
        scale = f4(1 / (1 - dropout))
        return cls(
            views(_plain(vector, f4)),
            pixel_scale=f4(1 / std),
            pixel_offset=f4(-mean / std),
            dropout=float(dropout),
            kept_scale=f4(1) if units else scale,
            unit_scale=scale if units else f4(1),
            units=bool(units),
            relu=bool(relu),
        )


class Maps(NamedTuple):
    """Buffers for sixteen images on their way through the convolutions, and for their masks.

    Attributes:
        raw, wide, pixels: the images as they come, resized in width, and at 32x32, normalised.
        first, second: what the convolutions make, after ReLU's pooling or tanh.
        pooled, features: of these maps, scaled by dropout.
        keep: the channels that dropout keeps of each image.
        scales: what dropout multiplies each channel by.
        used: whether any of the images keeps this channel of the first convolution.
    """

    raw: Float32[Array, "28 28*16"]
    wide: Float32[Array, "28 32*16"]
    pixels: Float32[Array, "32 32*16"]
    first: Float32[Array, "6 28 28*16"]
    pooled: Float32[Array, "6 14 14*16"]
    second: Float32[Array, "16 10 10*16"]
    features: Float32[Array, "16 5 5*16"]
    keep: Bool[Array, "16 22"]
    scales: Float32[Array, "22 16"]
    used: Bool[Array, " 6"]


def buffers(kind: type[Buffers], **sizes: int) -> Buffers:
    """Fresh buffers, all zero, of a class whose annotations give their shapes and types.

    Args:
        sizes: what the words in the shapes stand for.

    >>> buffers(Maps).pooled.shape
    (6, 14, 224)
    """
    return kind._make(
        aligned_zeros(*_shape(hint, **sizes), dtype=hint.dtypes[0])
        if issubclass(hint, AbstractArray)
        else buffers(hint, **sizes)
        for hint in get_type_hints(kind).values()
    )


class ThreadBuffers(threading.local, Generic[Buffers]):
    """Buffers of a thread, kept from call to call: to allocate them takes as long as an image."""

    def __init__(self, kind: type[Buffers], **sizes: int) -> None:
        self.own = buffers(kind, **sizes)


def aligned_zeros(*shape: int, dtype: npt.DTypeLike = f4) -> Array:
    """Zeros that begin on a cache line, so that no vector of a padded row straddles two."""
    size = math.prod(shape)
    raw = np.zeros(size + 64, dtype)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start : start + size].reshape(shape)


def checked_images(images: Array) -> Float32[Array, "images 784"]:
    """Images of 28x28, with or without an axis for their one channel."""
    if images.shape[1:] not in ((28, 28), (1, 28, 28)):
        raise ValueError(f"images have the shape {images.shape}; expected (images, 28, 28)")
    return _plain(images.reshape(len(images), 28 * 28), f4)


def checked_indices(values: Array, limit: int, name: str) -> Int64[Array, " count"]:
    """A row of whole numbers from 0 that lie below ``limit``, such as labels."""
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name}: {values.dtype} of {values.shape}; expected a row of integers")
    if len(values) and not 0 <= values.min() <= values.max() < limit:
        raise ValueError(f"{name}: {values.min()} … {values.max()} leave 0 … {limit - 1}")
    return _plain(values, np.int64)


def checked_masks(
    network: KernelNetwork, keep_mask: Array | None, rows: int
) -> tuple[Bool[Array, "rows 22"], Bool[Array, "unit_rows 204"]]:
    """The channels and the units that the network's dropout keeps, row by row; None keeps all.

    Without dropout of units, their mask has no rows.
    """
    channels, units = np.ones((rows, CHANNELS), bool), np.ones((0, UNITS), bool)
    if keep_mask is None:
        return channels, units
    expected = rows, (UNITS if network.units else CHANNELS)
    if keep_mask.shape != expected or keep_mask.dtype != bool:
        given = f"{keep_mask.dtype} of {keep_mask.shape}"
        raise ValueError(f"the mask is {given}; expected booleans of {expected}")
    keep_mask = _plain(keep_mask, np.bool_)
    return (channels, keep_mask) if network.units else (keep_mask, units)


def first_subsets(keep_mask: Bool[Array, "rows 22"]) -> Int64[Array, " rows"]:
    """The first channels that each row keeps, as a number below 64 of which bit c is channel c."""
    subsets: Array = keep_mask[:, :FIRST] @ 2 ** np.arange(FIRST)
    return subsets


def _plain(array: Array, dtype: type[np.generic]) -> Array:
    """Contiguous and writable, though nothing is written: a copy only where it is not already."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])


# Functions of single numbers in plain arithmetic, so that loops over them vectorise everywhere.
# Clamps are written as `low if x < low else x`, which hands a NaN through, as `min` need not.


@kernel
def tanh(x: np.float32) -> np.float32:
    """The hyperbolic tangent as x·P(x²) / Q(x²); absolute error below 5e-7.

    P has degree 3, Q degree 4: of all such quotients that of the smallest error, found by Lawson's
    weighted least squares. Beyond ±7.9 it is 1 in single precision.
    """
    x = f4(-7.9053111) if x < f4(-7.9053111) else x
    x = f4(7.9053111) if x > f4(7.9053111) else x
    s = x * x
    p = f4(1.1409383660065942e-05)
    p = p * s + f4(0.0029480229131877422)
    p = p * s + f4(0.1292223036289215)
    p = p * s + f4(0.9999994039535522)
    q = f4(2.455542755797069e-07)
    q = q * s + f4(0.0002383262908551842)
    q = q * s + f4(0.023801511153578758)
    q = q * s + f4(0.4625535011291504)
    q = q * s + f4(1)
    return x * p / q


@kernel
def rectify(x: np.float32) -> np.float32:
    """max(0, x); NaN stays NaN."""
    return f4(0) if x < f4(0) else x


@kernel
def larger(x: np.float32, y: np.float32) -> np.float32:
    """The larger of both; NaN if one of them is."""
    return x if (x > y) | np.isnan(x) else y
