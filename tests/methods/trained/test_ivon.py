"""IVON, beside its authors' package."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from math import sqrt
from typing import cast

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from methods.networks.recipes import LabelledImages
from methods.trained.base import Step
from methods.trained.ivon import IVON, IVONNetwork, IVONOptimiser
from tests.methods.trained.conftest import SHORT, begun

IMAGES = 384


def network_of(members: int = 1) -> IVONNetwork:
    return cast(IVONNetwork, begun(IVON, members=members))


@pytest.mark.parametrize("beta2", [0.99999, 0.9])
def test_steps_are_those_of_its_authors_package(shades: LabelledImages, beta2: float) -> None:
    library = pytest.importorskip("ivon")
    network = network_of().double()
    reference = deepcopy(network.network)
    own = IVONOptimiser(network, replace(SHORT, l2_penalty=1e-3), IMAGES, 0.25)
    own.beta2 = beta2
    theirs = library.IVON(
        reference.parameters(), lr=0.1, ess=IMAGES, hess_init=0.25, weight_decay=1e-3, beta2=beta2
    )
    random = torch.Generator()
    for step, rate in enumerate((0.1, 0.2, 0.05, 0.1)):
        images, labels = shades.images[step::4].double(), shades.labels[step::4]
        own.param_groups[0]["lr"] = theirs.param_groups[0]["lr"] = rate
        own.zero_grad()
        loss = network.training_loss(images, labels, Step(0, IMAGES, random.manual_seed(step)))
        loss.backward()
        own.step()
        with torch.random.fork_rng():
            torch.manual_seed(step)
            with theirs.sampled_params(train=True):
                theirs.zero_grad()
                torch.nn.functional.cross_entropy(reference(images), labels).backward()
        theirs.step()
        (group,) = theirs.param_groups
        assert (group["hess"] - 0.25).abs().max() > 1e-5
        torch.testing.assert_close(own.hessian - 0.25, group["hess"] - 0.25, rtol=1e-6, atol=1e-12)
        means = (parameters_to_vector(part.parameters()) for part in (network.network, reference))
        torch.testing.assert_close(*means, rtol=1e-9, atol=1e-12)


def test_members_are_drawn_at_the_end_from_the_gaussian(shades: LabelledImages) -> None:
    network = network_of(members=10)
    network.deviation = torch.linspace(0.01, 0.2, len(network.deviation))
    with torch.no_grad():
        network.finish(shades.images, shades.labels)
    mean = parameters_to_vector(network.network.parameters())
    drawn = [parameters_to_vector(sample.parameters()) for sample in network.samples]
    normal = (torch.stack(drawn) - mean) / network.deviation
    assert normal.mean().abs() < 5 / sqrt(normal.numel())
    assert normal.std().item() == pytest.approx(1, abs=5 / sqrt(2 * normal.numel()))
    logits = network(shades.images[:7])
    torch.testing.assert_close(logits[:, 2:5], network(shades.images[2:5]), atol=1e-5, rtol=1e-5)
