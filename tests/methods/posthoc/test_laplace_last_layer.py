"""Last-layer Laplace against laplace-torch, and against the definition on a hand case."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.recipes import STANDARD
from methods.posthoc.laplace import LaplaceLastLayer, probit
from methods.posthoc.posteriors import Evidence, ggn
from tests.methods.posthoc.oracle import fitted_laplace, laplace_probit

POOL = NetworkPool(replace(STANDARD, epochs=2))


@pytest.fixture(scope="module")
def method(training_images: LabelledImages) -> LaplaceLastLayer:
    return LaplaceLastLayer(pool=POOL).fit(training_images.images, training_images.labels)


def test_is_laplace_torchs(
    method: LaplaceLastLayer, training_images: LabelledImages, test_images: LabelledImages
) -> None:
    oracle = fitted_laplace(
        *(method.fitted[0], training_images, "last_layer", "full"), method.precision
    )
    mean, covariance = oracle._glm_predictive_distribution(test_images.images)
    own_mean, own_variance = method.moments(test_images.images)
    torch.testing.assert_close(own_mean.float(), mean, atol=1e-4, rtol=1e-4)
    variance = covariance.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(own_variance.float(), variance, atol=1e-4, rtol=1e-4)
    for precision in (0.1, 100.0, method.precision):  # the last one stays
        expected = oracle.log_marginal_likelihood(torch.tensor(precision)).item()
        own = method.evidence.log_marginal_likelihood(precision)
        assert own == pytest.approx(expected, rel=1e-4)
    expected_probabilities = laplace_probit(oracle, test_images.images)
    prediction = method.predict(test_images.images)
    torch.testing.assert_close(
        prediction.mean.float(), expected_probabilities, atol=1e-4, rtol=1e-4
    )


def test_no_other_precision_has_more_evidence(method: LaplaceLastLayer) -> None:
    best = method.evidence.log_marginal_likelihood(method.precision)
    for factor in (0.01, 0.5, 0.99, 1.01, 2, 100):
        other = method.evidence.log_marginal_likelihood(factor * method.precision)
        assert other <= best + 1e-6
    assert method.predict(torch.zeros(1, 1, 28, 28)).remark == ""


def test_ggn_is_the_sum_of_outer_products() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(7, 3, generator=generator).double()
    p = torch.randn(7, 4, generator=generator).double().softmax(dim=1)
    expected = sum(
        torch.kron(p_n.diag() - p_n[:, None] * p_n, phi[:, None] * phi)
        for phi, p_n in zip(inputs, p, strict=True)
    )
    torch.testing.assert_close(ggn(inputs, p), expected)


def test_variance_grows_far_from_the_training_images_and_the_mean_stays(
    method: LaplaceLastLayer, test_images: LabelledImages
) -> None:
    mean, variance = method.moments(test_images.images)
    torch.testing.assert_close(mean.float(), method.prepared.logits(test_images.images)[0])
    noise = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert method.moments(noise)[1].mean() > variance.mean() > 0


def test_probit_is_the_expected_sigmoid_of_two_classes() -> None:
    # With a variance of s² each, the difference of logits has 2 s²; MacKay: σ(μ / √(1 + π s² / 8)).
    mean, variance = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.5, 1.5]])
    logits = probit(mean, variance)
    assert logits[0].diff().item() == pytest.approx(-2 / math.sqrt(1 + math.pi * 1.5 / 8))


def test_no_precision_is_patched() -> None:
    singular = Evidence(-1.0, torch.tensor([-1.0, 2.0]).double(), 1.0)
    with pytest.raises(ValueError, match="singular"):
        singular.best_precision()
    with pytest.raises(ValueError, match="singular, or has NaN"):
        replace(singular, eigenvalues=torch.tensor([math.nan]).double()).best_precision()
    with pytest.raises(ValueError, match="not finite"):
        Evidence(math.nan, torch.ones(2).double(), 1.0).best_precision()


def test_is_of_a_given_network_too() -> None:
    images, labels = torch.rand(90, 12), torch.arange(90) % 3
    module = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 3))
    method = LaplaceLastLayer.from_network(module, images, labels)
    assert method.predict(images).mean.shape == (90, 3)
    with pytest.raises(ValueError, match="does not end in the linear layer"):
        LaplaceLastLayer.from_network(module, images, labels, features="0")
    convolution = nn.Sequential(nn.Conv1d(1, 3, 12), nn.Flatten())
    with pytest.raises(ValueError, match="is a Conv1d; expected"):
        LaplaceLastLayer.from_network(convolution, images[:, None], labels, features="0")
