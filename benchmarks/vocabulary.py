"""What both computing and drawing must know, said once; imports nothing of the suite.

The names of stages and files of a run, and of conditions and statuses that code on both sides
refers to.
"""

from __future__ import annotations

TRAIN, PREDICT, MEASURE = "train", "predict", "measure"
LATENCY, CLAIMS, EXPERIMENTS, REPORT = "latency", "claims", "experiments", "report"
STAGES = (TRAIN, PREDICT, MEASURE, LATENCY, CLAIMS, EXPERIMENTS, REPORT)
"""The stages of a run, in the order in which they build on one another."""

MEASUREMENTS_CSV, SUMMARY_CSV = "measurements.csv", "summary.csv"
ANSWER_CSV, ANSWER_JSON, TRAINING_CSV = "answer.csv", "answer.json", "training.csv"
LATENCY_CSV = "latency.csv"
CLAIMS_CSV, CLAIMS_JSON, CLAIMS_MD = "claims.csv", "claims.json", "claims.md"
EXPERIMENTS_CSV, EPISTEMIC_CSV = "experiments.csv", "epistemic.csv"
NOUNS_JSON, RUN_JSON, IMAGES_NPZ = "nouns.json", "run.json", "images.npz"
TABLES_FOLDER, FIGURES_FOLDER, INFLUENCES_FOLDER = "tables", "figures", "influences"
CURVES_FOLDER, CLAIMS_FOLDER = "curves", "claims"
INDEX_HTML, LAB_HTML = "index.html", "lab.html"
"""The files of a run; what is in them says `benchmarks.report.page.DOWNLOADS`."""

CLEAN = "clean"
"""The condition of the test images as they are."""

TEST_IMAGES = "test"
"""The condition column of images whose index is that among all of MNIST's test images."""

ILL_DEFINED = "ill-defined labels"
WITH_VALUE = ("ok", ILL_DEFINED)
"""The statuses of rows that have a value; with the first's labels, or with such."""

NETWORKS_KNOWN_FROM = "how networks vary is known from"
"""What remarks begin with on the interval of few large ensembles."""

CONFIDENCE = 0.95
"""The confidence level of all intervals."""

FEWEST_REPLICATES = 5
"""Fewest replicates whose variance is known well: Student's t of 2 has a factor of 12.7."""


def mean_name(group: str) -> str:
    """The name of the mean over the conditions of a group, as one more condition."""
    return f"{group}-mean"
