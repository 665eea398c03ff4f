"""All figures of a run, as data."""

from __future__ import annotations

from typing import Any

from benchmarks.report.editorial import DETECTION, SELECTION, UNDER_SHIFT
from benchmarks.report.figures import experiments, numbers, worth
from benchmarks.report.figures import panels as draw
from benchmarks.report.figures.engine import Figure, first, leading
from benchmarks.report.style import PAGE

BOTH_AXES: Any = {"sharex": True, "sharey": True}


FIGURES = (
    Figure(
        "quality",
        "answer",
        "The thick line joins ensembles of more and more networks; dashed: one network. Bold: in "
        "the best set of its budget.",
        data=numbers.quality,
        panels=("metric", "condition"),
        parts=((draw.quality, 1),),
        title=numbers.quality_title,
        methods=first,
        width=5.0,
        height=1.6,
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
        width=PAGE,
        height=lambda view, rows: 0.9 + 0.19 * len(rows[worth.SIDE].drop_duplicates()),
    ),
    Figure(
        "data-size",
        "epistemic",
        "Mean uncertainty by the share of training images, with as many steps. Of a faithful "
        "method, the epistemic part falls with more data, and the aleatoric one stays.",
        data=experiments.over_levels("data-size"),
        panels=("measure", "condition"),
        parts=((experiments.level_lines, 1),),
        title="Uncertainty by the number of training images",
    ),
    Figure(
        "label-noise",
        "epistemic",
        "Mean uncertainty by the share of labels that are drawn anew. Of a faithful method, the "
        "aleatoric part follows the entropy of the noise (dashed), the least that it can be; the "
        "epistemic one stays.",
        data=experiments.over_levels("label-noise"),
        panels=("measure", "condition"),
        parts=((experiments.level_lines, 1),),
        title="Uncertainty by label noise",
    ),
    Figure(
        "uses",
        "epistemic",
        "How well each measure of uncertainty ranks images, by what it is used for, less how well "
        "the method's total entropy does. Beside 0: another measure is as good.",
        data=experiments.uses,
        panels=("statistic",),
        parts=((experiments.use_dots, 1),),
        title="The right measure for each use",
        height=3.0,
        shared={"sharey": True},
    ),
    Figure(
        "cost",
        "cost",
        "Quality against median latency for one image, by PyTorch and by the kernels where there "
        "are some. A line is a method of more and more passes or members; numbers at its ends "
        "count them.",
        data=numbers.costs,
        panels=("engine", "metric", "condition"),
        parts=((draw.cost, 1),),
        title=numbers.cost_title,
        methods=leading,
        height=2.2,
    ),
    Figure(
        "reliability",
        "calibration",
        f"Accuracy against confidence, in bins of at least {numbers.FEWEST} images. A calibrated "
        "method lies on the diagonal, an overconfident one below it. Bars are the range of "
        "replicates; of a single one, the 95 % interval over images.",
        data=numbers.reliability,
        panels=("condition",),
        parts=((draw.accuracy_of_bins, 2.4), (draw.images_of_bins, 1)),
        title="Accuracy against confidence",
        methods=leading,
        height=3.0,
        shared={"sharex": True, "sharey": "row"},
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
        height=2.8,
        shared={"sharex": True},
    ),
    Figure(
        "roc",
        "detection",
        "Out-of-distribution images that are flagged, against clean images flagged by mistake. "
        "Bands are the range of replicates; of a single one, the 95 % interval over images.",
        data=numbers.roc,
        panels=("condition",),
        parts=((draw.roc, 1),),
        title=numbers.best_by(DETECTION, "Out-of-distribution images, flagged by a threshold"),
        methods=leading,
        shared=BOTH_AXES,
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
        width=PAGE / 4,
        height=2.7,
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
        width=PAGE / 9,
        height=0.95,
    ),
    Figure(
        "high-disagreement",
        "images",
        "The images on which the votes of methods differ most, of each condition in turn. The "
        "area of a circle is the share of the votes, the line is the label.",
        data=numbers.high_disagreement,
        panels=("condition", "number"),
        parts=((draw.votes_of_methods, 1),),
        title="The images on which the votes of methods differ most",
        width=PAGE / 4,
        height=lambda view, rows: (
            1.4
            + 0.17 * len(view.contestants)
            + 0.05 * max(map(len, ("", *view.names.task.classes)))
        ),
        shared=BOTH_AXES,
    ),
    Figure(
        "claims-count-plots",
        "claims",
        "The votes for two images: a point is a network, in their order, and bars are their mean.",
        data=numbers.count_plots,
        panels=("image",),
        parts=((draw.votes_of_networks, 1),),
        title=numbers.verdict("claims-count-plots"),
        height=2.8,
    ),
)
"""In the order of the page."""
