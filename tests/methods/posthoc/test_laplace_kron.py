"""Kronecker-factored Laplace against laplace-torch, and where its factors are exact."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.recipes import STANDARD
from methods.posthoc.laplace import LaplaceKron
from methods.posthoc.posteriors import LayerSignals
from tests.methods.posthoc.oracle import fitted_laplace, laplace_probit

POOL = NetworkPool(replace(STANDARD, epochs=2))


def small(generator: torch.Generator) -> nn.Module:
    """Strides, padding, no biases, and a linear layer at several positions."""
    module = nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False),
        nn.Tanh(),
        nn.Flatten(start_dim=2),
        nn.Linear(9, 4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12, 3),
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return module


@pytest.fixture(scope="module")
def some(training_images: LabelledImages) -> LabelledImages:
    return LabelledImages(training_images.images[:250], training_images.labels[:250])


@pytest.fixture(scope="module")
def method(some: LabelledImages) -> LaplaceKron:
    return LaplaceKron(pool=POOL).fit(some.images, some.labels)


@pytest.mark.slow
def test_is_laplace_torchs(
    method: LaplaceKron, some: LabelledImages, test_images: LabelledImages
) -> None:
    oracle = fitted_laplace(method.fitted[0], some, "all", "kron", method.precision)
    for precision in (0.1, 100.0, method.precision):  # the last one stays
        expected = oracle.log_marginal_likelihood(torch.tensor(precision)).item()
        own = method.evidence.log_marginal_likelihood(precision)
        assert own == pytest.approx(expected, rel=1e-4)
    images = test_images.images[:40]
    mean, covariance = oracle._glm_predictive_distribution(images)
    own_mean, own_variance = method.moments(images)
    torch.testing.assert_close(own_mean, mean.detach(), atol=1e-4, rtol=1e-4)
    variance = covariance.detach().diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(own_variance, variance, atol=1e-4, rtol=1e-4)
    expected_probabilities = laplace_probit(oracle, images)
    own_probabilities = method.predict(images).mean.float()
    torch.testing.assert_close(own_probabilities, expected_probabilities, atol=1e-4, rtol=1e-4)


def test_signals_are_the_derivatives_of_the_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    module = small(generator)
    images = torch.randn(5, 2, 6, 6, generator=generator)
    directions = torch.eye(3).expand(5, -1, -1)
    _, signals = LayerSignals(module).of(images, directions)
    layers = [one for one in module if isinstance(one, (nn.Conv2d, nn.Linear))]
    for layer, of_layer in zip(layers, signals, strict=True):
        for image in range(5):
            for c in range(3):
                logit = module(images[image : image + 1])[0, c]
                (expected,) = torch.autograd.grad(logit, layer.weight)
                own = of_layer.derivative()[image, c]
                torch.testing.assert_close(own, expected.flatten(1), atol=1e-4, rtol=1e-4)
                if layer.bias is not None:
                    (expected,) = torch.autograd.grad(
                        module(images[image : image + 1])[0, c], layer.bias
                    )
                    own = of_layer.gradients[image, c].sum(dim=-1)
                    torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


def test_is_exact_for_one_image_and_a_single_layer() -> None:
    # Of one image the mean of aaᵀ has no spread, so that G ⊗ A is the GGN; without biases.
    image = torch.randn(1, 4, generator=torch.Generator().manual_seed(1))
    module = nn.Linear(4, 3, bias=False)
    method = LaplaceKron.from_network(module, image, torch.tensor([2]))
    p = module(image)[0].softmax(dim=0).detach().double()
    of_image = image[0].double()
    ggn = torch.kron(p.diag() - p[:, None] * p, of_image[:, None] * of_image)
    covariance = torch.linalg.inv(ggn + method.precision * torch.eye(12).double())
    jacobian = torch.kron(torch.eye(3).double(), of_image[None])
    expected = (jacobian @ covariance @ jacobian.T).diagonal()
    torch.testing.assert_close(method.moments(image)[1][0].double(), expected, atol=1e-5, rtol=1e-4)


def test_is_of_a_given_network_too() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, 2, 6, 6, generator=generator)
    module = small(generator)
    labels = module(images).argmax(dim=1)
    method = LaplaceKron.from_network(module, images, labels)
    prediction = method.predict(images)
    assert (prediction.mean.argmax(dim=1) == labels).float().mean() > 0.8
    truth = one_hot(labels, 3).double()
    assert (prediction.mean - truth).square().mean() < 0.2


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(self.layer(images).tanh())


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.Sequential(nn.Conv2d(2, 4, 1, groups=2), nn.Flatten(), nn.Linear(4, 4)), "in groups"),
        (nn.Sequential(nn.Conv2d(2, 4, 1, padding="same"), nn.Flatten(), nn.Linear(4, 4)), "name"),
        (nn.Sequential(nn.Flatten(), nn.Linear(2, 4), Twice()), "exactly once"),
    ],
)
def test_what_it_is_not_for_is_said(module: nn.Module, reason: str) -> None:
    images = torch.rand(8, 2, 1, 1)
    with pytest.raises(ValueError, match=reason):
        LaplaceKron.from_network(module, images, torch.arange(8) % 4)
