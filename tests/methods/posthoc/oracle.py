"""laplace-torch, which the suite's Laplace approximations are compared with."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from methods.networks.labelled_images import LabelledImages


def fitted_laplace(
    network: nn.Module,
    training: LabelledImages,
    weights: str,
    structure: str,
    precision: float,
    *,
    empirical_fisher: bool = False,
) -> Any:
    """laplace-torch's approximation, on all training images in one batch; by the GGN or the EF."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        laplace = pytest.importorskip("laplace")
        by_fisher = {"backend": laplace.curvature.CurvlinopsEF} if empirical_fisher else {}
        oracle = laplace.Laplace(
            Plain(network),
            "classification",
            subset_of_weights=weights,
            hessian_structure=structure,
            prior_precision=precision,
            **by_fisher,
        )
        dataset = TensorDataset(training.images, training.labels)
        oracle.fit(DataLoader(dataset, batch_size=len(training.labels)))
    return oracle


def laplace_probit(oracle: Any, images: Tensor) -> Tensor:
    """Its probabilities."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return oracle(images, pred_type="glm", link_approx="probit")


class Plain(nn.Module):
    """A network as a function of images alone, of the layers that have weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)
