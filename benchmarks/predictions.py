"""Predictions on disk: a file a (recipe, method, size, replicate) and condition, written once."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.escaping import printable
from benchmarks.schema import members_text
from benchmarks.stored.arrays import (
    Arrays,
    DamagedArraysError,
    read_arrays,
    read_some_arrays,
    write_arrays,
)
from benchmarks.stored.precision import in_double_precision, in_single_precision
from methods import Prediction
from methods.engines.machine import machine

SCORE = "score:"
"""The prefix of the names of scores in a prediction file."""

MEMBER_VALUE = "members:"
"""The prefix of the names of metrics of the members in a prediction file."""

SOURCE = "source:"
"""The prefix of the names of hashes of what computed these values, in a prediction file."""

MACHINE = "machine"
"""The name of what a prediction was computed by, in files that say it."""

REMARK = "remark"
"""The name of a method's remark on its fit, in a prediction file that has one."""

REASON = "reason:"
"""The prefix of the names of reasons why scores have no values, in a prediction file."""

_EXACT = 0
"""How a prediction file writes ``members=None``, the exact distribution."""

THE_RUN = "run"
"""Among the sources of a prediction: a hash of the run that it was predicted in."""

_UNIT, _CONDITION = "unit", "condition"
"""The arrays of a prediction file that say what it is of."""

_OF_ALL = frozenset(("mean", "votes", "vote_share", "expected_entropy", "members", "labels"))
"""The arrays of a prediction file that most measures need."""


@dataclass(frozen=True, order=True)
class RunUnit:
    """One replicate of one method: fitted once, it then predicts under every condition.

    Attributes:
        recipe: how its networks were trained; `SELF_TRAINED` where it trains itself.
        method: the method's name.
        size: the number of members that was chosen; ``None`` where there is nothing to choose.
        replicate: which repetition, from 0.
    """

    recipe: str
    method: str
    size: int | None
    replicate: int

    @property
    def name(self) -> str:
        """For messages and file names: ``<recipe>/<method>-<size>/replicate-<r>``."""
        return f"{self.variant}/replicate-{self.replicate:02d}"

    @property
    def variant(self) -> str:
        """The name without the replicate."""
        size = "" if self.size is None else f"-{self.size}"
        return f"{self.recipe}/{self.method}{size}"


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """A run unit's prediction under a condition, with what it is measured by.

    Attributes:
        labels: ``None`` where the images belong to none of the classes.
        member_values: by its name, each image's value of a metric of the members.
        sources: of the suite's scores and of metrics of the members, by name, a hash of what
            computed them; and that of `THE_RUN`.
        reasons: by its name, why a score of the suite has no value.
        machine: what predicted it; empty where it is not known.
    """

    prediction: Prediction
    labels: Int64[Tensor, " images"] | None
    member_values: Mapping[str, Float[Tensor, " images"]] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=machine)


