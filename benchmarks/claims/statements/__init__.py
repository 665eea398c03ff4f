"""The article's statements, one file for each group of claims."""

from __future__ import annotations

from benchmarks.claims.statements import (
    accuracy,
    agreement,
    cost,
    count_plots,
    missing_data,
    out_of_distribution,
)

_ALL = (
    *accuracy.CLAIMS,
    *count_plots.CLAIMS,
    *agreement.CLAIMS,
    *cost.CLAIMS,
    *out_of_distribution.CLAIMS,
    *missing_data.CLAIMS,
)

ORDER = (
    *("accuracy-rises", "final-accuracy", "image-61", "image-591", "certain-when-agreeing"),
    *("disagree-on-edge-cases", "dropout-mimics-ensemble", "fifty-is-expensive"),
    *("ood-still-classified", "ood-is-aleatoric", "epistemic-is-missing-data"),
    *("softmax-is-not-certainty", "eval-switch"),
)

CLAIMS = {id: claim for id in ORDER for claim in _ALL if claim.id == id}
"""Every claim by its id."""
