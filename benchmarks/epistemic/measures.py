"""The measures of total, aleatoric and epistemic uncertainty that follow from members.

A measure is a number an image. It is of a part of the uncertainty, by a loss: with the members'
probabilities p_m and their mean p̄, total = aleatoric + epistemic for each loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

UncertaintyPart = Literal["total", "aleatoric", "epistemic"]

Values = Float64[Tensor, " images"]

LEAST = 1e-10
"""What a logarithm is of, at least; the code of Schweighofer et al. 2025 adds it."""


class Measure(NamedTuple):
    """A measure of uncertainty.

    Attributes:
        label: in print.
        part: of which uncertainty it is.
        formula, source: its definition. H is the entropy in nats, D the divergence of Kullback and
            Leibler.
    """

    label: str
    part: UncertaintyPart
    formula: str
    source: str


SCHWEIGHOFER = "Schweighofer et al. 2025"
HOFMAN = "Hofman, Sale & Hüllermeier 2024"

MEASURES: Mapping[str, Measure] = {
    "log-total": Measure("Log loss, total", "total", "H(p̄)", "Shannon 1948"),
    "log-aleatoric": Measure(
        "Log loss, aleatoric", "aleatoric", "mean_m H(p_m)", "Depeweg et al. 2018"
    ),
    "log-epistemic": Measure(
        "Mutual information (C2)", "epistemic", "mean_m D(p_m ‖ p̄)", "Depeweg et al. 2018"
    ),
    "brier-total": Measure("Brier, total", "total", "1 − Σ_c p̄_c²", HOFMAN),
    "brier-aleatoric": Measure("Brier, aleatoric", "aleatoric", "mean_m (1 − Σ_c p_mc²)", HOFMAN),
    "brier-epistemic": Measure("Brier, epistemic", "epistemic", "mean_m Σ_c (p_mc − p̄_c)²", HOFMAN),
    "zero-one-total": Measure("Zero-one, total", "total", "1 − max_c p̄_c", HOFMAN),
    "zero-one-aleatoric": Measure(
        "Zero-one, aleatoric", "aleatoric", "mean_m (1 − max_c p_mc)", HOFMAN
    ),
    "zero-one-epistemic": Measure(
        "Zero-one, epistemic", "epistemic", "mean_m max_c p_mc − max_c p̄_c", HOFMAN
    ),
    "a1": Measure("One model, another one (A1)", "epistemic", "D(p_1 ‖ p_M)", SCHWEIGHOFER),
    "a2": Measure("One model, the mean (A2)", "epistemic", "D(p_1 ‖ p̄)", SCHWEIGHOFER),
    "a3": Measure("One model, each one (A3)", "epistemic", "mean_m D(p_1 ‖ p_m)", SCHWEIGHOFER),
    "b1": Measure("Mean, one model (B1)", "epistemic", "D(p̄ ‖ p_M)", SCHWEIGHOFER),
    "b3": Measure("Mean, each model (B3)", "epistemic", "mean_m D(p̄ ‖ p_m)", SCHWEIGHOFER),
    "c1": Measure("Each model, one (C1)", "epistemic", "mean_m D(p_m ‖ p_M)", SCHWEIGHOFER),
    "c3": Measure("Pairwise (C3)", "epistemic", "mean_m mean_k D(p_m ‖ p_k)", SCHWEIGHOFER),
    "disagreement": Measure(
        "Disagreement of votes",
        "epistemic",
        "1 − Σ_c v_c (v_c − 1) / (M (M − 1)), with v_c votes for class c",
        "Skalak 1996",
    ),
}
"""By name. B2, the divergence of the mean from itself, is 0."""

LOSSES = ("log", "brier", "zero-one")
"""The losses by which each part has a measure, ``log-total`` and so on."""


def measures_of(members: Float64[Tensor, "members images classes"]) -> dict[str, Values]:
    """The values of all `MEASURES`; of one member those of the epistemic part are NaN.

    A difference that rounding makes negative is 0. The total is the same whatever the members, if
    their mean is.

    >>> two = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=torch.float64)
    >>> values = measures_of(two)
    >>> [round(values[f"{loss}-epistemic"].item(), 3) for loss in LOSSES]
    [0.693, 0.5, 0.5]
    """
    count = len(members)
    mean, logs = members.mean(dim=0), members.clamp(min=LEAST).log()
    log_mean, mean_log = mean.clamp(min=LEAST).log(), logs.mean(dim=0)
    entropies = -(members * logs).sum(dim=-1)
    first, last = members[0], logs[-1]
    totals = {
        "log": -(mean * log_mean).sum(dim=-1),
        "brier": 1 - mean.square().sum(dim=-1),
        "zero-one": 1 - mean.amax(dim=-1),
    }
    aleatoric = {
        "log": entropies.mean(dim=0),
        "brier": 1 - members.square().sum(dim=-1).mean(dim=0),
        "zero-one": 1 - members.amax(dim=-1).mean(dim=0),
    }
    epistemic = {f"{loss}-epistemic": totals[loss] - aleatoric[loss] for loss in LOSSES}
    reverse = totals["log"].neg() - (mean * mean_log).sum(dim=-1)
    votes = torch.zeros_like(mean)
    chosen = members.argmax(dim=-1)
    votes.scatter_add_(1, chosen.T, torch.ones_like(chosen.T, dtype=votes.dtype))
    epistemic |= {
        "a1": -(first * last).sum(dim=-1) - entropies[0],
        "a2": -(first * log_mean).sum(dim=-1) - entropies[0],
        "a3": -(first * mean_log).sum(dim=-1) - entropies[0],
        "b1": -(mean * last).sum(dim=-1) - totals["log"],
        "b3": reverse,
        "c1": -(mean * last).sum(dim=-1) - aleatoric["log"],
        "c3": epistemic["log-epistemic"].clamp(min=0) + reverse.clamp(min=0),
        "disagreement": 1 - (votes * (votes - 1)).sum(dim=-1) / max(count * (count - 1), 1),
    }
    if count == 1:
        epistemic = {name: torch.full_like(totals["log"], torch.nan) for name in epistemic}
    values = {f"{loss}-total": totals[loss] for loss in LOSSES}
    values |= {f"{loss}-aleatoric": aleatoric[loss] for loss in LOSSES}
    values |= {name: values_of.clamp(min=0) for name, values_of in epistemic.items()}
    return {name: values[name] for name in MEASURES}
