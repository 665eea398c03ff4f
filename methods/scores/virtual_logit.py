"""A logit of the class "none of these": the part of features that training images do not have."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from methods.scores.score import FitError, Of, Score

NONE_BESIDE = "the features have no more directions than the principal ones"


def fit_virtual_logit(
    features: Float[Tensor, "images width"],
    labels: Int64[Tensor, " images"],
    head: nn.Linear,
    *,
    principal: int | None = None,
) -> Of:
    """ViM: the virtual logit less the energy of the others (Wang et al. 2022, equations 4 to 7).

    α ‖P⊥ (f − o)‖ − log Σ_c exp z_c, any real number. o = −W⁺ b is where the logits are 0; P⊥
    projects on all but the principal directions of the training images around o; α makes the
    virtual logit on average as large as their largest logits.

    Args:
        features, labels: of the training images.
        head: the last layer, z = W f + b.
        principal: how many directions are principal; by default half of all. The authors take 1000
            of 2048 and 512 of 768, and say nothing of fewer than 512 features.

    Raises:
        FitError: the training images have nothing beside the principal directions.
        ValueError: there are none of so many principal directions, or none beside them.
    """
    width = features.shape[1]
    if principal is None and width < 2:
        raise FitError(NONE_BESIDE)
    kept = width // 2 if principal is None else principal
    if not 0 < kept < width:
        raise ValueError(f"principal is {kept}; expected 1 to {width - 1}, of {width} features")
    weight, bias = (parameter.detach().double().cpu() for parameter in (head.weight, head.bias))
    origin = -torch.linalg.pinv(weight) @ bias
    centred = features.double() - origin
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    beside = vectors[:, : width - kept]
    residuals = (centred @ beside).norm(dim=1)
    if values[beside.shape[1] - 1] <= values[-1] * len(values) * torch.finfo(values.dtype).eps:
        raise FitError(NONE_BESIDE)
    logits = features.double() @ weight.T + bias
    scale = logits.amax(dim=1).mean() / residuals.mean()

    def virtual_logit(features: Float[Tensor, "images width"]) -> Float64[Tensor, " images"]:
        doubles = features.double()
        energy = -(doubles @ weight.T + bias).logsumexp(dim=1)
        score: Tensor = scale * ((doubles - origin) @ beside).norm(dim=1) + energy
        return score

    return virtual_logit


VIM = Score(
    name="vim",
    label="Virtual logit",
    needs=frozenset({"features", "head"}),
    fit=fit_virtual_logit,
    citation="Wang et al. 2022, equations 4 to 7",
    formula="α ‖P⊥ (f − o)‖ − log Σ_c exp z_c, with features f, logits z and P⊥ beside half of "
    "their directions",
    in_figures=False,
)
