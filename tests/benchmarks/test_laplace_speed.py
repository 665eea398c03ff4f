"""Laplace approximations beside laplace-torch, which gives equal numbers: `test_laplace.py`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from methods.networks.pool import NetworkPool
from methods.posthoc.laplace import Laplace, LaplaceLastLayer
from methods.posthoc.laplace_kron import LaplaceKron
from tests.methods.posthoc.test_laplace import Plain
from tests.training import STANDARD

laplace = pytest.importorskip("laplace")

Measure = Callable[..., None]

TRAINING, TEST = 2000, 50

KINDS = {
    "last layer": (LaplaceLastLayer, "last_layer", "full"),
    "all": (LaplaceKron, "all", "kron"),
}


@dataclass
class Case:
    """An approximation of one network by the probit: ours, and laplace-torch's options."""

    ours: Laplace
    images: Tensor
    labels: Tensor
    options: dict[str, str]

    def fitted(self) -> Any:
        """Laplace-torch's."""
        theirs = laplace.Laplace(Plain(self.ours.fitted[0]), "classification", **self.options)
        theirs.fit(DataLoader(TensorDataset(self.images, self.labels), batch_size=100))
        theirs.optimize_prior_precision(method="marglik", n_steps=50)
        return theirs


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    kind, weights, structure = KINDS[request.param]
    monkeypatch.setattr(kind, "by_probit", True)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(TRAINING, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (TRAINING,), generator=generator)
    ours = kind(pool=NetworkPool(replace(STANDARD, epochs=1))).fit(images, labels)
    options = {"subset_of_weights": weights, "hessian_structure": structure}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Case(ours, images, labels, options)


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "laplace-torch"])
class TestLaplace:
    def test_fit(self, case: Case, theirs: bool, measure: Measure) -> None:
        work = case.fitted if theirs else lambda: case.ours.fit(case.images, case.labels)
        measure(work, group=f"Laplace, {case.ours.name}: fit", images=TRAINING)

    def test_prediction(self, case: Case, theirs: bool, measure: Measure) -> None:
        predict, images = case.ours.predict, case.images[:TEST]
        if theirs:
            fitted = case.fitted()
            predict = lambda part: fitted(part, pred_type="glm", link_approx="probit")  # noqa: E731
        batches = images.split(25)
        measure(
            lambda: [predict(batch) for batch in batches],
            group=f"Laplace, {case.ours.name}: prediction",
            images=TEST,
        )