@dataclass(frozen=True)
class PredictionStore:
    """The prediction files of a run: ``<recipe>/<method>-<size>/replicate-<r>/<condition>.npz``.

    A file has ``mean`` [images, classes] in single precision, ``votes`` [images, classes] as whole
    numbers (or ``vote_share`` where there is no such number of votes), ``expected_entropy``
    [images], ``members`` (0: exact), where there are any ``labels`` [images], a method's own scores
    as ``score:<name>`` [images], metrics of the members as ``members:<name>`` [images], a hash of
    what computed such values as ``source:<name>``, and why a score has none as ``reason:<name>``.
    Some have a ``remark``. ``unit`` and ``condition`` say what it is of, ``machine`` what it was
    predicted by, and ``sha256`` is the checksum of all of these.

    A file that lacks one, or is none of this, is predicted again.
    """

    folder: Path

    def path(self, unit: RunUnit, condition: str) -> Path:
        """The path of the prediction file, whether it has been written or not."""
        return self.folder / unit.name / f"{condition}.npz"

    def holds(self, unit: RunUnit, condition: str) -> bool:
        """Whether the prediction file has been written."""
        return self.path(unit, condition).exists()

    def is_complete(self, unit: RunUnit, condition: str, sources: Mapping[str, int]) -> bool:
        """Whether the prediction file has been written, with the values that these compute.

        One that cannot be used is removed, so that it is predicted again, with one line.
        """
        try:
            stored = self._loaded(unit, condition)
        except DamagedArraysError as error:
            path = self.path(unit, condition)
            path.unlink()
            line = f"the prediction file {path} cannot be used ({error}): it is predicted again"
            print(printable(line), file=sys.stderr)
            return False
        return stored is not None and sources.items() <= stored.sources.items()

    def save(self, unit: RunUnit, condition: str, stored: StoredPrediction) -> None:
        """Write the prediction file.

        Raises:
            NotWrittenError: the disk is full, for example.
        """
        prediction = stored.prediction
        arrays = {
            _UNIT: np.array(unit.name),
            _CONDITION: np.array(condition),
            "mean": in_single_precision(prediction.mean.numpy()),
            **_votes(prediction),
            "expected_entropy": prediction.expected_entropy.numpy(),
            "members": np.array(prediction.members or _EXACT),
            MACHINE: np.array(stored.machine),
            **({REMARK: np.array(prediction.remark)} if prediction.remark else {}),
            **{SCORE + name: score.numpy() for name, score in prediction.scores.items()},
            **{MEMBER_VALUE + name: one.numpy() for name, one in stored.member_values.items()},
            **{SOURCE + name: np.array(source) for name, source in stored.sources.items()},
            **{REASON + name: np.array(reason) for name, reason in stored.reasons.items()},
        }
        if stored.labels is not None:
            arrays["labels"] = stored.labels.numpy()
        write_arrays(arrays, self.path(unit, condition), sealed=True)

    def load_if_there(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        """Read the prediction file, if it has been written.

        Raises:
            UserError: the file is damaged, or of something else.
        """
        with _told_of(self.path(unit, condition)):
            return self._loaded(unit, condition)

    def load_part_if_there(
        self, unit: RunUnit, condition: str, scores: Collection[str]
    ) -> StoredPrediction | None:
        """Read a prediction file that was loaded whole before: of the scores only these.

        Many are read again and again, for one measure after the other. So nothing is verified, and
        neither sources nor reasons are read.

        Raises:
            UserError: the file cannot be read.
        """
        path = self.path(unit, condition)
        if not path.exists():
            return None
        of_scores = {SCORE + name for name in scores}
        with _told_of(path):
            arrays = read_some_arrays(
                path,
                lambda name: name in of_scores or name in _OF_ALL or name.startswith(MEMBER_VALUE),
            )
        return _stored(arrays)

    def load(self, unit: RunUnit, condition: str) -> StoredPrediction:
        """Read the prediction file.

        Raises:
            UserError: there is none, or it is damaged, or of something else.
        """
        stored = self.load_if_there(unit, condition)
        if stored is None:
            raise UserError(
                f"there is no prediction file {self.path(unit, condition)}; run without --only"
            )
        return stored

    def _loaded(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        if not self.holds(unit, condition):
            return None
        arrays = read_arrays(self.path(unit, condition), sealed=True)
        _require_identity(arrays, unit, condition)
        return _stored(arrays)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedArraysError as error:
        raise UserError(
            f"the prediction file {path} cannot be used ({error}); run without --only to "
            "predict it again"
        ) from error


def members_of(unit: RunUnit, stored: StoredPrediction | None) -> str:
    """The number of members as records write it; the chosen size where there is no prediction."""
    if stored is None:
        return "" if unit.size is None else str(unit.size)
    return members_text(stored.prediction.members)


def _require_identity(arrays: Arrays, unit: RunUnit, condition: str) -> None:
    found = f"{arrays.get(_UNIT)}/{arrays.get(_CONDITION)}"
    if found != (expected := f"{unit.name}/{condition}"):
        raise DamagedArraysError(f"it holds {found}, not {expected}")


def _stored(arrays: Arrays) -> StoredPrediction:
    def under(prefix: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(prefix): values
            for name, values in arrays.items()
            if name.startswith(prefix)
        }

    def named(prefix: str) -> dict[str, Tensor]:
        return {name: torch.from_numpy(values) for name, values in under(prefix).items()}

    members = int(arrays["members"]) or None
    share = arrays["votes"] / members if members and "votes" in arrays else arrays["vote_share"]
    return StoredPrediction(
        Prediction(
            mean=torch.from_numpy(in_double_precision(arrays["mean"])),
            vote_share=torch.from_numpy(share),
            expected_entropy=torch.from_numpy(arrays["expected_entropy"]),
            members=members,
            scores=named(SCORE),
            remark=str(arrays.get(REMARK, "")),
        ),
        torch.from_numpy(arrays["labels"]) if "labels" in arrays else None,
        named(MEMBER_VALUE),
        {name: int(source) for name, source in under(SOURCE).items()},
        {name: str(reason) for name, reason in under(REASON).items()},
        str(arrays.get(MACHINE, "")),
    )


def _votes(prediction: Prediction) -> dict[str, np.ndarray]:
    """The votes as whole numbers, where the shares are exactly those of such numbers."""
    share, members = prediction.vote_share.numpy(), prediction.members
    votes = np.rint(share * (members or 0))
    if not members or not np.array_equal(votes / members, share):
        return {"vote_share": share}
    return {"votes": votes.astype(np.min_scalar_type(members))}
