"""The virtual logit: by NumPy's decomposition, and where nothing is beside the principal part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import svd
from scipy.special import logsumexp
from torch import nn

from methods.scores.features import fit_virtual_logit
from methods.scores.score import FitError

RANDOM = np.random.default_rng(0)
MIXING = RANDOM.normal(size=(8, 8)) * np.array([5, 4, 3, 2, 1, 0.5, 0.3, 0.1])[:, None]
TRAINING = torch.from_numpy(RANDOM.normal(size=(300, 8)) @ MIXING).float()
FEATURES = torch.from_numpy(RANDOM.normal(size=(40, 8))).float()
LABELS = torch.zeros(300, dtype=torch.int64)


def head() -> nn.Linear:
    layer = nn.Linear(8, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.random.default_rng(1).normal(size=(3, 8))))
        layer.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    return layer


@pytest.mark.parametrize("principal", [None, 4, 6])
def test_score_is_that_of_singular_vectors(principal: int | None) -> None:
    layer = head()
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    origin = -np.linalg.lstsq(weight, bias, rcond=None)[0]
    training, features = TRAINING.double().numpy(), FEATURES.double().numpy()
    _, _, directions = svd(training - origin, full_matrices=False)
    beside = directions[principal or 4 :]
    residual = np.linalg.norm((training - origin) @ beside.T, axis=1)
    scale = (training @ weight.T + bias).max(axis=1).mean() / residual.mean()
    virtual = scale * np.linalg.norm((features - origin) @ beside.T, axis=1)
    expected = virtual - logsumexp(features @ weight.T + bias, axis=1)
    computed = fit_virtual_logit(TRAINING, LABELS, layer, principal=principal)(FEATURES)
    np.testing.assert_allclose(computed, expected, rtol=1e-9)


def test_features_of_few_directions_have_none_beside() -> None:
    layer = head()
    with torch.no_grad():
        layer.bias.zero_()
    flat = TRAINING.clone()
    flat[:, 3:] = 0
    with pytest.raises(FitError, match="no more directions than the principal ones"):
        fit_virtual_logit(flat, LABELS, layer)


def test_a_single_feature_has_nothing_beside() -> None:
    with pytest.raises(FitError, match="no more directions than the principal ones"):
        fit_virtual_logit(TRAINING[:, :1], LABELS, nn.Linear(1, 3))


@pytest.mark.parametrize("principal", [0, 8])
def test_some_directions_are_principal_and_some_are_not(principal: int) -> None:
    with pytest.raises(ValueError, match=f"principal is {principal}; expected 1 to 7, of 8 fea"):
        fit_virtual_logit(TRAINING, LABELS, head(), principal=principal)
