"""The article's statements, one file for each group of claims."""

from __future__ import annotations

from benchmarks.claims.statements import (
    accuracy,
    architectures,
    certainty,
    cost,
    count_plots,
    edge_cases,
    imitation,
    missing_data,
    out_of_distribution,
    similarity,
)

CLAIMS = {
    claim.id: claim
    for claim in (
        imitation.RANK_AGREEMENT,
        count_plots.TYPICAL_IMAGE,
        count_plots.MANY_FOR_3,
        count_plots.FEW_FOR_7_OR_9,
        certainty.CERTAINTY,
        edge_cases.EDGE_CASES,
        out_of_distribution.STILL_CLASSIFIED,
        out_of_distribution.ALEATORIC,
        missing_data.MISSING_DATA,
        similarity.SIMILARITY,
        architectures.ARCHITECTURES,
        accuracy.RISE,
        accuracy.FINAL_DROPOUT_ON,
        accuracy.FINAL_DROPOUT_OFF,
        accuracy.FINAL_VALIDATION_ACCURACY,
        cost.COST,
        count_plots.DROPOUT_SWITCH,
    )
}
"""Every claim by its id, in the order in which they are shown: by weight."""
