"""Whether a run mixes machines, whose numbers may differ in their last digits."""

from __future__ import annotations

from typing import Any


def mixture(record: dict[str, Any]) -> str:
    """What computed the networks and the predictions of a run, where these are several machines.

    Args:
        record: the run's, with ``machines``.

    >>> mixture({"machines": {"networks": ["A, torch 2"], "predictions": ["A, torch 2"]}})
    ''
    >>> mixture({"machines": {"networks": ["A", "B"], "predictions": ["B"]}})
    'networks by A / B; predictions by B. Numbers may differ in their last digits from those of \
one machine'
    """
    machines = {what: some for what, some in record.get("machines", {}).items() if some}
    if len({one for some in machines.values() for one in some}) < 2:
        return ""
    by = "; ".join(f"{what} by {' / '.join(some)}" for what, some in machines.items())
    return f"{by}. Numbers may differ in their last digits from those of one machine"
