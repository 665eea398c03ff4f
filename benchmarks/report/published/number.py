"""A number that another paper publishes, as data, and how near ours must be."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.vocabulary import CLEAN

ROUNDING = 1e-9
"""Of differences of decimal fractions."""


@dataclass(frozen=True)
class Tolerance:
    """How far our value may be from a published one.

    Attributes:
        amount: of the metric, or a share of the published value.
        relative: whether it is such a share.
        label: in print.
    """

    amount: float
    relative: bool
    label: str

    def admits(self, published: float, ours: float) -> bool:
        """Whether ours is near enough; NaN never is.

        >>> NLL.admits(0.2, 0.23), NLL.admits(0.2, 0.169)
        (True, False)
        """
        amount = self.amount * abs(published) if self.relative else self.amount
        return abs(ours - published) <= amount + ROUNDING


ACCURACY = Tolerance(0.003, relative=False, label="0.3 points")
NLL = Tolerance(0.15, relative=True, label="15 %")
AUROC = Tolerance(0.01, relative=False, label="1 point")
CONFIDENCE = Tolerance(0.05, relative=False, label="5 points")
CALIBRATION_ERROR = Tolerance(0.005, relative=False, label="0.005")
"""All were fixed before anything was measured."""


@dataclass(frozen=True)
class PublishedNumber:
    """A number of a paper, and which of ours it is to be compared with.

    Attributes:
        paper: author and year.
        place: the table, or the file of the code.
        what: what they did, in a phrase.
        task, recipe, method: ours.
        members: networks of an ensemble; 1: of a method of one network.
        epochs: of the recipe; a run of others is not judged.
        metric, score: ours; the score is empty where the metric needs none.
        value: theirs, in the metric's unit.
        tolerance: how near ours must be.
        conditions: of which images; of several the mean over those that the run has.
        lacking: what else they average over, which the suite does not have.
        reason: why ours misses it, found by an experiment; empty: not known yet.
    """

    paper: str
    place: str
    what: str
    task: str
    recipe: str
    method: str
    metric: str
    value: float
    tolerance: Tolerance
    epochs: int
    members: int = 1
    score: str = ""
    conditions: tuple[str, ...] = (CLEAN,)
    lacking: tuple[str, ...] = ()
    reason: str = ""
