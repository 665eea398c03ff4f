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

DIVERSITY = ("pairwise_disagreement", "mutual_information")
"""By which it is told how much members differ; methods are ranked by the last."""

SHOWN_WITH_COST = (PROBABLE, UNDER_SHIFT, DETECTION)
"""The measures of the headline that are drawn against the time of one image."""

# Presets.

PREVIEW = "quick"
"""The preset whose results are a preview."""
