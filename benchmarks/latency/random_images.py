"""The random images that methods and scores are fitted on and timed with."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.run.plan import Plan
from methods.networks.labelled_images import LabelledImages
from methods.seeds import derive_seed


def random_images(plan: Plan, count: int) -> Tensor:
    """So many images of the task's shape, in [0, 1]; the same for the same number."""
    seed = derive_seed("latency", plan.configuration.seed, count)
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *plan.task.shape, generator=generator)


def random_training_images(plan: Plan, count: int | None = None) -> LabelledImages:
    """As many as the task has for training, or so many, with every label equally often."""
    images = random_images(plan, plan.task.training_images if count is None else count)
    return LabelledImages(images, torch.arange(len(images)) % len(plan.task.classes))
