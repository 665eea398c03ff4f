"""A model of networks, image by image, by which the truth that intervals are to cover is known.

The logits of network r for image i and class c are μ_ic + Σ_k u_ick f_rk + σ_ic ε_ric with standard
normal f and ε. Its parameters are those of 100 networks with dropout (`STANDARD`) on 1,000 test
images, as they are, rotated by 45°, and 1,000 images of Fashion-MNIST: mean, leading principal
components over networks, and what these leave. A network's factors act on all images alike.

``python -m tests.inference.per_image_model FOLDER`` fits it to the networks of a folder.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.training import STANDARD

Floats = NDArray[np.float32]

FILE = Path(__file__).with_name("per_image_model.npz")

IMAGES, CLASSES, NETWORKS, FACTORS = 1000, 10, 100, 8
CLEAN, ROTATED, UNKNOWN = "clean", "rotated-045", "ood-fashion_mnist"
CONDITIONS = CLEAN, ROTATED, UNKNOWN


@dataclass(frozen=True)
class PerImageModel:
    """See above; arrays have the axes [conditions, images, classes].

    Attributes:
        factors: [factors, conditions, images, classes].
        labels: of the clean and the rotated images.
    """

    mean: Floats
    factors: Floats
    spread: Floats
    labels: NDArray[np.int64]

    def logits(self, random: np.random.Generator, networks: int, *conditions: str) -> list[Floats]:
        """Of so many networks under each condition, [networks, images, classes]."""
        shared = random.standard_normal((networks, len(self.factors)), np.float32)
        every = []
        for own in map(CONDITIONS.index, conditions):
            drawn = random.standard_normal((networks, *self.mean.shape[1:]), np.float32)
            drawn *= self.spread[own]
            drawn += np.einsum("rk,kic->ric", shared, self.factors[:, own], optimize=True)
            every.append(drawn + self.mean[own])
        return every


@cache
def model() -> PerImageModel:
    """The fitted model."""
    with np.load(FILE) as arrays:
        floats = {name: arrays[name].astype(np.float32) for name in ("mean", "factors", "spread")}
        return PerImageModel(**floats, labels=arrays["labels"].astype(np.int64))


def fitted(logits: Floats, labels: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    """The parameters.

    Args:
        logits: [networks, conditions, images, classes].
    """
    mean = logits.mean(axis=0)
    deviations = (logits - mean).reshape(len(logits), -1)
    left, sizes, right = np.linalg.svd(deviations, full_matrices=False)
    factors = sizes[:FACTORS, None] * right[:FACTORS] / np.sqrt(len(logits) - 1)
    rest = deviations - (left[:, :FACTORS] * sizes[:FACTORS]) @ right[:FACTORS]
    spread = np.sqrt((rest**2).sum(axis=0) / (len(logits) - 1 - FACTORS))
    return {
        "mean": mean.astype(np.float16),
        "factors": factors.reshape(FACTORS, *mean.shape).astype(np.float16),
        "spread": spread.reshape(mean.shape).astype(np.float16),
        "labels": labels.astype(np.uint8),
    }


def main(folder: Path) -> None:
    """Fit the model to stored networks, which are trained if they are not there."""
    from benchmarks.run.configuration import Configuration
    from benchmarks.run.plan import Plan
    from benchmarks.run.workspace import Workspace

    chosen = Configuration(
        *("full", "mnist", "well-trained", ("softmax",), CONDITIONS, (1,), (1,)), images=IMAGES
    )
    plan, workspace = Plan(chosen), Workspace(folder / "run", folder, None, 1)
    pool = replace(plan.pool(store=workspace.store), recipe=STANDARD)
    training = workspace.images(plan.task, STANDARD.split)
    prepared = pool.engine.prepare(pool.networks(range(NETWORKS), training))
    sets = [workspace.evaluation_set(plan.task.condition(name), plan) for name in CONDITIONS]
    logits = np.stack([prepared.outputs(each.images).logits.numpy() for each in sets], axis=1)
    assert sets[0].labels is not None
    np.savez_compressed(FILE, **fitted(logits, sets[0].labels.numpy()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
