from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from methods.engines.lenet5_kernels import TrainingState, train_epoch
from methods.engines.numba import kernel_network
from methods.networks.architectures import LeNet5
from tests.methods.engines.lenet5_kernels.support import (
    random_images,
    random_masks,
    random_network,
    torch_logits,
    torch_loss,
    vector,
)

OPTIONS: dict[str, Any] = {"loss": "logits", "batch_size": 64, "learning_rate": 1e-3}
IMAGES, LABELS = random_images(300), np.arange(300) % 10
ORDER = np.random.default_rng(1).permutation(300)
KEEP_MASK = random_masks(300)


def torch_epoch(
    network: LeNet5,
    optimiser: torch.optim.Optimizer,
    rates: np.ndarray,
    keep_mask: np.ndarray,
    *,
    loss: str = "logits",
    batch_size: int = 64,
) -> float:
    """Train for an epoch in PyTorch, a learning rate a step; returns the mean loss of an image."""
    total = 0.0
    for start, rate in zip(range(0, 300, batch_size), rates, strict=True):
        batch, masks = ORDER[start : start + batch_size], keep_mask[start : start + batch_size]
        optimiser.param_groups[0]["lr"] = rate
        step = torch_loss(torch_logits(network, IMAGES[batch], masks), LABELS[batch], loss)
        optimiser.zero_grad()
        step.backward()
        optimiser.step()
        total += step.item() * len(batch)
    return total / 300


@pytest.mark.parametrize(
    ("loss", "dropout", "batch_size"),
    [("logits", 0.5, 64), ("softmax", 0.5, 64), ("logits", 0.3, 100), ("logits", 0.0, 7)],
)
def test_an_epoch_is_an_epoch_of_torchs_adam(
    kind: type[LeNet5], loss: str, dropout: float, batch_size: int
) -> None:
    network = random_network(dropout=dropout, kind=kind)
    optimiser = torch.optim.Adam(network.parameters())
    keep_mask = random_masks(300, dropout, kind)
    state = TrainingState.start(kernel_network(network))
    options = {"loss": loss, "batch_size": batch_size}
    value = train_epoch(state, IMAGES, LABELS, ORDER, keep_mask, learning_rate=1e-3, **options)
    rates = np.full(-(-300 // batch_size), 1e-3)
    expected = torch_epoch(network, optimiser, rates, keep_mask, **options)
    assert value == pytest.approx(expected, rel=1e-5)
    difference = state.parameters - vector(network)
    # Adam divides by the root of the squares: where a gradient is nearly zero, so is its certainty.
    assert np.sqrt(np.mean(difference**2)) < 1e-5
    assert np.abs(difference).max() < 1e-3


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"optimiser": "sgd"}, partial(torch.optim.SGD, momentum=0.9)),
        (
            {"optimiser": "sgd", "l2_penalty": 0.1},
            partial(torch.optim.SGD, momentum=0.9, weight_decay=0.1),
        ),
        ({"weight_decay": 2.0}, partial(torch.optim.AdamW, weight_decay=2.0)),
        ({"l2_penalty": 0.1}, partial(torch.optim.Adam, weight_decay=0.1)),
    ],
    ids=["sgd", "sgd with a penalty", "decay", "penalty"],
)
def test_every_step_has_its_rate_and_other_optimisers_are_torchs(
    kind: type[LeNet5], ours: dict[str, Any], theirs: Callable[..., torch.optim.Optimizer]
) -> None:
    network, rates = random_network(kind=kind), np.array([0.02, 0.01, 0.005, 0.0, 0.001])
    optimiser = theirs(network.parameters(), lr=1.0)
    before, keep_mask = vector(network), random_masks(300, kind=kind)
    state = TrainingState.start(kernel_network(network))
    options = OPTIONS | {"learning_rate": rates} | ours
    train_epoch(state, IMAGES, LABELS, ORDER, keep_mask, **options)
    torch_epoch(network, optimiser, rates, keep_mask)
    moved = vector(network) - before
    assert np.sqrt(np.mean((state.parameters - before - moved) ** 2)) < 1e-3 * moved.std()


def test_bits_are_the_same_on_repeat_and_in_any_number_of_threads(kind: type[LeNet5]) -> None:
    keep_mask = random_masks(300, kind=kind)

    def train(seed: int) -> np.ndarray:
        state = TrainingState.start(kernel_network(random_network(seed, kind=kind)))
        train_epoch(state, IMAGES, LABELS, ORDER, keep_mask, **OPTIONS)
        return state.parameters

    alone = [train(seed) for seed in (0, 1, 2, 0)]
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(train, (0, 1, 2, 0)))
    np.testing.assert_array_equal(alone, parallel)
    np.testing.assert_array_equal(alone[0], alone[3])


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": LABELS + 1},
        {"labels": LABELS[:-1]},
        {"order": ORDER + 1},
        {"order": ORDER - 1},
        {"order": ORDER.astype(float)},
        {"order": ORDER[:0], "keep_mask": KEEP_MASK[:0]},
        {"images": IMAGES[:, 1:]},
        {"keep_mask": KEEP_MASK[1:]},
        {"keep_mask": KEEP_MASK.astype(float)},
        {"batch_size": 0},
        {"loss": "hinge"},
    ],
)
def test_what_would_leave_the_arrays_is_refused(wrong: dict[str, Any]) -> None:
    arrays = {"images": IMAGES, "labels": LABELS, "order": ORDER, "keep_mask": KEEP_MASK}
    state = TrainingState.start(kernel_network(random_network()))
    with pytest.raises(ValueError, match=r".+"):
        train_epoch(state, **(arrays | OPTIONS | wrong))
