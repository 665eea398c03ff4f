"""What 256 sub-networks compute in parallel, one in each column of a matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32

from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.layers.arithmetic import exp, rectify
from methods.engines.lenet5_kernels.layers.dense import activate_rows, add_product
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FEATURES,
    HIDDEN_1,
    SECOND,
    Array,
    Parameters,
    f4,
)

HALF = SECOND // 2
SUBSETS = 2**HALF
"""Subsets of half of the second channels."""


class Subnetworks(NamedTuple):
    """Buffers for 256 sub-networks in the columns of what the linear layers read and write.

    ``nothing`` is zero and stays so.
    """

    contributions: Float32[Array, "16 120"]
    nothing: Float32[Array, " 120"]
    lower: Float32[Array, "120 256"]
    upper: Float32[Array, "120 256"]
    hidden1: Float32[Array, "120 256"]
    hidden2: Float32[Array, "84 256"]
    logits: Float32[Array, "10 256"]


class Columns(NamedTuple):
    """Buffers for one number of each of them."""

    largest: Float32[Array, " 256"]
    vote: Int32[Array, " 256"]
    total: Float32[Array, " 256"]
    moment: Float32[Array, " 256"]
    share: Float64[Array, " 256"]


@kernel
def set_contribution(
    contribution: Float32[Array, " 120"],
    weight: Float32[Array, "120 400"],
    features: Float32[Array, " 25"],
    o: int,
) -> None:
    """What channel o adds to the first linear layer: contribution = W₁[:, o] · features."""
    for n in range(HIDDEN_1):
        row = weight[n, FEATURES * o : FEATURES * (o + 1)]
        total = f4(0)
        for q in range(FEATURES):
            total += row[q] * features[q]
        contribution[n] = total


@inlined
def set_tables(subnetworks: Subnetworks, parameters: Parameters, relu: bool) -> None:
    """The sums a over every subset: of the lower channels, bias included, and of the upper ones.

    Where the activation is tanh, exp(2a) takes their place.
    """
    contributions = subnetworks.contributions
    add_subsets(subnetworks.lower, contributions[:HALF], parameters.linear1_bias)
    add_subsets(subnetworks.upper, contributions[HALF:], subnetworks.nothing)
    if not relu:
        apply_double_exp(subnetworks.lower)
        apply_double_exp(subnetworks.upper)


@kernel
def add_subsets(
    table: Float32[Array, "120 256"],
    contributions: Float32[Array, "8 120"],
    start: Float32[Array, " 120"],
) -> None:
    """table[:, i] = start + Σ contributions[c] over the bits c of i; each bit doubles the table."""
    for n in range(HIDDEN_1):
        row = table[n]
        row[0] = start[n]
        for c in range(HALF):
            size, contribution = 1 << c, contributions[c, n]
            for i in range(size):
                row[size + i] = row[i] + contribution


@kernel
def apply_double_exp(table: Float32[Array, "rows columns"]) -> None:
    """Every value a becomes exp(2a); beyond ±43 it is clamped."""
    values = table.reshape(-1)
    for i in range(values.size):
        values[i] = exp(f4(2) * values[i])


@inlined
def set_logits(subnetworks: Subnetworks, parameters: Parameters, subset: int, relu: bool) -> None:
    """The logits of all 256 lower subsets joined with one upper subset."""
    if relu:
        set_hidden1_by_relu(subnetworks.hidden1, subnetworks.lower, subnetworks.upper, subset)
    else:
        set_hidden1(subnetworks.hidden1, subnetworks.lower, subnetworks.upper, subset)
    fill_columns(subnetworks.hidden2, parameters.linear2_bias)
    add_product(subnetworks.hidden2, parameters.linear2_weight, subnetworks.hidden1)
    activate_rows(subnetworks.hidden2, relu)
    fill_columns(subnetworks.logits, parameters.linear3_bias)
    add_product(subnetworks.logits, parameters.linear3_weight, subnetworks.hidden2)


@kernel
def set_hidden1(
    hidden1: Float32[Array, "120 256"],
    lower: Float32[Array, "120 256"],
    upper: Float32[Array, "120 256"],
    subset: int,
) -> None:
    """tanh(a + b) = 1 − 2 / (1 + exp(2a)·exp(2b)), from the two tables of exponentials."""
    for n in range(HIDDEN_1):
        target, row, factor = hidden1[n], lower[n], upper[n, subset]
        for i in range(SUBSETS):
            target[i] = f4(1) - f4(2) / (f4(1) + factor * row[i])


@kernel
def set_hidden1_by_relu(
    hidden1: Float32[Array, "120 256"],
    lower: Float32[Array, "120 256"],
    upper: Float32[Array, "120 256"],
    subset: int,
) -> None:
    """max(0, a + b) from the two tables of sums: no exponentials, so nothing is clamped."""
    for n in range(HIDDEN_1):
        target, row, term = hidden1[n], lower[n], upper[n, subset]
        for i in range(SUBSETS):
            target[i] = rectify(row[i] + term)


@kernel
def fill_columns(columns: Float32[Array, "rows columns"], column: Float32[Array, " rows"]) -> None:
    """Every column becomes ``column``."""
    for r in range(columns.shape[0]):
        columns[r, :] = column[r]


@kernel
def set_columns(
    columns: Columns, logits: Float32[Array, "10 256"], weights: Float64[Array, " 256"]
) -> None:
    """Each column's vote and softmax; ``logits`` become its numerators e_k = exp(z_k − max z).

    total = Σ_k e_k, moment = Σ_k e_k·(z_k − max z), share = weight / total.
    """
    largest, vote, total, moment, share = columns
    for i in range(SUBSETS):
        largest[i], vote[i], total[i], moment[i] = logits[0, i], 0, f4(0), f4(0)
    for k in range(1, CLASSES):
        row = logits[k]
        for i in range(SUBSETS):
            larger = row[i] > largest[i]  # strictly: ties stay with the lower class
            vote[i] = np.int32(k) if larger else vote[i]
            largest[i] = row[i] if larger else largest[i]
    for k in range(CLASSES):
        row = logits[k]
        for i in range(SUBSETS):
            difference = row[i] - largest[i]
            row[i] = exp(difference)
            total[i] += row[i]
            moment[i] += row[i] * difference
    for i in range(SUBSETS):
        share[i] = weights[i] / total[i]


@kernel
def mean_entropy(columns: Columns, weights: Float64[Array, " 256"]) -> float:
    """Σ_i weight_i · H_i with H = log total − moment / total: the entropy of a softmax, in nats."""
    _, _, total, moment, share = columns
    result = 0.0
    for i in range(SUBSETS):
        result += weights[i] * np.log(total[i]) - share[i] * moment[i]
    return result


@kernel
def add_mean(
    mean: Float64[Array, " 10"],
    numerators: Float32[Array, "10 256"],
    share: Float64[Array, " 256"],
    weight: float,
) -> None:
    """mean_k += weight · Σ_i share_i · numerator_ki."""
    for k in range(CLASSES):
        row, total = numerators[k], 0.0
        for i in range(SUBSETS):
            total += share[i] * row[i]
        mean[k] += weight * total


@kernel
def add_votes(
    vote_share: Float64[Array, " 10"],
    vote: Int32[Array, " 256"],
    weights: Float64[Array, " 256"],
    weight: float,
) -> None:
    """vote_share_k += weight · Σ weight_i over the columns i that vote for k."""
    for i in range(SUBSETS):
        vote_share[vote[i]] += weight * weights[i]
