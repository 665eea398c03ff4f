"""Predictions on disk: a file a (recipe, method, size, replicate) and condition, written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.files import written_whole
from benchmarks.records import members_text
from methods import Prediction

_EXACT = 0
"""How a prediction file writes ``members=None``, the exact distribution."""

_ROUNDING = 1e-6
"""How far a row of probabilities may be from a sum of 1."""

_SCORE = "score:"
"""The prefix of the names of a method's own scores in a prediction file."""

_MEMBER_VALUE = "members:"
"""The prefix of the names of metrics of the members in a prediction file."""


_SOURCE = "source:"
"""The prefix of the names of hashes of what computed these values, in a prediction file."""


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
            computed them.
    """

    prediction: Prediction
    labels: Int64[Tensor, " images"] | None
    member_values: Mapping[str, Float[Tensor, " images"]] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PredictionStore:
    """The prediction files of a run: ``<recipe>/<method>-<size>/replicate-<r>/<condition>.npz``.

    A file has ``mean`` [images, classes] in single precision, ``votes`` [images, classes] as whole
    numbers (or ``vote_share`` where there is no such number of votes), ``expected_entropy``
    [images], ``members`` (0: exact), where there are any ``labels`` [images], a method's own scores
    as ``score:<name>`` [images], metrics of the members as ``members:<name>`` [images], and a hash
    of what computed such values as ``source:<name>``.
    """

    folder: Path

    def path(self, unit: RunUnit, condition: str) -> Path:
        """The path of the prediction file, whether it has been written or not."""
        return self.folder / unit.name / f"{condition}.npz"

    def holds(self, unit: RunUnit, condition: str) -> bool:
        """Whether the prediction file has been written."""
        return self.path(unit, condition).exists()

    def is_complete(self, unit: RunUnit, condition: str, sources: Mapping[str, int]) -> bool:
        """Whether the prediction file has been written, with the values that these compute."""
        if not sources or not self.holds(unit, condition):
            return self.holds(unit, condition)
        return sources.items() <= self.load(unit, condition).sources.items()

    def save(self, unit: RunUnit, condition: str, stored: StoredPrediction) -> None:
        """Write the prediction file."""
        prediction = stored.prediction
        arrays = {
            "mean": _in_single_precision(prediction.mean.numpy()),
            **_votes(prediction),
            "expected_entropy": prediction.expected_entropy.numpy(),
            "members": np.array(prediction.members or _EXACT),
            **{_SCORE + name: score.numpy() for name, score in prediction.scores.items()},
            **{_MEMBER_VALUE + name: one.numpy() for name, one in stored.member_values.items()},
            **{_SOURCE + name: np.array(source) for name, source in stored.sources.items()},
        }
        if stored.labels is not None:
            arrays["labels"] = stored.labels.numpy()
        with (
            written_whole(self.path(unit, condition)) as temporary,
            temporary.open("wb") as file,
        ):
            # Through a file object: given a name, NumPy would append its own suffix.
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    def load_if_there(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        """Read the prediction file, if it has been written."""
        return self.load(unit, condition) if self.holds(unit, condition) else None

    def load(self, unit: RunUnit, condition: str) -> StoredPrediction:
        """Read the prediction file.

        Raises:
            UserError: the file is damaged.
        """
        path = self.path(unit, condition)
        try:
            return _read(path)
        # What damaged bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(
                f"the prediction file {path} cannot be read ({why}); delete it and run again: "
                "only this file is then predicted again"
            ) from error


def members_of(unit: RunUnit, stored: StoredPrediction | None) -> str:
    """The number of members as records write it; the chosen size where there is no prediction."""
    if stored is None:
        return "" if unit.size is None else str(unit.size)
    return members_text(stored.prediction.members)


def _read(path: Path) -> StoredPrediction:
    # Through a file object: NumPy leaves its own open where the archive is damaged.
    with path.open("rb") as file, np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}

    def named(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): torch.from_numpy(values)
            for name, values in arrays.items()
            if name.startswith(prefix)
        }

    members = int(arrays["members"]) or None
    share = arrays["votes"] / members if members and "votes" in arrays else arrays["vote_share"]
    return StoredPrediction(
        Prediction(
            mean=torch.from_numpy(_in_double_precision(arrays["mean"])),
            vote_share=torch.from_numpy(share),
            expected_entropy=torch.from_numpy(arrays["expected_entropy"]),
            members=members,
            scores=named(_SCORE),
        ),
        torch.from_numpy(arrays["labels"]) if "labels" in arrays else None,
        named(_MEMBER_VALUE),
        {name: int(source) for name, source in named(_SOURCE).items()},
    )


def _votes(prediction: Prediction) -> dict[str, np.ndarray]:
    """The votes as whole numbers, where the shares are exactly those of such numbers."""
    share, members = prediction.vote_share.numpy(), prediction.members
    votes = np.rint(share * (members or 0))
    if not members or not np.array_equal(votes / members, share):
        return {"vote_share": share}
    return {"votes": votes.astype(np.min_scalar_type(members))}


def _in_single_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities, rounded unless one would lose its digits, or a class its first place."""
    tiny = (mean > 0) & (mean < np.finfo(np.float32).tiny)
    rounded = mean.astype(np.float32)
    other = _in_double_precision(rounded).argmax(axis=1) != mean.argmax(axis=1)
    return mean if tiny.any() or other.any() else rounded


def _in_double_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities as before they were rounded, to a relative error of 1.2e-7; rows sum to 1.

    In single precision all above 1 − 3e-8 are 1. But the others of such a row are known as well as
    ever, so a probability above one half is what these leave of 1; else images of which a network
    is very certain would be equally uncertain. Rows that did not sum to 1 stay as they are.
    """
    rounded = mean.astype(np.float64)
    if mean.dtype == np.float64:
        return rounded
    total = rounded.sum(axis=1, keepdims=True)
    sound = np.abs(total - 1) < _ROUNDING
    largest = rounded.argmax(axis=1, keepdims=True)
    values = np.take_along_axis(rounded, largest, axis=1)
    above_half = values > 0.5
    left = np.where(sound & above_half, 1 - (total - values), values)
    np.put_along_axis(rounded, largest, left, axis=1)
    return rounded / np.where(sound & ~above_half, total, 1.0)
