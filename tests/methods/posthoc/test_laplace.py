"""Laplace approximations against laplace-torch, and against their definitions on hand cases."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from methods.engines.torch import TorchEngine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LAPLACE_REDUX, LabelledImages
from methods.posthoc.laplace import (
    Laplace,
    LaplaceLastLayer,
    LaplaceLastLayerFisher,
    LaplaceLastLayerKron,
    MarginalLikelihood,
    expected_softmax,
    normal_points,
)
from methods.posthoc.laplace_kron import LaplaceKron, patches
from methods.softmax import Softmax
from tests.training import STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=2))
REDUX = NetworkPool(replace(LAPLACE_REDUX, epochs=2), engine=TorchEngine())


class Plain(nn.Module):
    """A network as a function of images alone, of the layers that have weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)


def laplace_torch(
    method: Laplace, training: LabelledImages, weights: str, structure: str, by_fisher: bool
) -> Any:
    """Its approximation, on all training images in one batch; by the GGN or the Fisher."""
    laplace = pytest.importorskip("laplace")
    backend = {"backend": laplace.curvature.CurvlinopsEF} if by_fisher else {}
    oracle = laplace.Laplace(
        Plain(method.fitted[0]),
        "classification",
        subset_of_weights=weights,
        hessian_structure=structure,
        prior_precision=method.precision,
        **backend,
    )
    dataset = TensorDataset(training.images, training.labels)
    oracle.fit(DataLoader(dataset, batch_size=len(training.labels)))
    return oracle


@pytest.mark.parametrize(
    ("kind", "pool", "structure"),
    [
        pytest.param(LaplaceLastLayer, POOL, ("last_layer", "full", False)),
        pytest.param(LaplaceLastLayerKron, REDUX, ("last_layer", "kron", False)),
        pytest.param(LaplaceLastLayerFisher, REDUX, ("last_layer", "full", True)),
        pytest.param(LaplaceKron, POOL, ("all", "kron", False), marks=pytest.mark.slow),
    ],
    ids=["full", "last kron", "fisher", "kron"],
)
def test_is_laplace_torchs(
    kind: type[Laplace],
    pool: NetworkPool,
    structure: tuple[str, str, bool],
    training_images: LabelledImages,
    test_images: LabelledImages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = training_images
    if kind is LaplaceKron:
        some = LabelledImages(training_images.images[:250], training_images.labels[:250])
    images = test_images.images[:40]
    method = kind(pool=pool).fit(some.images, some.labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = laplace_torch(method, some, *structure)
        for precision in (0.1, 100.0, method.precision):  # the last one stays
            expected = oracle.log_marginal_likelihood(torch.tensor(precision)).item()
            own = method.evidence.log_marginal_likelihood(precision)
            assert own == pytest.approx(expected, rel=1e-4)
        mean, covariance = oracle._glm_predictive_distribution(images)
        probabilities = oracle(images, pred_type="glm", link_approx="probit").detach()
    given = images if isinstance(method, LaplaceKron) else method.features(images)[0]
    own_mean, own_covariance = method.moments(given)
    torch.testing.assert_close(own_mean.float(), mean.detach(), atol=1e-4, rtol=1e-4)
    near = 1e-3 if pool is REDUX else 1e-4
    torch.testing.assert_close(own_covariance.float(), covariance.detach(), atol=near, rtol=near)
    monkeypatch.setattr(kind, "by_probit", True)
    own_probabilities = method.predict(images).mean.float()
    torch.testing.assert_close(own_probabilities, probabilities, atol=1e-4, rtol=1e-4)


def test_best_precision_has_the_most_evidence(training_images: LabelledImages) -> None:
    method = LaplaceLastLayer(pool=POOL).fit(training_images.images, training_images.labels)
    best = method.evidence.log_marginal_likelihood(method.precision)
    for factor in (0.01, 0.5, 0.99, 1.01, 2, 100):
        other = method.evidence.log_marginal_likelihood(factor * method.precision)
        assert other <= best + 1e-6


@pytest.mark.parametrize("classes", [2, 10])
def test_softmax_is_integrated_over_the_full_covariance(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    mean = 2 * torch.randn(50, classes, generator=generator)
    roots = torch.randn(50, classes, classes, generator=generator)
    covariance = roots @ roots.mT
    own = expected_softmax(mean, covariance, normal_points(classes, 0, 0))
    random = torch.randn(20_000, classes, generator=generator)
    expected = torch.stack(
        [(m + random @ r.T).softmax(dim=1).mean(dim=0) for m, r in zip(mean, roots, strict=True)]
    )
    assert (own - expected).square().mean().sqrt() < 0.01


@pytest.mark.parametrize("kind", [LaplaceLastLayer, LaplaceKron])
def test_prior_may_be_that_of_the_recipe(
    kind: type[LaplaceLastLayer | LaplaceKron], training_images: LabelledImages
) -> None:
    recipe = replace(POOL.recipe, tuned={kind.name: {"prior_precision": 1e7}})
    narrow = kind(pool=replace(POOL, recipe=recipe))
    narrow.fit(training_images.images, training_images.labels)
    assert narrow.precision == 1e7
    softmax = Softmax(pool=POOL).fit(training_images.images, training_images.labels)
    images = training_images.images[:20]
    torch.testing.assert_close(
        narrow.predict(images).mean, softmax.predict(images).mean, atol=1e-3, rtol=0.0
    )


def test_no_precision_is_patched() -> None:
    singular = MarginalLikelihood(-1.0, torch.tensor([-1.0, 2.0]).double(), 1.0)
    with pytest.raises(ValueError, match="singular"):
        singular.best_precision()
    with pytest.raises(ValueError, match="not finite"):
        MarginalLikelihood(math.nan, torch.ones(2).double(), 1.0).best_precision()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 4, 3),
        nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2)),
        nn.Conv2d(3, 4, 3, dilation=(1, 2), padding=1),
    ],
)
def test_patches_are_torchs(layer: nn.Conv2d) -> None:
    maps = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    settings = (layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    expected = torch.nn.functional.unfold(maps, *settings)
    assert torch.equal(patches(layer, maps), expected.transpose(1, 2))


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
