"""All figures of a run, as data."""

from __future__ import annotations

import pandas as pd

from benchmarks.report.editorial import (
    DETECTION,
    RANK_CORRELATION,
    SELECTION,
    UNDER_SHIFT,
)
from benchmarks.report.figures import numbers, worth
from benchmarks.report.figures import panels as draw
from benchmarks.report.figures.engine import Figure, View, leading, ranked
from benchmarks.report.style import PAGE


def votes_of_methods_height(view: View, rows: pd.DataFrame) -> float:
    """In inches; long names of classes stand upright below it."""
    longest = max(map(len, view.names.task.classes), default=1)
    return 1.12 + 0.17 * len(view.contestants) + (0.08 * longest if longest > 2 else 0)


X_AND_Y = {"sharex": True, "sharey": True}
X_AND_ROWS = {"sharex": True, "sharey": "row"}

FIGURES = (
    Figure(
        "quality",
        "answer",
        "A point is a method at its largest size; the thick line joins deep ensembles of more and "
        "more networks, with their numbers beside. Dashed: one network. Lower left is best. Bold: "
        "in the best set of its budget.",
        data=numbers.quality,
        panels=("metric", "condition"),
        parts=((draw.quality, 1),),
        title=numbers.quality_title,
        methods=ranked,
        columns=1,
        width=5.6,
        height=3.2,
        shared={"sharex": True},
    ),
    Figure(
        "worth",
        "answer",
        "The size of the deep ensemble that does as well as each contestant, by each measure that "
        "decides; ?: not known.",
        data=worth.worths,
        panels=(),
        parts=((worth.heat_map, 1),),
        title=worth.worth_title,
        methods=worth.contestants,
        columns=1,
        height=lambda view, rows: 1.1 + 0.19 * len(rows[worth.SIDE].drop_duplicates()),
        legend=worth.heat_map_legend,
    ),
    Figure(
        "cost",
        "cost",
        "Quality against median latency for one image, by PyTorch and by the kernels where there "
        "are some. Numbers beside points are passes or members.",
        data=numbers.costs,
        panels=("engine", "metric", "condition"),
        rows=("engine",),
        parts=((draw.cost, 1),),
        title=numbers.cost_title,
        methods=leading,
        lines=("method",),
        looks=lambda view: {(contestant.method,): look for contestant, look in view.looks.items()},
        height=2.4,
    ),
    Figure(
        "reliability",
        "calibration",
        f"Accuracy against confidence, in bins of at least {numbers.FEWEST} images. A calibrated "
        "method lies on the diagonal, an overconfident one below it.",
        data=numbers.reliability,
        panels=("condition",),
        parts=((draw.accuracy_of_bins, 2.4), (draw.images_of_bins, 1)),
        title="Accuracy against confidence",
        methods=leading,
        height=3.3,
        heading=("condition",),
        shared=X_AND_ROWS,
    ),
    Figure(
        "{group}",
        "group-{group}",
        "Metrics against severity: above, those of the network alone; below, the others less "
        "these. Bands are 95 % intervals of values.",
        data=numbers.severities,
        panels=("metric",),
        parts=((draw.over_severities, 1),),
        others=((draw.differences_over_severities, 1.4),),
        title=numbers.best_by(UNDER_SHIFT, "{group} images, by severity"),
        methods=leading,
        columns=4,
        height=2.9,
        shared={"sharex": True},
        legend=draw.shading,
    ),
    Figure(
        "roc",
        "detection",
        "Out-of-distribution images that are flagged, against clean images flagged by mistake.",
        data=numbers.curves("roc", "flagged_clean", "flagged"),
        panels=("condition",),
        parts=((draw.roc, 1),),
        title=numbers.best_by(DETECTION, "Out-of-distribution images, flagged by a threshold"),
        methods=leading,
        heading=("condition",),
        shared=X_AND_Y,
    ),
    Figure(
        "abstaining",
        "selective",
        "The error of the images that are left where a method abstains on its least certain ones: "
        "above, that of the network alone; below, that of the others less it. Bands are 95 % "
        "intervals of values.",
        data=numbers.selective_errors,
        panels=("condition",),
        parts=((draw.error_of_the_rest, 1),),
        others=((draw.error_less_baseline, 1.4),),
        title=numbers.best_by(
            SELECTION, "Errors where methods abstain on their least certain images"
        ),
        methods=leading,
        columns=4,
        height=3.0,
        heading=("condition",),
        shared={"sharex": True},
    ),
    Figure(
        "conditions",
        "images",
        "The first image of each condition; where a condition changes the clean images, it is the "
        "same one.",
        data=numbers.examples,
        panels=("condition",),
        parts=((draw.example, 1),),
        title=lambda view, rows: f"One image under each of {len(rows)} conditions",
        columns=10,
        height=0.85,
    ),
    Figure(
        "high-disagreement",
        "images",
        "The images on which the votes of methods differ most. The area of a circle is the share "
        "of the votes, the line is the label.",
        data=numbers.high_disagreement,
        panels=("rank", "condition", "label"),
        parts=((draw.votes_of_methods, 1),),
        title="The images on which the votes of methods differ most",
        columns=6,
        height=votes_of_methods_height,
        heading=("condition", "label"),
        shared={"sharey": True},
        below="Class voted for",
    ),
    Figure(
        "claims-count-plots",
        "claims",
        "The votes for two images: a point is a network, in their order, and bars are their mean.",
        data=numbers.count_plots,
        panels=("image",),
        parts=((draw.votes_of_networks, 1),),
        title=numbers.verdict("claims-count-plots"),
        columns=2,
        width=PAGE / 3,
        height=2.8,
        heading=("image",),
    ),
    Figure(
        "claims-certainty",
        "claims",
        "The accuracy of majorities by how many votes agree, and how many images a network has "
        "with so many.",
        data=numbers.certainty,
        panels=("condition",),
        parts=((draw.accuracy_of_majorities, 1), (draw.images_of_majorities, 1)),
        title=numbers.verdict("claims-certainty"),
        columns=4,
        height=2.8,
        heading=("condition",),
        shared=X_AND_ROWS,
    ),
    Figure(
        "claims-rank-agreement",
        "claims",
        "How alike two predictions rank images as uncertain; a point is a pair of predictions.",
        data=numbers.claimed("claims-rank-agreement", RANK_CORRELATION),
        panels=("condition",),
        parts=((draw.rank_agreement, 1),),
        title=numbers.verdict("claims-rank-agreement"),
        columns=2,
        height=lambda view, rows: 0.9 + 0.27 * len(rows[["score", "case"]].drop_duplicates()),
        shared=X_AND_Y,
    ),
    Figure(
        "claims-missing-data",
        "claims",
        "Epistemic uncertainty by what the networks were trained on; a faint point is a network.",
        data=numbers.claimed("claims-missing-data"),
        panels=("metric", "condition"),
        parts=((draw.by_training_set, 1),),
        title=numbers.verdict("claims-missing-data"),
        rows=("metric",),
        height=1.6,
        heading=("condition",),
        shared=X_AND_ROWS,
    ),
)
"""In the order of the page."""
