"""The definition of each metric as data, for whoever prints it; imports nothing.

p_m are the probabilities of member m, p̄ their mean, s_c the share of votes for class c, v_c the
votes, M the members, N the images; natural logarithms. The function named computes the metric, or
the part of it that ``formula`` says.
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """What a metric is.

    Attributes:
        summary: what it is, in a sentence.
        formula: how it is computed.
        edge_cases: its range, and its value where the formula alone does not say.
        source: the papers; empty where there is none to name.
        module, function: what computes it.
    """

    summary: str
    formula: str
    edge_cases: str
    source: str
    module: str
    function: str

    @property
    def path(self) -> str:
        """The file that computes it, within the repository."""
        return f"{self.module.replace('.', '/')}.py"


DEFINITIONS = {
    "accuracy": Definition(
        summary="The share of images whose most probable class is the label.",
        formula="Mean over images of [arg max_c p̄_c = y]",
        edge_cases="In [0, 1]. Ties go to the lowest class.",
        source="",
        module="benchmarks.metrics.scoring",
        function="correct",
    ),
    "nll": Definition(
        summary="Negative log-likelihood: the logarithmic score of the label, in nats.",
        formula="Mean over images of −log p̄_y",
        edge_cases="In [0, ∞]. Infinite if a label has probability 0; not clipped.",
        source="Good 1952; Gneiting & Raftery 2007",
        module="benchmarks.metrics.scoring",
        function="negative_log_likelihood",
    ),
    "brier": Definition(
        summary="Brier score: the squared distance of the probabilities from the label.",
        formula="Mean over images of Σ_c (p̄_c − y_c)², with y the label as a unit vector",
        edge_cases="In [0, 2]: not halved, not divided by the number of classes.",
        source="Brier 1950",
        module="benchmarks.metrics.scoring",
        function="brier",
    ),
    "ece": Definition(
        summary="Expected calibration error: the mean gap between confidence and accuracy.",
        formula="Σ_b n_b / N · |acc_b − conf_b| over 15 bins of equal width, (lower, upper]",
        edge_cases="In [0, 1]. Empty bins count as 0. Biased upwards: with few images per "
        "bin, gaps arise by chance.",
        source="Naeini et al. 2015; Guo et al. 2017, equation 3",
        module="benchmarks.metrics.calibration",
        function="expected_calibration_error",
    ),
    "ece_equal_mass": Definition(
        summary="The expected calibration error over bins of equally many images.",
        formula="The ECE; the upper edge of bin b of 15 is the smallest confidence with at least "
        "the share b / 15 of all images at or below it",
        edge_cases="In [0, 1]. Images of the same confidence share a bin, so there may be fewer "
        "bins. Biased upwards.",
        source="Nguyen & O'Connor 2015; Nixon et al. 2019",
        module="benchmarks.metrics.calibration",
        function="equal_mass_bins",
    ),
    "ece_debiased": Definition(
        summary="The expected calibration error minus an estimate of its bias.",
        formula="2 · ECE − Σ_b n_b / N · E|A_b − conf_b| over 15 bins of equal mass, with "
        "A_b ~ Normal(acc_b, acc_b (1 − acc_b) / n_b)",
        edge_cases="At most the ECE; slightly negative if gaps are smaller than expected by "
        "chance. Not unbiased: for a calibrated model, 59 % of the bias remains.",
        source="Kumar, Liang & Ma 2019",
        module="benchmarks.metrics.calibration",
        function="debiased_calibration_error",
    ),
    "squared_ce_debiased": Definition(
        summary="An unbiased estimate of the squared calibration error of binned confidences.",
        formula="Σ_b n_b / N · [(conf_b − acc_b)² − acc_b (1 − acc_b) / (n_b − 1)] over 15 bins of "
        "equal mass",
        edge_cases="In [−1/4, 1]: not clamped at 0, and no root is taken. A bin of one image "
        "counts as 0.",
        source="Kumar, Liang & Ma 2019",
        module="benchmarks.metrics.calibration",
        function="debiased_squared_calibration_error",
    ),
    "mce": Definition(
        summary="Maximum calibration error: the largest gap of any bin.",
        formula="max_b |acc_b − conf_b| over 15 bins of equal width",
        edge_cases="In [0, 1]. Bins of fewer than 10 images are left out; undefined if no bin is "
        "left.",
        source="Guo et al. 2017, equation 5",
        module="benchmarks.metrics.calibration",
        function="maximum_calibration_error",
    ),
    "predictive_entropy": Definition(
        summary="The entropy of the members' mean: the total uncertainty, in nats.",
        formula="H(p̄) = −Σ_c p̄_c log p̄_c",
        edge_cases="In [0, log classes]; 0 log 0 is 0.",
        source="Gal 2016, section 3.3.1",
        module="methods.scores.entropy",
        function="predictive_entropy",
    ),
    "expected_entropy": Definition(
        summary="The mean of the members' entropies: the aleatoric part, in nats.",
        formula="mean_m H(p_m), with H(p) = −Σ_c p_c log p_c",
        edge_cases="In [0, log classes]; 0 log 0 is 0.",
        source="Shannon 1948, section 6",
        module="methods.scores.entropy",
        function="entropy",
    ),
    "mutual_information": Definition(
        summary="The mutual information of class and member: the epistemic part, in nats.",
        formula="H(p̄) − mean_m H(p_m)",
        edge_cases="In [0, log min(M, classes)]. Grows with M: compare at the same M. Undefined "
        "for one member.",
        source="Houlsby et al. 2011, equation 2; Gal 2016, section 3.3.1",
        module="methods.scores.entropy",
        function="mutual_information",
    ),
    "pairwise_disagreement": Definition(
        summary="The probability that two different members vote for different classes.",
        formula="1 − Σ_c v_c (v_c − 1) / (M (M − 1)); 1 − Σ_c s_c² for the exact distribution",
        edge_cases="In [0, 1]. Its expectation is the same for any M. Undefined for one member.",
        source="Simpson 1949; between networks, Fort, Hu & Lakshminarayanan 2019",
        module="methods.scores.disagreement",
        function="pairwise_disagreement",
    ),
    "auroc": Definition(
        summary="Area under the ROC curve: the probability that an image that is not clean "
        "scores higher than a clean one.",
        formula="(#{s₊ > s₋} + ½ #{s₊ = s₋}) / (#s₊ · #s₋), with positive for not clean",
        edge_cases="In [0, 1]; 0.5 for a random or a constant score.",
        source="Hanley & McNeil 1982; Hendrycks & Gimpel 2017, section 2",
        module="benchmarks.metrics.detection",
        function="auroc",
    ),
    "aupr_out": Definition(
        summary="Average precision of detecting the images that are not clean.",
        formula="Σ_t (R_t − R_{t−1}) P_t over the distinct scores t from the highest down, with "
        "recall R and precision P of flagging {s ≥ t}",
        edge_cases="In (0, 1]; the prevalence for a random score. Not interpolated.",
        source="Hendrycks & Gimpel 2017, section 2",
        module="benchmarks.metrics.detection",
        function="DetectionStatistics",
    ),
    "aupr_in": Definition(
        summary="Average precision of detecting the clean images by their low scores.",
        formula="AUPR-out with negated scores and exchanged classes",
        edge_cases="In (0, 1]; 1 − prevalence for a random score.",
        source="Hendrycks & Gimpel 2017, section 2",
        module="benchmarks.metrics.detection",
        function="DetectionStatistics",
    ),
    "fpr95": Definition(
        summary="The share of clean images that are flagged when 95 % of the others are.",
        formula="#{clean, s ≥ t} / #clean, with t the highest threshold at which at least 95 % of "
        "the others have s ≥ t",
        edge_cases="In [0, 1]; 1 for a constant score. In-distribution images are positive in the "
        "source, and negative here.",
        source="Liang, Li & Srikant 2018",
        module="benchmarks.metrics.detection",
        function="DetectionStatistics",
    ),
    "misclassification_auroc": Definition(
        summary="The probability that a misclassified image scores higher than a correct one.",
        formula="The AUROC, with positive for misclassified",
        edge_cases="In [0, 1]; 0.5 for a random score. Undefined if all or no images are correct.",
        source="Hanley & McNeil 1982; Hendrycks & Gimpel 2017, section 2",
        module="benchmarks.metrics.selective",
        function="SelectionStatistics",
    ),
    "aurc": Definition(
        summary="Area under the risk-coverage curve: the mean error rate of the most certain "
        "images, over all coverages.",
        formula="1/N Σ_i #{errors among the i most certain} / i",
        edge_cases="In [0, 1]; the error rate for a constant score. Tied scores: the expectation "
        "over their orders.",
        source="Geifman, Uziel & El-Yaniv 2019",
        module="benchmarks.metrics.selective",
        function="SelectionStatistics",
    ),
    "augrc": Definition(
        summary="Area under the generalised risk-coverage curve: the mean rate of undetected "
        "errors, over all coverages.",
        formula="Trapezoids over the coverage i / N, from (0, 0), under "
        "#{errors among the i most certain} / N",
        edge_cases="In [0, 1/2]; half the error rate for a constant score. Tied scores: the "
        "expectation over their orders.",
        source="Traub et al. 2024",
        module="benchmarks.metrics.selective",
        function="SelectionStatistics",
    ),
}
"""Of every metric that is written to ``measurements.csv``, by its name there."""
