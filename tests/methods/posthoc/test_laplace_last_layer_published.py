"""The last-layer Laplace approximations of Laplace Redux against laplace-torch, and by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from methods.engines.torch import TorchEngine
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.published import LAPLACE_REDUX
from methods.posthoc.laplace import (
    LaplaceLastLayer,
    LaplaceLastLayerFisher,
    LaplaceLastLayerKron,
    fisher,
)
from tests.methods.posthoc.oracle import fitted_laplace, laplace_probit

POOL = NetworkPool(replace(LAPLACE_REDUX, epochs=2), engine=TorchEngine())
KINDS = {LaplaceLastLayerKron: ("kron", False), LaplaceLastLayerFisher: ("full", True)}
OF_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@OF_KIND
def test_is_laplace_torchs(
    kind: type[LaplaceLastLayer], training_images: LabelledImages, test_images: LabelledImages
) -> None:
    method = kind(pool=POOL).fit(training_images.images, training_images.labels)
    structure, by_fisher = KINDS[kind]
    oracle = fitted_laplace(
        *(method.fitted[0], training_images, "last_layer", structure, method.precision),
        empirical_fisher=by_fisher,
    )
    mean, covariance = oracle._glm_predictive_distribution(test_images.images)
    own_mean, own_variance = method.moments(test_images.images)
    torch.testing.assert_close(own_mean.float(), mean, atol=1e-4, rtol=1e-4)
    variance = covariance.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(own_variance.float(), variance, atol=1e-3, rtol=1e-3)
    for precision in (0.1, 100.0, method.precision):  # the last one stays
        expected = oracle.log_marginal_likelihood(torch.tensor(precision)).item()
        own = method.evidence.log_marginal_likelihood(precision)
        assert own == pytest.approx(expected, rel=1e-4)
    probabilities = laplace_probit(oracle, test_images.images)
    prediction = method.predict(test_images.images)
    torch.testing.assert_close(prediction.mean.float(), probabilities, atol=1e-4, rtol=1e-4)


def test_fisher_is_the_sum_of_outer_products_of_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(7, 3, generator=generator).double()
    labels = torch.arange(7) % 4
    weights = torch.randn(4, 3, generator=generator).double().requires_grad_()
    total = torch.zeros(12, 12).double()
    for phi, label in zip(inputs, labels, strict=True):
        loss = nn.functional.cross_entropy((weights @ phi)[None], label[None])
        (gradient,) = torch.autograd.grad(loss, weights)
        total += torch.outer(gradient.flatten(), gradient.flatten())
    p = (inputs @ weights.detach().T).softmax(dim=1)
    torch.testing.assert_close(fisher(inputs, p, labels), total)


def test_kronecker_variance_is_that_of_the_product() -> None:
    images, labels = torch.rand(40, 6), torch.arange(40) % 3
    module = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
    method = LaplaceLastLayerKron.from_network(module, images, labels)
    features = module[:2](images).detach().double()
    p = (features @ module[2].weight.double().T + module[2].bias.double()).softmax(dim=1).detach()
    g = p.sum(dim=0).diag() - p.T @ p
    identity = torch.eye(12).double()
    covariance = torch.linalg.inv(
        torch.kron(g, features.T @ features / 40) + method.precision * identity
    ).reshape(3, 4, 3, 4)
    of_biases = torch.linalg.inv(g + method.precision * torch.eye(3).double()).diag()
    expected = torch.stack(
        [((features @ covariance[c, :, c]) * features).sum(1) + of_biases[c] for c in range(3)], 1
    )
    torch.testing.assert_close(method.moments(images)[1].double(), expected, atol=1e-5, rtol=1e-4)
