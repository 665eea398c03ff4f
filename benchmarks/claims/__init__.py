"""The article, claim by claim: each measured on its own recipe, with a verdict that is computed.

A claim measures rows of numbers (`claims.csv`); its verdict (`claims.json`) depends only on these.
"""

from __future__ import annotations

from benchmarks.claims.statements import CLAIMS
from benchmarks.claims.writing import write_claims

__all__ = ["CLAIMS", "write_claims"]
