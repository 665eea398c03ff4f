from __future__ import annotations

import math

import pytest
import torch

from methods.interface import Prediction

TWO_MEMBERS = torch.tensor([[[0.8, 0.2], [0.5, 0.5]], [[0.4, 0.6], [0.5, 0.5]]])
"""[members, images, classes]: two members, two images; the second image is a tie for both."""


def test_prediction_of_two_members_by_hand() -> None:
    """Ties go to the lowest class; entropies are in nats."""

    def entropy(p: float) -> float:
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    prediction = Prediction.of(TWO_MEMBERS)
    mean = torch.tensor([[0.6, 0.4], [0.5, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(prediction.mean, mean)
    assert prediction.vote_share.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    expected = [(entropy(0.8) + entropy(0.4)) / 2, math.log(2)]
    assert prediction.expected_entropy.tolist() == pytest.approx(expected)


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
