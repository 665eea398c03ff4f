"""The rows of ``comparisons.csv`` and ``worth.csv``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A paired difference on the same images: ``method`` minus ``other_method``.

    Attributes:
        family: the tests that it is corrected with; see `benchmarks.inference.comparison.pairs`.
        split: the training images that both are fitted on.
        recipe, condition, metric, score: as in `Measurement`.
        method, members: what is compared.
        other_recipe, other_method, other_members: with what.
        other_score: by which the other ranks images, if not by the same score.
        difference: of the means over replicates.
        lower, upper: its 95 % interval; ``None`` if there is none.
        p_value: two-sided, of no difference; ``None`` if nothing is tested, because no value of
            the metric is better than another, or a test would detect its bias.
        margin: the largest difference that counts as none; ``None`` where there is no such.
        p_equivalent: of two one-sided tests that the difference is within the margin.
        p_not_worse: that the method is worse than the other by the margin or more.
        p_not_better: that the other is worse than the method by the margin or more.
        effect_size: of means over images, in standard deviations of the images' differences
            (Cohen's d); ``None`` for other metrics, whose difference is an effect itself.
        images: on how many images.
        status: ``ok``, or ``undefined``: there is no difference.
        reason: why the status is not ``ok``, why there is no interval, or a remark.
    """

    family: str
    split: str
    recipe: str
    condition: str
    metric: str
    score: str
    method: str
    members: str
    other_recipe: str
    other_method: str
    other_members: str
    other_score: str = ""
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    margin: float | None = None
    p_equivalent: float | None = None
    p_not_worse: float | None = None
    p_not_better: float | None = None
    effect_size: float | None = None
    images: int
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class WorthRow:
    """How many networks a method is worth: how large an ensemble does as well.

    Attributes:
        recipe, method, members, condition, score, metric: as in `Measurement`.
        ensemble_recipe, ensemble: of which networks ensembles are, and the method that forms them.
        worth: the number; ``<1`` or ``>50`` where it is beyond the sizes; empty if undefined.
        worth_lower, worth_upper: the bounds of its 95 % interval; likewise, where an end is open.
        images: on how many images.
        status: ``ok`` or ``undefined``.
        reason: why it is undefined, or what the interval leaves out.
    """

    recipe: str
    method: str
    members: str
    condition: str
    score: str
    metric: str
    ensemble_recipe: str
    ensemble: str
    worth: str
    worth_lower: str
    worth_upper: str
    images: int
    status: str = "ok"
    reason: str = ""
