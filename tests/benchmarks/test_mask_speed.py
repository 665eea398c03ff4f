"""The masks of MC-dropout's passes: one draw for all, and a generator seeded for each pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.networks.lenet5 import LeNet5
from methods.networks.masks import draw_masks, pass_masks, pass_seeds
from methods.seeds import derive_seed

PASSES, DROPOUT = 100, 0.5

Measure = Callable[..., None]


@pytest.mark.benchmark(group="masks of 100 passes, 22 channels")
class TestMasks:
    def test_seeded_by_pass(self, measure: Measure) -> None:
        def work() -> Tensor:
            seeds = [derive_seed("mc_dropout", 0, 0, t) for t in range(PASSES)]
            randoms = map(np.random.default_rng, seeds)
            return torch.cat([draw_masks(one, 1, LeNet5.channels, DROPOUT) for one in randoms])

        measure(work, rounds=100, passes=PASSES)

    def test_suite(self, measure: Measure) -> None:
        measure(
            lambda: pass_masks(0, 0, PASSES, LeNet5.channels, DROPOUT), rounds=1000, passes=PASSES
        )

    def test_generator_alone(self, measure: Measure) -> None:
        measure(lambda: np.random.Generator(np.random.Philox(key=1)), rounds=1000)

    def test_draw_alone(self, measure: Measure) -> None:
        random = np.random.Generator(np.random.Philox(key=1))
        measure(
            lambda: draw_masks(random, PASSES, LeNet5.channels, DROPOUT),
            rounds=1000,
            passes=PASSES,
        )


@pytest.mark.benchmark(group="seeds of 100 passes")
class TestSeeds:
    def test_hashed_by_pass(self, measure: Measure) -> None:
        def work() -> list[int]:
            return [derive_seed("mc_dropout", 0, 0, t) for t in range(PASSES)]

        measure(work, rounds=100, passes=PASSES)

    def test_suite(self, measure: Measure) -> None:
        measure(lambda: pass_seeds(0, 0, PASSES), rounds=1000, passes=PASSES)
