"""What the log costs: networks trained as a pool trains them, with and without it.

``extra_info["watching"]`` is the time for the log as a share of the time for training, both from
the same run.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest
import torch

from methods.engines.base import Engine
from methods.engines.numba import NumbaEngine
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.recipes import ARTICLE, PLAIN, STANDARD, Recipe
from methods.networks.training import TrainedNetwork

NETWORKS, EPOCHS = 5, 2


def labelled(count: int) -> LabelledImages:
    random = torch.Generator().manual_seed(0)
    return LabelledImages(
        torch.rand(count, 1, 28, 28, generator=random),
        torch.randint(10, (count,), generator=random),
    )


TRAINING, VALIDATION = labelled(60_000), labelled(10_000)


@pytest.mark.parametrize("recipe", [STANDARD, PLAIN, ARTICLE], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("engine", [NumbaEngine()], ids=["numba"])
def test_watching(recipe: Recipe, engine: Engine, benchmark: Any) -> None:
    pool = NetworkPool(replace(recipe, epochs=EPOCHS), engine=engine)
    shares = []

    def work() -> None:
        start = perf_counter()
        trained = pool.train(range(NETWORKS), TRAINING, VALIDATION)
        wall = perf_counter() - start
        assert all(isinstance(one, TrainedNetwork) for one in trained)
        seconds = sum(one.seconds for one in trained if isinstance(one, TrainedNetwork))
        shares.append(wall / seconds - 1)

    benchmark.group = f"{NETWORKS} networks, {EPOCHS} epochs of 60,000 images, watched"
    benchmark.pedantic(work, rounds=1)
    benchmark.extra_info.update(networks=NETWORKS, epochs=EPOCHS, watching=shares[-1])
    print(f"{recipe.name}: watching takes {shares[-1]:.0%} of the time for training")
