"""What the report says about particular names: the one place that knows them.

Everything else in `benchmarks.report` asks a noun for its fields. Here stand the choices that no
field can make: which measures decide and which make the headline, which figures are kept, which
colour a group of methods has, and how a need is called.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks import questions
from benchmarks.questions import ABSTAINING, QUALITY
from benchmarks.vocabulary import CLEAN, VOTES

# Measures that the report names: those by which questions are decided.

RIGHT, PROBABLE = QUALITY
"""Is the class right, and are the probabilities?"""

SELECTION, (DETECTION,) = ABSTAINING[-1], questions.DETECTION
"""By which scores are judged: on labelled images, and on those of no class."""

TESTED_INSTEAD: Mapping[str, str] = {"ece": "squared_ce_debiased"}
"""What is compared in place of a metric whose bias forbids it."""

# The headline: what the shortest tables have of each method, and what ranks it.

RANKED_BY = CLEAN, PROBABLE
"""The condition and the metric by which the worth in networks is told and methods are ranked."""

KEPT_METRICS = (
    *("accuracy", "nll", "brier", "ece", "mean_confidence"),
    *("error_at_coverage_90", "augrc", "auroc"),
)
"""The metrics whose rows of the summary the repository keeps, for README and for other papers."""

# Sections of the page, and the metric that each one's finding is of.

CALIBRATION_TITLE, SHIFT_TITLE = "ece", "nll"

# What a reader must know of less usual metrics.

METRIC_REMARKS: Mapping[str, str] = {
    "nll": "Equal probabilities for all {classes} classes have an NLL of {uniform:.2f}.",
    "augrc": "AUGRC: the share of images that are accepted and wrong, averaged over coverage.",
}
"""Below the table of decisions, where it is decided by these; ``uniform``: the NLL of guessing."""

# Needs of methods, and how they are called.

DROPOUT, MORE_TRAINING = "dropout", "training"
"""What methods need whose members are sampled by dropout, and those that train further."""

TRAINING_IMAGES = "training images"
"""What a method or a score needs that is fitted to these."""

NEEDS: Mapping[str, str] = {
    DROPOUT: "networks trained with dropout",
    "calibration": "held-out images",
    MORE_TRAINING: "a training of its own",
    TRAINING_IMAGES: "the training images",
}
"""What methods need beside networks, in words."""

# Particular methods.

SAMPLED, ENSEMBLE = "mc_dropout", "deep_ensemble"
"""The two that the article compares."""

WITHOUT_BLANKS = "mc_dropout_without_blanks"
"""The first of them, without passes that answer every image alike."""

# What others measured.

WORTH_ELSEWHERE: Mapping[str, str] = {
    SAMPLED: "1.1 to 1.3",
    "swag": "3.1",
    "snapshot_ensemble": "above 15",
    "variational": "1.7",
    "cyclical_sghmc": "6.8",
}
"""Networks that methods are worth on CIFAR-10, in 100 samples (Ashukha et al. 2020, ICLR)."""

WORTH_ELSEWHERE_BY = CLEAN, "nll_recalibrated"
"""The measure by which: there it is called calibrated log-likelihood."""

# Figures: colours, parts, and which are shown and kept.

GROUP_COLOURS: Mapping[str, str] = {
    "single network": "#000000",
    "dropout": "#0072B2",
    "ensemble": "#D55E00",
    "temperature scaling": "#882255",
    "Laplace approximation": "#117733",
    "augmentation": "#AA4499",
    "snapshots": "#999933",
    "ensemble in one network": "#44AA99",
    "learned distribution": "#332288",
}
"""The colour of each group of methods; methods of other groups have one of their own."""

TOTAL_ENTROPY, ENTROPY_PARTS = "predictive_entropy", ("expected_entropy", "mutual_information")
"""The entropy that is split, and what it is split into."""

DIVERSITY = ("pairwise_disagreement", "mutual_information")
"""By which it is told how much members differ; methods are ranked by the last."""

KIND_LOOKS = (
    *(("#000000", "o"), ("#0072B2", "s"), ("#D55E00", "D"), ("#009E73", "^")),
    *(("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X")),
)
"""Colours and markers of measures on images of a kind, in the order of these."""

SAMPLED_MEASURES: Mapping[str, tuple[str, str]] = {
    VOTES: ("#0072B2", "o"),
    "pairwise_disagreement": ("#009E73", "v"),
    "predictive_entropy": ("#E69F00", "X"),
    "mutual_information": ("#CC79A7", "P"),
}
"""The measures of an image whose sampling error is drawn, with their colours and markers."""

TRAINING_MEASURES: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "loss": "Loss (nats)",
    "precision": "Precision",
    "recall": "Recall",
}
"""What is drawn of the training, and how it is called."""

README_FIGURES: Mapping[str, tuple[str, str]] = {
    "quality": (
        "Quality against cost",
        "A point is a method; the line joins deep ensembles of more and more networks. Lower left "
        "is best.",
    ),
    "settings": ("Worth by setting", ""),
}
"""The figures that README and docs show, by name: title, and what a reader must know."""

KEPT_FIGURES = (
    *("quality", "settings", "worth", "claims-count-plots", "claims-rank-agreement"),
    *("claims-certainty", "abstaining", "rotated", "high-disagreement", "conditions"),
)
"""Those that the repository keeps, the most important ones first."""

# Presets.

PREVIEW = "quick"
"""The preset whose results are a preview."""
