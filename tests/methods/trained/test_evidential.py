"""Evidential deep learning, beside torch's distributions and torch-uncertainty's loss."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Dirichlet

from methods.contract import check_prediction
from methods.networks.recipes import LabelledImages
from methods.trained.base import Step
from methods.trained.evidential import Evidential, expected_entropy, expected_squared_error
from tests.methods.trained.conftest import begun, retuned


def reward(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """That of the evidence for labels: the mean of K / S log e_y."""
    alpha = outputs.exp() + 1
    return (outputs.gather(1, labels[:, None])[:, 0] * 10 / alpha.sum(dim=1)).mean()


def step(passed: float) -> Step:
    return Step(passed, 8, torch.Generator().manual_seed(3))


def test_expected_entropy_and_squared_error_are_means_over_samples() -> None:
    alpha = torch.tensor([[1.0, 1.0, 1.0], [5.0, 1.5, 1.0], [40.0, 2.0, 60.0]]).double()
    targets = torch.eye(3, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        samples = Dirichlet(alpha).sample(torch.Size([1_000_000]))
    expected = torch.special.entr(samples).sum(dim=2).mean(dim=0)
    torch.testing.assert_close(expected_entropy(alpha), expected, atol=1e-3, rtol=0)
    expected = (targets - samples).square().sum(dim=2).mean(dim=0)
    torch.testing.assert_close(expected_squared_error(alpha, targets), expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("annealing", "passed"), [(1.0, 0.0), (1.0, 0.3), (0.2, 0.1), (0.5, 0.9)])
def test_loss_is_that_of_torch_uncertainty(
    shades: LabelledImages, annealing: float, passed: float
) -> None:
    library = pytest.importorskip("torch_uncertainty.losses")
    network = begun(retuned(Evidential, {"annealing": annealing}))
    images, labels = shades.images[:8], shades.labels[:8]
    weight = min(1.0, passed / annealing)
    theirs = library.DECLoss(reg_weight=weight, loss_type="mse")(network(images)[0].exp(), labels)
    own = network.training_loss(images, labels, step(passed)) + reward(network(images)[0], labels)
    torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("output", [-5.0, -30.0])
def test_class_without_evidence_is_not_lost(shades: LabelledImages, output: float) -> None:
    """Also where the gradient of its evidence has vanished."""
    network, images = begun(Evidential), shades.images[:8]
    labels = torch.zeros(8, dtype=torch.int64)
    with torch.no_grad():
        network.network.head.bias[0] = output
    network.training_loss(images, labels, step(0.5)).backward()
    gradient = network.network.head.bias.grad
    assert gradient is not None
    assert gradient[0] < -0.3


def test_prediction_is_of_the_dirichlet_distribution() -> None:
    outputs = torch.tensor([[[1.0, -2.0, 0.5], [-50.0, -50.0, -50.0], [0.0, 3.0, 10.0]]])
    prediction = Evidential().form(outputs)
    check_prediction(prediction, 3)
    alpha = outputs[0].double().exp() + 1
    torch.testing.assert_close(prediction.mean, Dirichlet(alpha).mean)
    torch.testing.assert_close(prediction.expected_entropy, expected_entropy(alpha))
    torch.testing.assert_close(prediction.scores["vacuity"], 3 / alpha.sum(dim=1))
    samples = Dirichlet(alpha[:1]).sample(torch.Size([200_000]))
    divergence = (samples * (samples / alpha[:1] * alpha[:1].sum()).log()).sum(dim=2).mean()
    information = prediction.scores["information"]
    assert information[0] == pytest.approx(divergence.item(), abs=2e-3)
    assert (information >= 0).all()
    assert prediction.scores["vacuity"][1] == pytest.approx(1, abs=1e-4)
    assert prediction.vote_share.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert prediction.members == 1
