"""External predictions in files: one of each method, and those beside it with the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from benchmarks.errors import UserError
from benchmarks.escaping import objection_to, printable
from benchmarks.score.arrays import HELD_OUT, LABELS, OOD, PROBABILITIES, Source
from benchmarks.score.external_predictions import ExternalPredictions, given_predictions
from benchmarks.score.formats import arrays_in


@dataclass(frozen=True)
class FilesBeside:
    """Files with what is not in a method's own file.

    Attributes:
        labels, calibration_labels: of the labels.
        ood: by the names of the sets of images, of predictions.
        calibration: of predictions, with labels or without.
    """

    labels: Path | None = None
    ood: Mapping[str, Path] = field(default_factory=dict)
    calibration: Path | None = None
    calibration_labels: Path | None = None

    @property
    def arrays(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Each file, and by the names of the arrays in it what these are."""
        if self.labels is not None:
            yield self.labels, {PROBABILITIES: LABELS, LABELS: LABELS}
        for name, path in self.ood.items():
            yield path, {PROBABILITIES: f"{OOD}{name}"}
        if self.calibration is not None:
            yield self.calibration, dict(zip((PROBABILITIES, LABELS), HELD_OUT, strict=True))
        if self.calibration_labels is not None:
            yield self.calibration_labels, {PROBABILITIES: HELD_OUT[1], LABELS: HELD_OUT[1]}


def read_predictions(
    path: Path, beside: FilesBeside | None = None, *, from_logits: bool = False
) -> ExternalPredictions:
    """Read and check a file; one of a single array may be larger than the memory.

    Args:
        path: in one of the formats of `benchmarks.score.formats`; its name names the method.
        beside: the files of what it does not hold.
        from_logits: whether these are logits.

    Raises:
        UserError: a file cannot be read, or an array in it is missing, unknown or malformed; names
            the array, what is wrong with it and what to do.
    """
    others = list((beside or FilesBeside()).arrays)
    try:
        arrays = arrays_in(path)
        if objection := objection_to(path.stem):
            raise UserError(f"the file's name, which names the method, {objection}")
    except UserError as error:
        raise _of_file(path, error) from error
    for other, names in others:
        try:
            _add(arrays, arrays_in(other), names)
        except UserError as error:
            raise _of_file(other, error) from error
    try:
        given = given_predictions(path.stem, arrays, from_logits=from_logits)
        digest = _digest([path, *(other for other, _ in others)])
    except UserError as error:
        raise _of_file(path, error) from error
    return replace(given, sha256=digest)


def _of_file(path: Path, error: UserError) -> UserError:
    return UserError(f"{printable(str(path))}: {error}")


def _add(arrays: dict[str, Source], further: dict[str, Source], names: Mapping[str, str]) -> None:
    """Add the arrays of a further file, under the names that they have among all.

    Where two of its arrays would have one name, as in a file of predictions that names its labels,
    it is the later one of ``names``.
    """
    found = {names[name]: further[name] for name in names if name in further}
    if not found:
        raise UserError(f"the file holds {', '.join(map(repr, further))}; expected one array")
    for name, array in found.items():
        if name in arrays:
            raise UserError(f"{name!r} is given twice; leave out one of the files")
        arrays[name] = replace(array, name=name)


def _digest(paths: list[Path]) -> str:
    """Of the contents of these files, one after the other."""
    digest = sha256()
    for path in paths:
        with path.open("rb") as file:
            while content := file.read(2**20):
                digest.update(content)
    return digest.hexdigest()
