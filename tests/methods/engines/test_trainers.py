"""Optimisers, schedules and weight decay, against PyTorch's own and against formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from methods.engines.torch import Optimiser
from methods.networks.recipes import STANDARD

SHORT = replace(STANDARD, epochs=2, batch_size=10)
IMAGES = 25
STEPS = 2 * 3


def path_of(optimiser: Optimiser, parameter: torch.Tensor, steps: int = STEPS) -> list[float]:
    """A parameter under the loss x²/2, whose gradient is x."""
    path = []
    for _ in range(steps):
        optimiser.step(parameter.square().sum() / 2)
        path.append(parameter.item())
    return path


def at_one() -> torch.Tensor:
    return torch.tensor([1.0], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_is_pytorchs_with_decoupled_decay(weight_decay: float) -> None:
    recipe, ours, theirs = replace(SHORT, weight_decay=weight_decay), at_one(), at_one()
    adam_w = torch.optim.AdamW([theirs], lr=recipe.learning_rate, weight_decay=weight_decay)
    path = path_of(Optimiser([ours], recipe, IMAGES), ours)
    for found in path:
        adam_w.zero_grad()
        (theirs.square().sum() / 2).backward()
        adam_w.step()
        assert found == pytest.approx(theirs.item(), rel=1e-14)


def test_l2_penalty_is_the_weight_decay_of_pytorchs_adam() -> None:
    recipe, ours, theirs = replace(SHORT, l2_penalty=0.1), at_one(), at_one()
    adam = torch.optim.Adam([theirs], lr=recipe.learning_rate, weight_decay=0.1)
    unpenalised = path_of(Optimiser([at_one()], SHORT, IMAGES), at_one())
    path = path_of(Optimiser([ours], recipe, IMAGES), ours)
    for found in path:
        adam.zero_grad()
        (theirs.square().sum() / 2).backward()
        adam.step()
        assert found == pytest.approx(theirs.item(), rel=1e-14)
    assert path != unpenalised


def test_l2_penalty_is_a_part_of_the_gradient_of_sgd() -> None:
    recipe = replace(SHORT, optimiser="sgd", learning_rate=0.1, l2_penalty=0.5)
    parameter, x, velocity, expected = at_one(), 1.0, 0.0, []
    for _ in range(STEPS):
        velocity = 0.9 * velocity + 1.5 * x
        x -= 0.1 * velocity
        expected.append(x)
    assert path_of(Optimiser([parameter], recipe, IMAGES), parameter) == pytest.approx(expected)


def test_sgd_has_momentum_a_cosine_and_decoupled_decay() -> None:
    recipe = replace(SHORT, optimiser="sgd", learning_rate=0.1, schedule="cosine", weight_decay=0.5)
    parameter = at_one()
    found = path_of(Optimiser([parameter], recipe, IMAGES), parameter)
    x, velocity, expected = 1.0, 0.0, []
    for step in range(STEPS):
        rate = 0.1 * (1 + math.cos(math.pi * step / STEPS)) / 2
        velocity = 0.9 * velocity + x
        x = x * (1 - rate * 0.5) - rate * velocity
        expected.append(x)
    assert found == pytest.approx(expected, rel=1e-14)
