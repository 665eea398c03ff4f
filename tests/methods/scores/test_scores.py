"""The register of scores, and what the noun refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from methods import Prediction
from methods.deep_ensemble import DeepEnsemble
from methods.mc_dropout import MCDropout
from methods.scores import SCORES, FitError, Score, probability_scores, score_of, scores_of
from methods.scores.score import fit_to_networks
from methods.softmax import Softmax

PREDICTION = Prediction.of(torch.rand(4, 6, 3, dtype=torch.float64).softmax(dim=-1))


@pytest.mark.parametrize("name", probability_scores())
def test_score_is_undefined_for_one_member_where_it_says_so(name: str) -> None:
    one = Prediction.of(torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]))
    score = score_of(one, name)
    assert score is not None
    assert score.isnan().all() == SCORES[name].undefined_for_one


def test_stored_scores_come_last_and_unknown_ones_are_none() -> None:
    own = torch.arange(6.0)
    stored = replace(PREDICTION, scores={"own": own})
    assert list(scores_of(stored)) == [*probability_scores(), "own"]
    assert score_of(stored, "own") is own
    assert score_of(PREDICTION, "own") is None


@pytest.mark.parametrize(
    ("needs", "functions", "message"),
    [
        (set(), {"function": len}, r"needs \[\]; expected one of"),
        ({"logits", "features"}, {"function": len}, r"needs \['features', 'logits'\]"),
        ({"features"}, {"function": len, "fit": len}, "needs `fit` and no `function`"),
        ({"members"}, {}, "needs `function` and no `fit`"),
    ],
)
def test_score_that_cannot_be_computed_is_refused(
    needs: set[str], functions: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Score(name="mine", label="Mine", needs=frozenset(needs), **functions)


GENERATOR = torch.Generator().manual_seed(0)
LABELS = torch.arange(600) % 3
IMAGES = torch.randn(600, 1, 3, 4, generator=GENERATOR) + LABELS[:, None, None, None]
UNKNOWN = torch.randn(100, 1, 3, 4, generator=GENERATOR) - 6
FITTED = [name for name, score in SCORES.items() if score.fit is not None]


def module(seed: int, *, bias: bool = True) -> nn.Module:
    layers = (nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 3, bias=bias))
    network = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return network


def values(name: str, method: Softmax | MCDropout | DeepEnsemble, images: Tensor) -> Tensor:
    return fit_to_networks(SCORES[name], method, IMAGES, LABELS)(images)


@pytest.mark.parametrize("name", FITTED)
def test_dropout_changes_nothing_and_an_ensemble_has_the_mean(name: str) -> None:
    each = [values(name, Softmax.from_network(module(seed)), UNKNOWN) for seed in (0, 1)]
    dropout = MCDropout.from_network(module(0), passes=5)
    assert torch.equal(values(name, dropout, UNKNOWN), each[0])
    ensemble = DeepEnsemble.from_networks([module(0), module(1)])
    torch.testing.assert_close(values(name, ensemble, UNKNOWN), torch.stack(each).mean(dim=0))


def test_virtual_logit_needs_a_linear_last_layer_with_a_bias() -> None:
    method = Softmax.from_network(module(0, bias=False))
    with pytest.raises(FitError, match=r"the last layer is no nn\.Linear with a bias"):
        values("vim", method, UNKNOWN)
    method = Softmax.from_network(module(0), features="1")
    with pytest.raises(FitError, match="does not end in the linear layer of its features"):
        values("vim", method, UNKNOWN)


@pytest.mark.parametrize("name", FITTED)
def test_features_that_are_not_finite_are_refused(name: str) -> None:
    method = Softmax.from_network(module(0))
    images = IMAGES.clone()
    images[3] = torch.nan
    with pytest.raises(FitError, match=r"not finite|does not end"):
        fit_to_networks(SCORES[name], method, images, LABELS)
