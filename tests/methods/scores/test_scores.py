"""The register of scores, and what the noun refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from methods import Prediction
from methods.scores import SCORES, Score, of_probabilities, score_of, scores_of

PREDICTION = Prediction.of(torch.rand(4, 6, 3, dtype=torch.float64).softmax(dim=-1))


SUITES = [
    *("one_minus_max_probability", "predictive_entropy", "mutual_information"),
    *("pairwise_disagreement", "variation_ratio"),
]


@pytest.mark.parametrize("name", of_probabilities())
def test_score_is_undefined_for_one_member_where_it_says_so(name: str) -> None:
    one = Prediction.of(torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]))
    score = score_of(one, name)
    assert score is not None
    assert score.isnan().all() == SCORES[name].undefined_for_one


def test_stored_scores_come_last_and_unknown_ones_are_none() -> None:
    own = torch.arange(6.0)
    stored = replace(PREDICTION, scores={"own": own})
    assert list(scores_of(stored)) == [*of_probabilities(), "own"]
    assert score_of(stored, "own") is own
    assert score_of(PREDICTION, "own") is None


def test_score_of_logits_is_read_from_the_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    energy = Score(
        name="energy",
        label="Energy",
        needs=frozenset({"logits"}),
        of=lambda logits: -logits.logsumexp(dim=-1).mean(dim=0),
    )
    monkeypatch.setitem(SCORES, "energy", energy)
    assert "energy" not in scores_of(PREDICTION)
    values = torch.arange(6.0)
    assert scores_of(replace(PREDICTION, scores={"energy": values}))["energy"] is values


@pytest.mark.parametrize(
    ("needs", "functions", "message"),
    [
        (set(), {"of": len}, r"needs \[\]; expected one of"),
        ({"logits", "features"}, {"of": len}, r"needs \['features', 'logits'\]"),
        ({"features"}, {"of": len}, "needs `fit` and no `of`"),
        ({"features"}, {"of": len, "fit": len}, "needs `fit` and no `of`"),
        ({"members"}, {}, "needs `of` and no `fit`"),
    ],
)
def test_score_that_cannot_be_computed_is_refused(
    needs: set[str], functions: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Score(name="mine", label="Mine", needs=frozenset(needs), **functions)
