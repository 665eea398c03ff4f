"""What both computing and drawing must know, said once; imports nothing of the suite.

The names of stages, of files and folders in a run's output, of conditions and statuses that code on
both sides refers to, and the thresholds by which results are read.
"""

from __future__ import annotations

TRAIN, PREDICT, MEASURE = "train", "predict", "measure"
LATENCY, CLAIMS, REPORT = "latency", "claims", "report"

STAGES = (TRAIN, PREDICT, MEASURE, LATENCY, CLAIMS, REPORT)
"""The stages of a run, in the order in which they build on one another."""

MEASUREMENTS_CSV, SUMMARY_CSV = "measurements.csv", "summary.csv"
ANSWER_CSV, TRAINING_CSV, LATENCY_CSV = "answer.csv", "training.csv", "latency.csv"
CLAIMS_CSV, CLAIMS_JSON, CLAIMS_MD = "claims.csv", "claims.json", "claims.md"
PUBLISHED_JSON, PUBLISHED_MD = "published.json", "published.md"
IMAGES_NPZ, INFLUENCES_FOLDER = "images.npz", "influences"
NOUNS_JSON, RUN_JSON = "nouns.json", "run.json"
TABLES_FOLDER, FIGURES_FOLDER = "tables", "figures"
CURVES_FOLDER, CLAIMS_FOLDER = "curves", "claims"

DOWNLOADS = {
    SUMMARY_CSV: "means over replicates, with intervals",
    MEASUREMENTS_CSV: "every number of every replicate",
    ANSWER_CSV: "by the five measures: the best, better than one network, worth in networks",
    LATENCY_CSV: "latency and cost of each method and score",
    TRAINING_CSV: "training log of each network",
    NOUNS_JSON: "the fields of methods, conditions, metrics and so on",
    CLAIMS_JSON: "the article's claims and their verdicts",
    CLAIMS_CSV: "the numbers that they are judged by",
    CLAIMS_MD: "claims, verdicts and numbers as text",
    PUBLISHED_JSON: "other papers' numbers beside ours, and whether they agree",
    PUBLISHED_MD: "the same as text",
    IMAGES_NPZ: "the images shown",
    RUN_JSON: "configuration, command, versions, fingerprints, wall time",
    f"{TABLES_FOLDER}/": "each table as Markdown and CSV",
    f"{FIGURES_FOLDER}/": "each figure as PNG and SVG, and its numbers as CSV",
    f"{INFLUENCES_FOLDER}/": "how each image moves the five measures: what the answer follows from",
    f"{CURVES_FOLDER}/": "further data of the figures",
    f"{CLAIMS_FOLDER}/": "data of the claims' figures",
}
"""The files and folders of a run, and what is in them. Only latencies differ from run to run."""

ANSWER_JSON = "answer.json"
"""Whether dropout is as good as many networks, and which method to use, in sentences."""

INDEX_HTML = "index.html"
"""The page that shows all of it to people."""

LAB_HTML = "lab.html"
"""The page on which networks vote for what one draws; only a command of its own writes it."""

PREDICTIONS_FOLDER = "predictions"
"""The prediction files, from which everything else can be recomputed."""

FINISHED_FOLDER = ".finished"
"""Results of the stage `measure`, of a run that has not ended."""

ALL = "all"
"""How many images there are where no limit is chosen."""

CLEAN = "clean"
"""The condition of the test images as they are."""

SUBSET = "subset-"
"""What the names of conditions begin with that have few images, for the sake of exact methods."""

CALIBRATION = "calibration"
"""The split held out of training, and the name under which its predictions are stored."""

TEST_IMAGES = "test"
"""The condition column of images whose index is that among all of MNIST's test images."""

ILL_DEFINED = "ill-defined labels"
"""The status of numbers that were measured against such labels."""

WITH_VALUE = ("ok", ILL_DEFINED)
"""The statuses of rows that have a value."""

DISAGREEMENT = "pairwise_disagreement"
"""The measure by which images are chosen, and which texts tell."""

NETWORKS_KNOWN_FROM = "how networks vary is known from"
"""What remarks begin with on the interval of few large ensembles."""

CONFIDENCE = 0.95
"""Of every interval."""

FEWEST_REPLICATES = 5
"""With fewer, a variance over replicates is hardly known: Student's t of 2 has a factor of 12.7."""

REPRODUCED, PARTLY, NOT_REPRODUCED = "reproduced", "partly reproduced", "not reproduced"
VERDICTS = (REPRODUCED, PARTLY, NOT_REPRODUCED)
"""What a claim of the article can be, where it can be tested."""

CENTRAL, SUPPORTING, DETAIL, CHECK = "central", "supporting", "detail", "check"
WEIGHTS = {
    CENTRAL: "Central claims",
    SUPPORTING: "Supporting claims",
    DETAIL: "Details of single plots",
    CHECK: "Checks of the setting",
}
"""How much the article rests on a claim, in the order shown, and the headings of each group."""

RANK_CORRELATION, VOTES = "rank_correlation", "votes"
"""Metrics of claims that figures and texts show."""

LEAST_AGREEMENT = {PARTLY: 0.5, REPRODUCED: 0.8}
"""The correlation of MC-dropout and ensembles, without the noise of single networks, above which
that one mimics the others, by the verdict that this leads to."""

IMITATION, CEILING = "MC-dropout and ensemble B", "ensembles A and B"
OTHER_MASKS, OTHER_NETWORK = "one network, other masks", "MC-dropout of two networks"
PAIRS = (IMITATION, OTHER_NETWORK, OTHER_MASKS, CEILING)
"""Of which predictions the rankings of images are compared, as quantities of claims name them."""

WHERE_C_DISAGREES = "clean-where-ensemble-c-disagrees"
"""The clean images on which the members of ensemble C do not all agree, as quantities name them."""

TYPICAL, PECULIAR = 61, 591
"""The test images that the article shows: a typical 8 and a peculiar one."""


def mean_name(group: str) -> str:
    """The name of the mean over the conditions of a group, as one more condition."""
    return f"{group}-mean"
