"""More and fewer similar training images, for the claim that epistemic uncertainty is their lack.

Networks of the article's recipe are trained on stratified, nested choices of MNIST's training
images, and on all of them rotated. All take as many steps of Adam, up to a part of an epoch:
with as many epochs, networks with few images would be trained too little as well, and the two
effects could not be distinguished.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.task import stratified_choice
from methods.determinism import derive_seed
from methods.networks.pool import NetworkPool
from methods.networks.recipes import ARTICLE, LabelledImages, Recipe

ROTATED = "article-rotated"
SIZES = {"article-1000": 1_000, "article-10000": 10_000}
"""Training images in all; a tenth of each class."""

TRAINING_SETS = (*SIZES, ROTATED)
"""Beside all images as they are, which is the recipe `article` itself."""

BATCH = 2_000
"""Images rotated at a time."""


def training_set(plan: Plan, workspace: Workspace, name: str) -> tuple[NetworkPool, LabelledImages]:
    """The pool of a training set's networks, and its images."""
    whole = workspace.training_images(plan, ARTICLE.name)
    training = _chosen(plan, workspace, name)
    article = plan.configuration.recipe(ARTICLE.name)
    recipe = replace(article, epochs=_as_many_steps(article, len(whole.labels), training))
    return replace(plan.pool(ARTICLE.name, workspace.store), recipe=recipe), training


def rotated_at_random(
    images: Float[Tensor, "images 1 28 28"], random: np.random.Generator
) -> Float[Tensor, "images 1 28 28"]:
    """Each image rotated once, by an angle uniform in [-180°, 180°); bilinear, black outside."""
    angles = torch.from_numpy(random.uniform(-np.pi, np.pi, len(images))).float()
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros(len(images))
    rows = [torch.stack(row, dim=1) for row in ((cosine, -sine, zero), (sine, cosine, zero))]
    rotations = torch.stack(rows, dim=1)
    batches = zip(torch.split(images, BATCH), torch.split(rotations, BATCH), strict=True)
    return torch.cat([_rotated(*batch) for batch in batches])


def _rotated(images: Tensor, rotations: Float[Tensor, "images 2 3"]) -> Tensor:
    grid = affine_grid(rotations, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", align_corners=False)


@cache
def _chosen(plan: Plan, workspace: Workspace, name: str) -> LabelledImages:
    """Made once a process, since its fingerprint takes a while."""
    whole = workspace.training_images(plan, ARTICLE.name)
    seed = plan.configuration.seed
    if name == ROTATED:
        random = np.random.default_rng(derive_seed(ROTATED, seed))
        return LabelledImages(rotated_at_random(whole.images, random), whole.labels)
    chosen: Int64[Tensor, " images"] = stratified_choice(whole.labels, SIZES[name], seed)
    return LabelledImages(whole.images[chosen], whole.labels[chosen])


def _as_many_steps(recipe: Recipe, images: int, training: LabelledImages) -> int:
    """How many epochs over these training images take as many steps as the recipe over all."""
    steps = recipe.epochs * -(-images // recipe.batch_size)
    return max(1, round(steps / -(-len(training.labels) // recipe.batch_size)))
