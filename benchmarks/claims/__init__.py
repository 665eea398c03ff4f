"""The article, claim by claim: each measured on its own recipe, with a verdict that is computed.

A claim computes numbers from predictions, and its verdict depends only on these numbers.
`claims.json` holds both; `claims.md` is made from it.
"""

from __future__ import annotations

from benchmarks.claims.statements import CLAIMS
from benchmarks.claims.writing import write_claims

__all__ = ["CLAIMS", "write_claims"]
