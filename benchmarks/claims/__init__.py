"""The article, claim by claim: each measured on its own recipe, with a verdict that is computed.

A claim measures rows of numbers (`claims.csv`); its verdict (`claims.json`) depends only on these.
"""

from __future__ import annotations

from benchmarks.claims import (
    accuracy,
    cost,
    edge_cases,
    imitation,
    missing_data,
    out_of_distribution,
    votes,
)

CLAIMS = {
    claim.id: claim
    for claim in (
        imitation.RANK_AGREEMENT,
        votes.TYPICAL_IMAGE,
        votes.MANY_FOR_3,
        votes.CERTAINTY,
        edge_cases.EDGE_CASES,
        out_of_distribution.STILL_CLASSIFIED,
        out_of_distribution.ALEATORIC,
        missing_data.MISSING_DATA,
        out_of_distribution.SIMILARITY,
        edge_cases.ARCHITECTURES,
        votes.FEW_FOR_7_OR_9,
        accuracy.RISE,
        accuracy.FINAL_DROPOUT_ON,
        accuracy.FINAL_DROPOUT_OFF,
        accuracy.FINAL_VALIDATION_ACCURACY,
        cost.COST,
        votes.DROPOUT_SWITCH,
    )
}
"""Every claim by its id, in the order in which they are shown: by weight."""
