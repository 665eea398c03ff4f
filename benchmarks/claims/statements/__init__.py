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

CLAIMS = {
    claim.id: claim
    for claim in (
        accuracy.RISE,
        accuracy.FINAL_ACCURACY,
        count_plots.TYPICAL_IMAGE,
        count_plots.PECULIAR_IMAGE,
        agreement.CERTAINTY,
        agreement.EDGE_CASES,
        agreement.RANK_AGREEMENT,
        cost.COST,
        out_of_distribution.STILL_CLASSIFIED,
        out_of_distribution.ALEATORIC,
        missing_data.MISSING_DATA,
        out_of_distribution.SIMILARITY,
        count_plots.DROPOUT_SWITCH,
    )
}
"""Every claim by its id, in the order in which they are shown."""
