"""What comparisons must know of methods beside their values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.compared_sizes import Usual
from benchmarks.inference.comparison.sides import Variant


@dataclass(frozen=True)
class Relations:
    """What comparisons must know of methods.

    Attributes:
        probabilities_of: of each method that shares another one's probabilities, the name of that.
            Beside that one, its metrics of the probabilities are compared with no method's: they
            would be tested twice.
        splits: of recipe and method, the images that it is fitted on; methods with different ones
            are not compared, since they differ in more than the method.
        of_networks: the methods whose members are networks, of which each replicate has others.
        primary_scores: of each method the score by which it is compared first.
        usual_sizes: of each method those that users run.
        basic: the methods that every preset has; empty: all methods are alike.
        of_single: the methods that are a trained network alone, of which further scores can be had.
        further_scores: of logits and features, which are compared with the methods' primary ones.
    """

    probabilities_of: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    of_networks: Collection[str] = ()
    primary_scores: Mapping[str, str] = field(default_factory=dict)
    usual_sizes: Usual = field(default_factory=dict)
    basic: Collection[str] = ()
    of_single: Collection[str] = ()
    further_scores: Sequence[str] = ()

    def split_of(self, pair: Iterable[Variant]) -> str | None:
        """The images that both are fitted on; ``None`` if these differ."""
        splits = {self.splits.get(variant[:2], "") for variant in pair}
        return splits.pop() if len(splits) == 1 else None
