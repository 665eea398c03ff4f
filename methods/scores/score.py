"""The noun: a number per image by which images are ranked as uncertain.

Most are computed from a prediction; others are fitted to the features of a method's networks, also
those that a user brings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.shapes import Features, Images, Labels, Logits

ScoreNeed = Literal["probabilities", "members", "logits", "features", "head"]

FEATURE_NEEDS: tuple[frozenset[ScoreNeed], ...] = (
    frozenset({"features"}),
    frozenset({"features", "head"}),
)
"""Needs of the scores that are fitted on training images."""

ScoreFunction = Callable[[Any], Float[Tensor, " images"]]

FitFunction = Callable[..., ScoreFunction]
"""Fit to features [images, width], labels [images], and the last layer where it is needed."""


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
        function: computes it, [images]; from a `Prediction` if it needs probabilities, from an
            array [members, images, classes] if it needs members or logits; ``None`` if features.
        fit: if it needs features: from the features of the training images of one network, and the
            labels, and the last layer if it needs the head, to a function of features; of several
            networks the mean is taken. A `FitError` says why these features do not do.
        undefined_for_one: whether it is NaN where a prediction has a single member.
        in_figures: whether figures show it.

    Raises:
        ValueError: it needs none or several things, or has not the one function that it must have.
    """

    name: str
    label: str
    needs: frozenset[ScoreNeed]
    function: ScoreFunction | None = None
    fit: FitFunction | None = None
    unit: str = ""
    citation: str = ""
    formula: str = ""
    undefined_for_one: bool = False
    in_figures: bool = True

    def __post_init__(self) -> None:
        if len(self.needs) != 1 and self.needs not in FEATURE_NEEDS:
            raise ValueError(
                f"the score {self.name!r} needs {sorted(self.needs)}; expected one of "
                "'probabilities', 'members', 'logits' and 'features', or 'features' with 'head'"
            )
        fitted = self.needs in FEATURE_NEEDS
        if (self.fit is not None, self.function is not None) != (fitted, not fitted):
            expected = "`fit` and no `function`" if fitted else "`function` and no `fit`"
            raise ValueError(f"the score {self.name!r} needs {expected}")


CHECKED = 100
"""Images whose logits must be those of the last layer."""

NOT_LAST = "the network does not end in the linear layer of its features"


def fit_to_networks(score: Score, method: Any, images: Images, labels: Labels) -> ScoreFunction:
    """A score of a method, as a function of images: the mean over its networks.

    Args:
        score: one that needs features.
        method: fitted; its networks give features, as those of `Softmax.from_network(…)`.
        images, labels: those that its networks were trained on.

    Raises:
        FitError: the score cannot be fitted to the features of one of the networks.
    """
    logits, each = method.outputs(images)  # first: it may find the last layers
    if "head" in score.needs:
        for features, own, network in zip(each, logits, method.fitted, strict=True):
            layer = network.head
            if isinstance(layer, nn.Linear) and not is_last(layer, features, own):
                raise FitError(NOT_LAST)
    fits = [
        fit_to_network(score, features, labels, network)
        for features, network in zip(each, method.fitted, strict=True)
    ]

    def mean(images: Images) -> Float[Tensor, " images"]:
        features = method.features(images)
        values = [fit(rows) for fit, rows in zip(fits, features, strict=True)]
        return torch.stack(values).mean(dim=0)

    return mean


def fit_to_network(score: Score, features: Features, labels: Labels, network: Any) -> ScoreFunction:
    """A score of one network, as a function of features.

    Raises:
        FitError: the score cannot be fitted to these.
        ValueError: it is not fitted to features at all.
    """
    if score.fit is None:
        raise ValueError(f"the score {score.name!r} needs no features; call its `function`")
    if not features.isfinite().all():
        raise FitError("features of the training images are not finite")
    layer: tuple[nn.Linear, ...] = ()
    if "head" in score.needs:
        if not isinstance(head := network.head, nn.Linear) or head.bias is None:
            raise FitError("the last layer is no nn.Linear with a bias")
        layer = (head,)
    try:
        return score.fit(features, labels, *layer)
    except RuntimeError as error:  # of torch.linalg
        raise FitError(f"the features have no such decomposition: {error}") from error


def is_last(layer: nn.Linear, features: Features, logits: Logits) -> bool:
    """Whether the logits are the layer's of these features, but for rounding; the first tell.

    Those of any network of the pool are; one given by its user may end in another layer.
    """
    if layer.in_features != features.shape[1]:
        return False
    bias = 0.0 if layer.bias is None else layer.bias.detach().cpu().double()
    features, logits = features[:CHECKED], logits[:CHECKED]
    own = features.double() @ layer.weight.detach().cpu().double().T + bias
    return own.shape == logits.shape and torch.allclose(own, logits.double(), atol=1e-3, rtol=1e-3)
