"""Entropies and disagreement of a prediction: means of one value per image."""

from __future__ import annotations

from operator import attrgetter
from typing import Literal

import numpy as np
from jaxtyping import Float64

from benchmarks.metrics.metric import MeansOverImages, Metric, MetricInputs, rows_of
from methods.scores import SCORES
from methods.scores.probabilities import vote_entropy


class PredictionMeans(MeansOverImages):
    """A metric's `function`: from a `Prediction` to [images]."""

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "metrics images"]:
        """Each image's value of each metric."""
        prediction = arrays.prediction
        return rows_of(self.each(len(prediction.mean), prediction))


def _mean_of_score(
    name: str,
    *,
    summary: str,
    edge_cases: str,
    shown: Literal["overview", "main", "detail"] = "main",
) -> Metric:
    """The mean over images of an uncertainty score of probabilities."""
    score = SCORES[name]
    assert score.function is not None
    return Metric(
        name=name,
        label=score.label,
        shown=shown,
        family=PredictionMeans,
        function=score.function,
        unit=score.unit,
        undefined_for_one=score.undefined_for_one,
        summary=summary,
        formula=score.formula,
        edge_cases=edge_cases,
        source=score.citation,
    )


METRICS = (
    _mean_of_score(
        "predictive_entropy",
        summary="The entropy of the members' mean: the total uncertainty, in nats.",
        edge_cases="In [0, log classes]; 0 log 0 is 0.",
    ),
    Metric(
        name="expected_entropy",
        label="Expected entropy",
        shown="detail",
        family=PredictionMeans,
        function=attrgetter("expected_entropy"),
        unit="nats",
        summary="The mean of the members' entropies: the aleatoric part, in nats.",
        formula="mean_m H(p_m), with H(p) = −Σ_c p_c log p_c",
        edge_cases="In [0, log classes]; 0 log 0 is 0.",
        source="Shannon 1948, section 6",
    ),
    Metric(
        name="mean_confidence",
        label="Mean confidence",
        shown="detail",
        family=PredictionMeans,
        function=lambda prediction: prediction.mean.amax(dim=-1),
        summary="The mean of the largest class probability.",
        formula="Mean over images of max_c p̄_c",
        edge_cases="In [1 / classes, 1]. No value is right for all images: it is to be low out of "
        "distribution, and the accuracy elsewhere.",
        source="Hendrycks & Gimpel 2017, section 3",
    ),
    _mean_of_score(
        "mutual_information",
        summary="The mutual information of class and member: the epistemic part, in nats.",
        edge_cases="In [0, log min(M, classes)]. Grows with M: compare at the same M. Undefined "
        "for one member.",
    ),
    _mean_of_score(
        "pairwise_disagreement",
        shown="overview",
        summary="The probability that two different members vote for different classes.",
        edge_cases="In [0, 1]. Its expectation is the same for any M. Undefined for one member.",
    ),
)

VOTE_SHARE_METRICS = (
    _mean_of_score(
        "variation_ratio",
        shown="detail",
        summary="The share of members that do not vote for the class with most votes.",
        edge_cases="In [0, 1 − 1 / min(M, classes)]. Grows with M: compare at the same M. "
        "Undefined for one member.",
    ),
    Metric(
        name="vote_entropy",
        label="Vote entropy",
        shown="detail",
        family=PredictionMeans,
        function=lambda prediction: vote_entropy(prediction.vote_share, prediction.members),
        unit="nats",
        undefined_for_one=True,
        summary="The entropy of the members' votes, in nats.",
        formula="H(s) = −Σ_c s_c log s_c",
        edge_cases="In [0, log min(M, classes)]; 0 log 0 is 0. Grows with M: compare at the same "
        "M. Undefined for one member.",
        source="Dagan & Engelson 1995",
    ),
)
"""Both grow with the number of members; tables show the others."""
