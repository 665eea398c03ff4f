from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.engines.lenet5_kernels import (
    PARAMETERS,
    enumerate_subnetworks,
)
from methods.engines.lenet5_kernels.enumeration import subsets
from methods.engines.lenet5_kernels.layout import views
from methods.interface import Prediction
from methods.networks.architectures import LeNet5, LeNet5ReLU, LeNet5Units
from tests.methods.engines.lenet5_kernels.support import (
    of_vector,
    prepared,
    random_images,
    random_masks,
    random_network,
    torch_logits,
    vector,
)


@pytest.fixture(params=[LeNet5, LeNet5ReLU], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[LeNet5]:
    """Each of the networks whose channels drop out."""
    return request.param


@pytest.mark.parametrize(
    ("dropout", "first", "second"),
    [
        (0.5, [0, 1, 2, 3, 4, 5], [0, 3, 7, 8, 12, 15]),
        pytest.param(0.3, [2, 4], [0, 1, 2, 5, 9, 10, 11, 14], marks=pytest.mark.slow),
        pytest.param(0.8, [0, 5], [3, 4, 6, 7, 8, 12, 13, 15], marks=pytest.mark.slow),
    ],
)
def test_is_the_mean_over_all_masks_of_the_channels_that_matter(
    kind: type[LeNet5], dropout: float, first: list[int], second: list[int]
) -> None:
    """The others' weights are zero, so that PyTorch can try all masks that differ."""
    network = random_network(seed=4, dropout=dropout, kind=kind)
    image = random_images(1, seed=4)
    with torch.no_grad():
        network.conv2.weight[:, [c for c in range(6) if c not in first]] = 0
        unused = [o for o in range(16) if o not in second]
        network.linear1.weight.view(120, 16, 25)[:, unused] = 0
        network.head.weight *= 5

    matters = first + [6 + o for o in second]
    choices = subsets(len(matters))
    keep_mask = random_masks(len(choices))  # whatever the others do
    keep_mask[:, matters] = choices
    weights = np.where(choices, 1 - dropout, dropout).prod(axis=1)
    with torch.no_grad():
        logits = torch_logits(network, np.repeat(image, len(choices), axis=0), keep_mask).double()
    probabilities = logits.softmax(dim=1)
    entropies = torch.special.entr(probabilities).sum(dim=1)

    mean, share, entropy = enumerate_subnetworks(prepared(network), image)
    np.testing.assert_allclose(mean[0], weights @ probabilities.numpy(), atol=1e-6)
    assert entropy[0] == pytest.approx(weights @ entropies.numpy(), abs=2e-6)
    votes = np.bincount(logits.argmax(dim=1).numpy(), weights, minlength=10)
    # One sub-network that is undecided in the last bits may vote otherwise.
    np.testing.assert_allclose(share[0], votes, atol=1.01 * weights.max())
    assert np.count_nonzero(votes) > 1


def test_blank_subnetworks_may_be_left_out(kind: type[LeNet5]) -> None:
    """What is left has no part of those without first, or without second channels."""
    p, second = 0.8, [0, 3, 9]
    network, image = random_network(seed=4, dropout=p, kind=kind), random_images(1, seed=4)
    unused = [o for o in range(16) if o not in second]
    with torch.no_grad():
        network.linear1.weight.view(120, 16, 25)[:, unused] = 0
        network.head.weight *= 5
    no_first = np.zeros((8, 22), bool)
    no_first[:, [6 + o for o in second]] = subsets(3)
    weights = p**6 * np.where(subsets(3), 1 - p, p).prod(axis=1)
    weights[0] += (1 - p**6) * p**16  # the first one has no second channels, either
    with torch.no_grad():
        blank = torch_logits(network, np.repeat(image, 8, axis=0), no_first).double()
    probabilities = blank.softmax(dim=1)
    votes = np.bincount(blank.argmax(dim=1).numpy(), weights, minlength=10)
    of_blanks = (
        weights @ probabilities.numpy(),
        votes,
        weights @ torch.special.entr(probabilities).sum(dim=1).numpy(),
    )

    chance = 1 - (1 - p**6) * (1 - p**16)
    assert weights.sum() == pytest.approx(chance)
    every, left = (
        enumerate_subnetworks(prepared(network), image, blanks=blanks) for blanks in (True, False)
    )
    for all_of_it, without, part in zip(every, left, of_blanks, strict=True):
        np.testing.assert_allclose(without[0], (all_of_it[0] - part) / (1 - chance), atol=2e-6)
    assert np.abs(every[0] - left[0]).max() > 0.01


def test_without_dropout_the_whole_network_predicts_alone(kind: type[LeNet5]) -> None:
    network, images = random_network(dropout=0.0, kind=kind), random_images(3)
    mean, share, entropy = enumerate_subnetworks(prepared(network), images)
    with torch.no_grad():
        expected = Prediction.of_logits(torch_logits(network, images)[None])
    np.testing.assert_allclose(mean, expected.mean, atol=1e-6)
    np.testing.assert_array_equal(share, expected.vote_share)
    np.testing.assert_allclose(entropy, expected.expected_entropy, atol=1e-6)


def test_ties_go_to_the_lowest_class(kind: type[LeNet5]) -> None:
    flat = vector(random_network(kind=kind)).copy()
    last = views(flat)
    last.linear3_weight[:] = 0
    last.linear3_bias[:] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    network = of_vector(flat, kind)
    _, share, _ = enumerate_subnetworks(network, random_images(1))
    assert share[0].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


def test_a_network_that_is_not_finite_is_refused(kind: type[LeNet5]) -> None:
    flat = np.full(PARAMETERS, np.nan, np.float32)
    network = of_vector(flat, kind)
    with pytest.raises(ValueError, match="finite"):
        enumerate_subnetworks(network, random_images(1))


def test_units_are_too_many_to_be_enumerated() -> None:
    network = prepared(random_network(kind=LeNet5Units))
    with pytest.raises(ValueError, match="dropout drops units, which are too many"):
        enumerate_subnetworks(network, random_images(1))
