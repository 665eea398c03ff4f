"""A metric: a mean over images of a function of the probabilities and the label."""

from torch import Tensor

from benchmarks.metrics.metric import Metric
from benchmarks.metrics.scoring import LabelMeans


def spherical_score(mean: Tensor, labels: Tensor) -> Tensor:
    """From [images, classes] and [images] to [images]."""
    return mean.gather(1, labels[:, None])[:, 0] / mean.square().sum(dim=1).sqrt()


SPHERICAL_SCORE = Metric(
    name="spherical_score",
    label="Spherical score",
    family=LabelMeans,
    function=spherical_score,
    better="higher",
    guessing=lambda classes: classes**-0.5,
    summary="The probability of the label, divided by the length of the probability vector.",
    formula="Mean over images of p̄_y / √(Σ_c p̄_c²)",
    edge_cases="In [0, 1].",
    source="Gneiting & Raftery 2007, section 4.1",
)
