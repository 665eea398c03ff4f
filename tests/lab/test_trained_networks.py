"""Fifty trained networks in JavaScript, rounded, beside Python's, which are not.

A set of its own: ``python -m pytest -m long``. The networks are trained briefly, so they disagree
about more images than those of a whole run.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmarks.lab.rounding import LARGE, rounded
from benchmarks.tasks.shifts import rotated
from methods import METHODS, Prediction
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.recipes import RELU_DROPOUT, STANDARD, Recipe
from tests.lab.script import computed, described, needs_node

pytestmark = [needs_node, pytest.mark.long]

MEMBERS, IMAGES, EPOCHS = 50, 200, 20

CODE = """
const networks = given.networks.map(networkOf), masks = given.masks;
return given.images.map((image) => {
  const all = new Tally(), passes = new Tally();
  networks.forEach((network) => all.add(logits(network, image)));
  passLogits(networks[0], image, masks).forEach((one) => passes.add(one));
  return [passes.summary, all.summary];
});
"""


@pytest.mark.parametrize("recipe", [STANDARD, RELU_DROPOUT], ids=lambda one: one.name)
def test_rounded_networks_answer_as_the_trained_ones(
    recipe: Recipe, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    pool = NetworkPool(replace(recipe, epochs=EPOCHS))
    networks = pool.networks(range(MEMBERS), training_images)
    small = [rounded(one, LARGE if number else ()) for number, one in enumerate(networks)]
    upright = test_images.images[:IMAGES]
    images = torch.cat([upright, rotated(upright, 45)[: IMAGES // 2]])
    found = computed(
        CODE,
        {
            "networks": [described(one) for one in small],
            "images": images.flatten(start_dim=1).tolist(),
            "masks": networks[0].passes(0, 0, 100).int().tolist(),
        },
    )
    expected: list[Prediction] = []
    for name, size in (("mc_dropout", 100), ("deep_ensemble", MEMBERS)):
        method = METHODS[name].build(pool, 0, size)
        method.fitted = networks[:1] if name == "mc_dropout" else networks
        expected.append(method.predict(images))
    assert expected[1].vote_share.amax(dim=1).min() < 0.6, "some images divide the networks"
    for summaries, prediction in zip(zip(*found, strict=True), expected, strict=True):
        means = torch.tensor([one["mean"] for one in summaries], dtype=torch.float64)
        votes = torch.tensor([one["votes"] for one in summaries], dtype=torch.float64)
        assert (means - prediction.mean).abs().max() < 0.01
        changed = (votes - (prediction.members or 0) * prediction.vote_share).abs().amax(dim=1)
        assert changed[:IMAGES].max() < 1.5
        assert changed[IMAGES:].max() < 2.5  # networks are nearly undecided about more images
