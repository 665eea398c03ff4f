"""The noun: a number per image by which images are ranked as uncertain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

Need = Literal["probabilities", "members", "logits", "features", "head"]

OF_FEATURES: tuple[frozenset[Need], ...] = (
    frozenset({"features"}),
    frozenset({"features", "head"}),
)
"""What a score needs that is fitted on training images."""

Of = Callable[[Any], Float[Tensor, " images"]]

Fit = Callable[..., Of]
"""Of features [images, width] and labels [images], and of the last layer where that is needed."""


class FitError(ValueError):
    """A score cannot be fitted to these features; the message is the reason that tables show."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """An uncertainty score; higher is less certain.

    Attributes:
        name: in tables of numbers, and the key in `SCORES`.
        label: in print.
        unit: empty where it has none.
        citation: the papers, as "Author Year, section".
        formula: with p̄ the members' mean, p_m of member m, s_c the share of votes for class c.
        needs: the one thing that it is computed from; beside features it may need the last layer.
        of: computes it, [images]; from a `Prediction` if it needs probabilities, from an array
            [members, images, classes] if it needs members or logits; ``None`` if it needs features.
        fit: if it needs features: from the features of the training images of one network, and the
            labels, and the last layer if it needs the head, to a function of features; of several
            networks the mean is taken. A `FitError` says why these features do not do.
        undefined_for_one: whether it is NaN where a prediction has a single member.
        in_figures: whether figures show it.
        bin_width: of its histogram, in its unit; ``None`` if it is chosen from the values.

    Raises:
        ValueError: it needs none or several things, or has not the one function that it must have.
    """

    name: str
    label: str
    needs: frozenset[Need]
    of: Of | None = None
    fit: Fit | None = None
    unit: str = ""
    citation: str = ""
    formula: str = ""
    undefined_for_one: bool = False
    in_figures: bool = True
    bin_width: float | None = None

    def __post_init__(self) -> None:
        if len(self.needs) != 1 and self.needs not in OF_FEATURES:
            raise ValueError(
                f"the score {self.name!r} needs {sorted(self.needs)}; expected one of "
                "'probabilities', 'members', 'logits' and 'features', or 'features' with 'head'"
            )
        fitted = self.needs in OF_FEATURES
        if (self.fit is not None, self.of is not None) != (fitted, not fitted):
            expected = "`fit` and no `of`" if fitted else "`of` and no `fit`"
            raise ValueError(f"the score {self.name!r} needs {expected}")
