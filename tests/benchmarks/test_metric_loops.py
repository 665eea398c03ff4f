"""The compiled loops over images and resamples compared with NumPy and PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks.metrics.kernels import bin_sums, count_steps

Measure = Callable[..., None]

IMAGES, BINS = 10_000, 15
RANDOM = np.random.default_rng(0)
BIN_OF_IMAGE = RANDOM.integers(0, BINS, IMAGES, dtype=np.int32)
CONFIDENCE, CORRECT = RANDOM.random(IMAGES), RANDOM.random(IMAGES) < 0.9
ROWS, ENDS = RANDOM.permutation(IMAGES), RANDOM.random(IMAGES) < 0.9


@pytest.fixture(params=[1, 1000], ids="{} resamples".format)
def weights(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(1).poisson(1, (IMAGES, request.param)).astype(np.uint8)


@pytest.mark.benchmark(group="bins of a reliability diagram")
class TestBins:
    def test_torch(self, measure: Measure, weights: np.ndarray) -> None:
        bins = torch.from_numpy(BIN_OF_IMAGE).long()
        added = [torch.ones(IMAGES), torch.from_numpy(CONFIDENCE), torch.from_numpy(CORRECT)]

        def work() -> torch.Tensor:
            drawn = torch.from_numpy(weights).double()
            sums = torch.zeros(3, BINS, weights.shape[1], dtype=torch.float64)
            for own, values in zip(sums, added, strict=True):
                own.index_add_(0, bins, drawn * values[:, None])
            return sums

        measure(work, images=IMAGES)

    def test_loop(self, measure: Measure, weights: np.ndarray) -> None:
        def work() -> None:
            sums = np.zeros((3, BINS, weights.shape[1]))
            bin_sums(BIN_OF_IMAGE, CONFIDENCE, CORRECT, weights, sums)

        measure(work, rounds=10, images=IMAGES)


@pytest.mark.benchmark(group="counts of a ranking")
class TestCounts:
    def test_numpy(self, measure: Measure, weights: np.ndarray) -> None:
        def work() -> np.ndarray:
            drawn = weights[ROWS]
            both = np.stack([drawn, drawn * CORRECT[:, None]])
            return both.cumsum(axis=1, dtype=np.float64)[:, ENDS]

        measure(work, images=IMAGES)

    def test_loop(self, measure: Measure, weights: np.ndarray) -> None:
        def work() -> None:
            counts = np.zeros((2, np.count_nonzero(ENDS) + 1, weights.shape[1]))
            count_steps(ROWS, ENDS, CORRECT, weights, counts)

        measure(work, rounds=10, images=IMAGES)
