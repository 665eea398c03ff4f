"""What the report says about particular names: the one place that knows them.

Everything else in `benchmarks.report` asks a noun for its fields. Here stand the choices that no
field can make: which measures and methods the report names, and the colours of groups of methods.
"""

from __future__ import annotations

from collections.abc import Mapping

# Measures that the report names.

RIGHT, PROBABLE = "accuracy", "nll"
"""Is the class right, and are the probabilities?"""

SELECTION, DETECTION = "augrc", "auroc"
"""By which scores are judged: on labelled images, and on those of no class."""

UNDER_SHIFT = "brier"
"""Are the probabilities honest on shifted images, too?"""

# Particular methods.

SAMPLED, ENSEMBLE = "mc_dropout", "deep_ensemble"
"""The two that the article compares."""

OF_ARTICLE = "mc_dropout_article"
"""The first of them at the article's rate of dropout."""

SHORT_LABELS: Mapping[str, str] = {
    SAMPLED: "MC-dropout, tuned rate",
    OF_ARTICLE: "MC-dropout, rate 0.5",
}
"""What the two are called where they stand side by side."""

WITHOUT_BLANKS = "mc_dropout_without_blanks"
"""The first of them, without passes that answer every image alike."""

# Figures: colours and parts.

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

DISAGREEMENT = "pairwise_disagreement"
"""The measure by which images are chosen, and which texts tell."""

DIVERSITY = (DISAGREEMENT, "mutual_information")
"""By which it is told how much members differ; methods are ranked by the last."""

SHOWN_FIRST = (PROBABLE, UNDER_SHIFT, DETECTION)
"""The measures of the headline that the first table has, and that are drawn against costs."""

VOTES = "votes"
"""The metric of claims that is the share of votes for a class."""

# The article's claims.

REPRODUCED, PARTLY, NOT_REPRODUCED = "reproduced", "partly reproduced", "not reproduced"
VERDICTS = (REPRODUCED, PARTLY, NOT_REPRODUCED)
"""What a claim of the article can be, where it can be tested."""

CENTRAL = "central"
WEIGHTS = {
    CENTRAL: "Central claims",
    "supporting": "Supporting claims",
    "detail": "Details of single plots",
    "check": "Checks of the setting",
}
"""How much the article rests on a claim, in the order shown, and the headings of each group."""

RANK_CORRELATION = "rank_correlation"
"""The metric of claims by which rankings of images are compared."""

LEAST_AGREEMENT = {PARTLY: 0.5, REPRODUCED: 0.8}
"""The correlation of MC-dropout and ensembles, without the noise of single networks, above which
that one mimics the others, by the verdict that this leads to."""

IMITATION, CEILING = "MC-dropout and ensemble B", "ensembles A and B"
OTHER_NETWORK = "MC-dropout of two networks"
"""Of which predictions the rankings of images are compared, as quantities of claims name them."""

WHERE_C_DISAGREES = "clean-where-ensemble-c-disagrees"
"""The clean images on which the members of ensemble C do not all agree, as quantities name them."""

# Presets.

PREVIEW = "quick"
"""The preset whose results are a preview."""
