"""The result of a probe, and the error where it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class IntegrityError(Exception):
    """A probe failed: the suite, not its user, is wrong, and no number of the run may be used."""


@dataclass(frozen=True)
class Check:
    """The result of a probe.

    Attributes:
        probe: its name.
        claim: what must hold.
        subject: for what, for example a recipe.
        found: the numbers that show it, by what each of them counts or measures.
        passed: whether it holds.
    """

    probe: str
    claim: str
    subject: str
    found: Mapping[str, int | float]
    passed: bool


def require_passed(checks: Iterable[Check]) -> None:
    """Stop at the first probe that failed.

    Raises:
        IntegrityError: one did; the message has its name and numbers.

    >>> require_passed([Check("sums", "rows sum to 1", "standard", {"off": 0.5}, passed=False)])
    Traceback (most recent call last):
        ...
    benchmarks.run.integrity.check.IntegrityError: the integrity probe 'sums' failed: it must hold \
of standard that rows sum to 1 (off: 0.5); nothing is scored
    """
    for check in checks:
        if not check.passed:
            found = "; ".join(f"{what}: {number:.6g}" for what, number in check.found.items())
            raise IntegrityError(
                f"the integrity probe {check.probe!r} failed: it must hold of {check.subject} that "
                f"{check.claim} ({found}); nothing is scored"
            )
