"""The network forwards: per image through the convolutions, then all images through the linears.

The masks are known beforehand, so a dropped channel costs nothing: neither its map nor its part
in any sum is computed. A channel of which nothing reaches the next layer leaves it its bias.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float32

from methods.engines.lenet5_kernels.arithmetic import tanh
from methods.engines.lenet5_kernels.compilation import inlined
from methods.engines.lenet5_kernels.convolution import (
    add_first_convolution,
    add_second_convolution,
    add_second_convolutions,
    shift_left,
)
from methods.engines.lenet5_kernels.dense import (
    activate_rows,
    add_kept_products,
    add_product,
    copy,
    fill_rows,
    transpose,
)
from methods.engines.lenet5_kernels.layout import (
    FIRST,
    FIRST_MAP,
    PIXELS,
    POOLED_MAP,
    SECOND,
    SECOND_MAP,
    Array,
    Constants,
    Maps,
    Parameters,
    f4,
)
from methods.engines.lenet5_kernels.pooling import (
    max_pool_first,
    max_pool_second,
    pool_first,
    pool_second,
    resize,
)


@inlined
def first_layer(
    parameters: Parameters,
    image: Float32[Array, " 28*28"],
    keep_mask: Bool[Array, "6+"],
    constants: Constants,
    maps: Maps,
) -> None:
    """Each kept channel: conv(pixels) + bias, activated, pooled, scaled, in five shifted copies."""
    resize(maps.row, image, constants, maps.tall)
    shift_left(maps.pixels, maps.row, PIXELS)
    for c in range(FIRST):
        if keep_mask[c]:
            values, pooled = maps.first[c], maps.pooled[c]
            values[:] = parameters.conv1_bias[c]
            add_first_convolution(values, maps.pixels, parameters.conv1_weight[c])
            if constants.relu:
                max_pool_first(pooled, values, constants.kept_scale)
            else:
                for i in range(FIRST_MAP):
                    values[i] = tanh(values[i])
                pool_first(pooled, values, constants.kept_scale)
            shift_left(maps.shifted[c], pooled, POOLED_MAP)


@inlined
def second_layer(
    parameters: Parameters,
    keep_mask: Bool[Array, " 22"],
    constants: Constants,
    maps: Maps,
    features: Float32[Array, "16 25"],
) -> None:
    """Each kept channel: Σ conv(kept first maps) + bias, activated, pooled, scaled; others 0."""
    for o in range(SECOND):
        maps.second[o, :] = parameters.conv2_bias[o]
    for c in range(FIRST):
        if keep_mask[c]:
            for o in range(0, SECOND, 2):
                add_to_two_maps(parameters, keep_mask, maps, c, o)
    for o in range(SECOND):
        if keep_mask[FIRST + o]:
            values = maps.second[o]
            if constants.relu:
                max_pool_second(features[o], values, constants.kept_scale)
            else:
                for i in range(SECOND_MAP):
                    values[i] = tanh(values[i])
                pool_second(features[o], values, constants.kept_scale)
        else:
            features[o, :] = f4(0)


@inlined
def add_to_two_maps(
    parameters: Parameters, keep_mask: Bool[Array, " 22"], maps: Maps, c: int, o: int
) -> None:
    """Add conv(first map c) to the second maps o and o + 1, as far as they are kept."""
    inputs, weight = maps.shifted[c], parameters.conv2_weight
    if keep_mask[FIRST + o] and keep_mask[FIRST + o + 1]:
        add_second_convolutions(
            maps.second[o], maps.second[o + 1], inputs, weight[o, c], weight[o + 1, c]
        )
    elif keep_mask[FIRST + o]:
        add_second_convolution(maps.second[o], inputs, weight[o, c])
    elif keep_mask[FIRST + o + 1]:
        add_second_convolution(maps.second[o + 1], inputs, weight[o + 1, c])


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
    """Buffers for what the linear layers make of a number of rows (images or passes)."""

    hidden1: Float32[Array, "rows 128"]
    hidden2: Float32[Array, "rows 96"]
    logits: Float32[Array, "rows 16"]


class Workspace(NamedTuple):
    """Buffers for one image in the convolutions, and for some rows in the linear layers."""

    maps: Maps
    features: Float32[Array, "rows 16 25"]
    linears: Linears
    activations: Activations


@inlined
def first_rows(activations: Activations, rows: int) -> Activations:
    """The part of the buffers that a smaller number of rows needs."""
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
    keep_mask: Bool[Array, "rows 22"],
    activations: Activations,
    relu: bool,
) -> None:
    """logits = W₃·f(W₂·f(W₁·features + b₁) + b₂) + b₃, for every row; f: tanh, or ReLU."""
    hidden1, hidden2, logits = activations
    fill_rows(hidden1, linears.bias1)
    add_kept_products(hidden1, features, keep_mask, linears.weight1)
    activate_rows(hidden1, relu)
    fill_rows(hidden2, linears.bias2)
    add_product(hidden2, hidden1, linears.weight2)
    activate_rows(hidden2, relu)
    fill_rows(logits, linears.bias3)
    add_product(logits, hidden2, linears.weight3)
