"""Which run a folder holds: others are neither resumed nor merged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.environment import suite_version
from benchmarks.errors import UserError
from benchmarks.run.plan import Plan

PREDICTIONS = 1
"""What predictions mean: raise it when masks, seeds, splits, rounding or a method change.

A folder of other predictions is then neither resumed nor merged, although no name has changed.
"""

UNSAID = 1
"""What predictions mean whose record does not say so."""


def identity_of(plan: Plan) -> dict[str, Any]:
    """The version of the suite, what its predictions mean, the configuration, and any part."""
    return {
        "version": suite_version(),
        "predictions": PREDICTIONS,
        "configuration": plan.configuration.identity,
        **({} if plan.part is None else {"part": str(plan.part)}),
    }


def meaning_of(record: Mapping[str, Any]) -> int:
    """What the predictions of a record mean; see `PREDICTIONS`."""
    return int(record.get("predictions", UNSAID))


def require_same(earlier: Mapping[str, Any], identity: Mapping[str, Any], out: Path) -> None:
    """Stop where the folder holds another run.

    Raises:
        UserError: it does; a configuration that lacks a part is one of an earlier version.
    """
    if not earlier:
        return
    before, now = earlier["configuration"], identity["configuration"]
    differing = ["version"] if earlier.get("version") != identity["version"] else []
    if meaning_of(earlier) != meaning_of(identity):
        differing.append("meaning of predictions")
    differing += [part for part in now if before.get(part) != now[part]]
    if before.keys() != now.keys():
        held = "a run of an earlier version of the suite"
    elif differing:
        held = f"a run of another configuration (other {', '.join(differing)})"
    elif earlier.get("part") != identity.get("part"):
        held = f"part {earlier['part']} of this run" if "part" in earlier else "the whole run"
    else:
        return
    raise UserError(
        f"{out} holds {held}; choose another folder with --out, or remove that run with --overwrite"
    )
