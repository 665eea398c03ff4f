"""Entropies and disagreement of a prediction: means of one value per image."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

from benchmarks.metrics.metric import MeansOverImages, Metric, MetricInputs, rows_of
from methods.scores.probabilities import (
    mutual_information,
    pairwise_disagreement,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)


class PredictionMeans(MeansOverImages):
    """A metric's `function`: from a `Prediction` to [images]."""

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "metrics images"]:
        """Each image's value of each metric."""
        prediction = arrays.prediction
        return rows_of(self.each(len(prediction.mean), prediction))


METRICS = (
    Metric(
        name="predictive_entropy",
        label="Predictive entropy",
        family=PredictionMeans,
        function=lambda prediction: predictive_entropy(prediction.mean),
        unit="nats",
        summary="The entropy of the members' mean: the total uncertainty, in nats.",
        formula="H(p̄) = −Σ_c p̄_c log p̄_c",
        edge_cases="In [0, log classes]; 0 log 0 is 0.",
        source="Gal 2016, section 3.3.1",
    ),
    Metric(
        name="expected_entropy",
        label="Expected entropy",
        shown="detail",
        family=PredictionMeans,
        function=lambda prediction: prediction.expected_entropy,
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
    Metric(
        name="mutual_information",
        label="Mutual information",
        family=PredictionMeans,
        function=lambda prediction: mutual_information(
            prediction.mean, prediction.expected_entropy, prediction.members
        ),
        unit="nats",
        undefined_for_one=True,
        summary="The mutual information of class and member: the epistemic part, in nats.",
        formula="H(p̄) − mean_m H(p_m)",
        edge_cases="In [0, log min(M, classes)]. Grows with M: compare at the same M. Undefined "
        "for one member.",
        source="Houlsby et al. 2011, equation 2; Gal 2016, section 3.3.1",
    ),
    Metric(
        name="pairwise_disagreement",
        label="Disagreement",
        shown="overview",
        family=PredictionMeans,
        function=lambda prediction: pairwise_disagreement(
            prediction.vote_share, prediction.members
        ),
        undefined_for_one=True,
        summary="The probability that two different members vote for different classes.",
        formula="1 − Σ_c v_c (v_c − 1) / (M (M − 1)); 1 − Σ_c s_c² for the exact distribution",
        edge_cases="In [0, 1]. Its expectation is the same for any M. Undefined for one member.",
        source="Simpson 1949; between networks, Fort, Hu & Lakshminarayanan 2019",
    ),
)

OF_VOTE_SHARES = (
    Metric(
        name="variation_ratio",
        label="Variation ratio",
        shown="detail",
        family=PredictionMeans,
        function=lambda prediction: variation_ratio(prediction.vote_share, prediction.members),
        undefined_for_one=True,
        summary="The share of members that do not vote for the class with most votes.",
        formula="1 − max_c s_c",
        edge_cases="In [0, 1 − 1 / min(M, classes)]. Grows with M: compare at the same M. "
        "Undefined for one member.",
        source="Freeman 1965; Gal 2016, section 3.3.1",
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


class MemberMeans(MeansOverImages):
    """A metric's `function`: from the probabilities [members, images, classes] to [images].

    It is called when predicting; a prediction of which its values were not stored has NaN.
    """

    needs = frozenset({"members"})

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "metrics images"] | None:
        """Each image's stored value of each metric."""
        stored, missing = arrays.member_values, torch.full((len(arrays.prediction.mean),), np.nan)
        if not any(metric.name in stored for metric in self.metrics):
            return None
        return rows_of([stored.get(metric.name, missing) for metric in self.metrics])
