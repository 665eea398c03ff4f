"""Measures of uncertainty against definitions spelled out, closed forms, and limits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.special import digamma
from scipy.stats import entropy

from benchmarks.epistemic.measures import LOSSES, MEASURES, measures_of

RANDOM = np.random.default_rng(0)
MEMBERS = RANDOM.dirichlet(np.full(4, 0.5), (6, 9))
"""Six members' probabilities of nine images and four classes."""


def divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of Kullback and Leibler, [images]."""
    return entropy(first, second, axis=-1)


def spelled_out() -> dict[str, np.ndarray]:
    """The nine measures of Schweighofer et al. 2025, by single pairs of models."""
    mean, models = MEMBERS.mean(axis=0), list(MEMBERS)
    predicting = {"a": models[:1], "b": [mean], "c": models}
    true = {"1": models[-1:], "2": [mean], "3": models}
    return {
        p + t: np.mean([divergence(x, y) for x, y in product(predicting[p], true[t])], axis=0)
        for p, t in product(predicting, true)
    }


def test_nine_measures_are_means_of_divergences_of_pairs_of_models() -> None:
    values = measures_of(torch.from_numpy(MEMBERS))
    expected = spelled_out()
    assert np.allclose(expected.pop("b2"), 0)
    expected["log-epistemic"] = expected.pop("c2")
    for name, value in expected.items():
        assert values[name].numpy() == pytest.approx(value, abs=1e-8), name


@pytest.mark.parametrize("loss", LOSSES)
def test_parts_add_up_and_a_jensen_gap_is_not_negative(loss: str) -> None:
    values = measures_of(torch.from_numpy(MEMBERS))
    total, aleatoric, epistemic = (
        values[f"{loss}-{part}"] for part in ("total", "aleatoric", "epistemic")
    )
    assert torch.allclose(total, aleatoric + epistemic)
    assert (epistemic >= 0).all()
    best = {"log": entropy, "brier": lambda p, axis: 1 - (p**2).sum(axis)}
    if loss in best:
        assert total.numpy() == pytest.approx(best[loss](MEMBERS.mean(axis=0), axis=-1))


def test_brier_gap_is_the_members_variance() -> None:
    values = measures_of(torch.from_numpy(MEMBERS))["brier-epistemic"]
    assert values.numpy() == pytest.approx(MEMBERS.var(axis=0).sum(axis=-1))


def test_disagreement_counts_pairs_of_members() -> None:
    votes = MEMBERS.argmax(axis=-1)
    pairs = [(votes[a] != votes[b]) for a, b in product(range(6), range(6)) if a != b]
    values = measures_of(torch.from_numpy(MEMBERS))["disagreement"]
    assert values.numpy() == pytest.approx(np.mean(pairs, axis=0))


def test_mutual_information_of_a_conjugate_model_is_that_in_closed_form() -> None:
    # A Dirichlet prior of ones and ten observed classes: a Dirichlet posterior.
    alpha = 1.0 + np.array([7, 2, 1])
    draws = torch.from_numpy(RANDOM.dirichlet(alpha, 200_000)[:, None])
    expected = -(alpha / alpha.sum() * (digamma(alpha + 1) - digamma(alpha.sum() + 1))).sum()
    values = measures_of(draws)
    assert values["log-aleatoric"].item() == pytest.approx(expected, abs=2e-3)
    information = entropy(alpha / alpha.sum()) - expected
    assert values["log-epistemic"].item() == pytest.approx(information, abs=2e-3)


def test_of_one_member_the_epistemic_part_is_undefined_and_the_rest_is_its_own() -> None:
    values = measures_of(torch.from_numpy(MEMBERS[:1]))
    for name, measure in MEASURES.items():
        assert values[name].isnan().all() == (measure.part == "epistemic"), name
    for loss in LOSSES:
        assert torch.equal(values[f"{loss}-total"], values[f"{loss}-aleatoric"])


def test_members_that_are_certain_of_different_classes_have_finite_measures() -> None:
    certain = torch.eye(3, dtype=torch.float64)[:, None]
    values = measures_of(certain)
    assert all(value.isfinite().all() for value in values.values())
    assert values["log-epistemic"].item() == pytest.approx(np.log(3))
    assert values["disagreement"].item() == 1
    assert values["log-aleatoric"].item() == 0
