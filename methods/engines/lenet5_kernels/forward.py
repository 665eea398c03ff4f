"""The network forwards: per image through the convolutions, then all images through the linears.

The masks are known beforehand, so a dropped channel costs nothing: neither its map nor its part
in any sum is computed. A channel of which nothing reaches the next layer leaves it its bias.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.arithmetic import tanh
from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.convolution import (
    add_first_convolution,
    add_second_convolution,
    add_second_convolutions,
    shift_left,
)
from methods.engines.lenet5_kernels.dense import (
    add_kept_products,
    add_product,
    apply_tanh,
    copy,
    fill_rows,
    transpose,
)
from methods.engines.lenet5_kernels.layout import (
    FEATURES,
    FIRST,
    FIRST_MAP,
    HIDDEN_1,
    HIDDEN_2,
    PIXELS,
    POOLED_MAP,
    SECOND,
    SECOND_MAP,
    Array,
    Parameters,
    Scales,
    f4,
    room,
)
from methods.engines.lenet5_kernels.pixels import resize


class Maps(NamedTuple):
    """Room for one image on its way through the convolutions."""

    tall: Float32[Array, "32 30"]
    row: Float32[Array, " 32*32+16"]
    pixels: Float32[Array, " 5*32*32"]
    first: Float32[Array, "6 28*32"]
    pooled: Float32[Array, "6 15*16"]
    shifted: Float32[Array, "6 5*14*16"]
    second: Float32[Array, "16 10*16"]


def maps_room() -> Maps:
    """Fresh room; what is shifted ends with a little more, which only the shift reads."""
    return Maps(
        room(32, 30),
        room(PIXELS + 16),
        room(5 * PIXELS),
        room(FIRST, FIRST_MAP),
        room(FIRST, POOLED_MAP + 16),
        room(FIRST, 5 * POOLED_MAP),
        room(SECOND, SECOND_MAP),
    )


@inlined
def first_layer(
    parameters: Parameters,
    image: Float32[Array, " 28*28"],
    kept: Bool[Array, "6+"],
    scales: Scales,
    maps: Maps,
) -> None:
    """Each kept channel: tanh(conv(pixels) + bias), pooled and scaled, in five shifted copies."""
    resize(maps.row, image, scales, maps.tall)
    shift_left(maps.pixels, maps.row, PIXELS)
    for c in range(FIRST):
        if kept[c]:
            values, pooled = maps.first[c], maps.pooled[c]
            values[:] = parameters.conv1_bias[c]
            add_first_convolution(values, maps.pixels, parameters.conv1_weight[c])
            for i in range(FIRST_MAP):
                values[i] = tanh(values[i])
            pool_first(pooled, values, scales.dropout)
            shift_left(maps.shifted[c], pooled, POOLED_MAP)


@inlined
def second_layer(
    parameters: Parameters,
    kept: Bool[Array, " 22"],
    scales: Scales,
    maps: Maps,
    features: Float32[Array, "16 25"],
) -> None:
    """Each kept channel: tanh(Σ conv(kept first maps) + bias), pooled and scaled; others 0."""
    for o in range(SECOND):
        maps.second[o, :] = parameters.conv2_bias[o]
    for c in range(FIRST):
        if kept[c]:
            for o in range(0, SECOND, 2):
                add_to_two_maps(parameters, kept, maps, c, o)
    for o in range(SECOND):
        if kept[FIRST + o]:
            values = maps.second[o]
            for i in range(SECOND_MAP):
                values[i] = tanh(values[i])
            pool_second(features[o], values, scales.dropout)
        else:
            features[o, :] = f4(0)


@inlined
def add_to_two_maps(
    parameters: Parameters, kept: Bool[Array, " 22"], maps: Maps, c: int, o: int
) -> None:
    """Add conv(first map c) to the second maps o and o + 1, as far as they are kept."""
    inputs, weight = maps.shifted[c], parameters.conv2_weight
    if kept[FIRST + o] and kept[FIRST + o + 1]:
        add_second_convolutions(
            maps.second[o], maps.second[o + 1], inputs, weight[o, c], weight[o + 1, c]
        )
    elif kept[FIRST + o]:
        add_second_convolution(maps.second[o], inputs, weight[o, c])
    elif kept[FIRST + o + 1]:
        add_second_convolution(maps.second[o + 1], inputs, weight[o + 1, c])


@kernel
def pool_first(
    pooled: Float32[Array, " 15*16"], values: Float32[Array, " 28*32"], scale: np.float32
) -> None:
    """scale times the mean of every 2x2 square of a 28x28 map, padding included."""
    for r in range(14):
        above, below = values[64 * r : 64 * r + 32], values[64 * r + 32 : 64 * r + 64]
        target = pooled[16 * r : 16 * r + 16]
        for j in range(16):
            square = (above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])
            target[j] = scale * f4(0.25) * square


@kernel
def pool_second(
    features: Float32[Array, " 25"], values: Float32[Array, " 10*16"], scale: np.float32
) -> None:
    """scale times the mean of every 2x2 square of a 10x10 map, without its padding."""
    for r in range(5):
        above, below = values[32 * r : 32 * r + 16], values[32 * r + 16 : 32 * r + 32]
        target = features[5 * r : 5 * r + 5]
        for j in range(5):
            square = (above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])
            target[j] = scale * f4(0.25) * square


class Linears(NamedTuple):
    """The linear layers as the forward products read them: transposed, rows padded with zeros.

    With 128 and 96 instead of 120 and 84 columns every row is a whole number of vectors.
    """

    weight1: Float32[Array, "400 128"]
    bias1: Float32[Array, " 128"]
    weight2: Float32[Array, "120 96"]
    bias2: Float32[Array, " 96"]
    weight3: Float32[Array, "84 16"]
    bias3: Float32[Array, " 16"]


class Activations(NamedTuple):
    """Room for what the linear layers make of a number of rows (images or passes)."""

    hidden1: Float32[Array, "rows 128"]
    hidden2: Float32[Array, "rows 96"]
    logits: Float32[Array, "rows 16"]


def linears_room() -> Linears:
    """Fresh room for the linear layers of one network."""
    return Linears(
        room(SECOND * FEATURES, 128),
        room(128),
        room(HIDDEN_1, 96),
        room(96),
        room(HIDDEN_2, 16),
        room(16),
    )


def activations_room(rows: int) -> Activations:
    """Fresh room for a number of rows."""
    return Activations(room(rows, 128), room(rows, 96), room(rows, 16))


class Workspace(NamedTuple):
    """Room for one image in the convolutions, and for some rows in the linear layers."""

    maps: Maps
    features: Float32[Array, "rows 16 25"]
    linears: Linears
    activations: Activations


def workspace(rows: int) -> Workspace:
    """Fresh room for one network; rows are images or passes."""
    features = room(rows, SECOND, FEATURES)
    return Workspace(maps_room(), features, linears_room(), activations_room(rows))


@inlined
def first_rows(activations: Activations, rows: int) -> Activations:
    """The part of the room that a smaller number of rows needs."""
    return Activations(
        activations.hidden1[:rows], activations.hidden2[:rows], activations.logits[:rows]
    )


@inlined
def set_linears(linears: Linears, parameters: Parameters) -> None:
    """Transpose and pad the linear layers for `classify`; once for all that share parameters."""
    transpose(linears.weight1, parameters.linear1_weight)
    transpose(linears.weight2, parameters.linear2_weight)
    transpose(linears.weight3, parameters.linear3_weight)
    copy(linears.bias1, parameters.linear1_bias)
    copy(linears.bias2, parameters.linear2_bias)
    copy(linears.bias3, parameters.linear3_bias)


@inlined
def classify(
    linears: Linears,
    features: Float32[Array, "rows 16 25"],
    kept: Bool[Array, "rows 22"],
    activations: Activations,
) -> None:
    """logits = W₃·tanh(W₂·tanh(W₁·features + b₁) + b₂) + b₃, for every row."""
    hidden1, hidden2, logits = activations
    fill_rows(hidden1, linears.bias1)
    add_kept_products(hidden1, features, kept, linears.weight1)
    apply_tanh(hidden1)
    fill_rows(hidden2, linears.bias2)
    add_product(hidden2, hidden1, linears.weight2)
    apply_tanh(hidden2)
    fill_rows(logits, linears.bias3)
    add_product(logits, hidden2, linears.weight3)
