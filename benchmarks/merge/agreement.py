"""Whether parts belong together: one version, configuration, environment and data, none missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.errors import UserError
from benchmarks.merge.part_folder import PartFolder
from benchmarks.run.folder.recorded import require_of_today, require_this_version

DECIDE_BITS = ("numba", "numpy", "torch")
"""The libraries whose versions decide the bits of networks and predictions."""


def require_together(parts: Sequence[PartFolder]) -> None:
    """Stop where the parts are not those of one run.

    Versions must be equal, since others may give other bits: the merged run would be none that
    can be computed anywhere, and its methods would differ by more than by themselves.

    Args:
        parts: in the order of their numbers.

    Raises:
        UserError: they differ in what a run must have in common, or one is missing or there twice.
    """
    first, remedy = parts[0], "merge with the {} that computed the parts"
    for one in parts:
        require_this_version(one.record, str(one), remedy)
        require_of_today(one.record, str(one), remedy)
    for one in parts[1:]:
        _require_equal("configuration", first, one, *map(_configuration, (first, one)))
        if one.part.of != first.part.of:
            raise UserError(
                f"{one} and {first} are parts of differently divided runs; name all parts of one"
            )
        _require_equal("environment", first, one, *map(_environment, (first, one)))
        _require_same_images(first, one)
    _require_all(parts)


def remarks(parts: Sequence[PartFolder]) -> Iterator[str]:
    """What may make numbers differ in their last digits from those of one run."""
    for what in ("processor", "device"):
        found = sorted({str(one.record["environment"].get(what)) for one in parts})
        if len(found) > 1:
            yield (
                f"the parts were computed by different {what}s ({', '.join(found)}), so numbers "
                "may differ from those of one machine in their last digits"
            )
    commits = {one.record.get("commit") for one in parts}
    if len(commits) > 1:
        yield "the parts were computed by different commits of the code; run.json names them"
    elif any("modified" in str(commit) for commit in commits):
        yield "the parts were computed by modified code, which may differ from part to part"


def _configuration(one: PartFolder) -> dict[str, Any]:
    return dict(one.record["configuration"])


def _environment(one: PartFolder) -> dict[str, Any]:
    """What decides the bits, but for the processor."""
    environment = one.record["environment"]
    libraries = {name: environment.get("libraries", {}).get(name) for name in DECIDE_BITS}
    return {"engine": environment.get("engine"), **libraries}


def _require_equal(
    what: str, first: PartFolder, one: PartFolder, expected: dict[str, Any], found: dict[str, Any]
) -> None:
    differing = [
        f"{name} {found.get(name)!r}, not {expected[name]!r}"
        for name in expected
        if found.get(name) != expected[name]
    ]
    if differing:
        raise UserError(
            f"{one} has another {what} than {first} ({'; '.join(differing)}); compute them alike"
        )


def _require_same_images(first: PartFolder, one: PartFolder) -> None:
    """Splits may be of one part only; a condition's images are known to both, or to neither."""
    expected, found = first.fingerprints(), one.fingerprints()
    for name in expected.keys() & found.keys():
        if expected[name] == found[name]:
            continue
        if expected[name] and found[name]:
            raise UserError(f"{one} has other images of {name!r} than {first}; use the same data")
        without = one if found[name] is None else first
        raise UserError(
            f"{without} was computed without the images of {name!r}, which another part had; "
            f"where they can be had, {without.remedy}"
        )


def _require_all(parts: Sequence[PartFolder]) -> None:
    for one, other in pairwise(parts):  # in the order of their numbers
        if one.part == other.part:
            raise UserError(
                f"{one.folder} and {other.folder} both hold part {one.part}; name one of them"
            )
    of = parts[0].part.of
    missing = sorted(set(range(1, of + 1)) - {one.part.number for one in parts})
    if missing:
        names = ", ".join(f"{number}/{of}" for number in missing)
        raise UserError(f"parts are missing: {names}; name the folders of all {of} parts")
