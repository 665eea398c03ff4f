from __future__ import annotations

import math

import pytest
import torch

from methods.interface import Prediction

TWO_MEMBERS = torch.tensor([[[0.8, 0.2], [0.5, 0.5]], [[0.4, 0.6], [0.5, 0.5]]])
"""[members, images, classes]: two members, two images; the second image is a tie for both."""


def test_mean_is_taken_over_members() -> None:
    mean = Prediction.of(TWO_MEMBERS).mean
    assert mean.dtype == torch.float64
    torch.testing.assert_close(mean, torch.tensor([[0.6, 0.4], [0.5, 0.5]]).double())


def test_votes_are_counted_and_ties_go_to_the_lowest_class() -> None:
    shares = Prediction.of(TWO_MEMBERS).vote_share
    assert shares.tolist() == [[0.5, 0.5], [1.0, 0.0]]


def test_expected_entropy_is_the_mean_of_the_members_entropies_in_nats() -> None:
    def entropy(p: float) -> float:
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    expected = [(entropy(0.8) + entropy(0.4)) / 2, math.log(2)]
    assert Prediction.of(TWO_MEMBERS).expected_entropy.tolist() == pytest.approx(expected)


def test_logits_give_the_same_as_their_softmax() -> None:
    logits = torch.randn(5, 7, 10, generator=torch.Generator().manual_seed(0))
    of_logits, of_both = Prediction.of_logits(logits), Prediction.of(logits.double().softmax(-1))
    for name in ("mean", "vote_share", "expected_entropy"):
        torch.testing.assert_close(getattr(of_logits, name), getattr(of_both, name))


def test_votes_on_logits_see_what_rounded_probabilities_hide() -> None:
    logits = torch.tensor([[[0.0, 1e-8]]])
    assert Prediction.of(logits.softmax(-1)).vote_share.tolist() == [[1, 0]]
    assert Prediction.of_logits(logits).vote_share.tolist() == [[0, 1]]


def test_logits_are_no_probabilities() -> None:
    with pytest.raises(ValueError, match=r"a probability is -2\.5; .* Prediction\.of_logits"):
        Prediction.of(torch.tensor([[[1.0, -2.5]]]))


@pytest.mark.parametrize("shape", [(2, 10), (0, 3, 10), (1, 2, 3, 4)])
def test_wrong_axes_are_refused_by_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"members have the shape .* \[members, images, classes\]"):
        Prediction.of(torch.full(shape, 0.1))
