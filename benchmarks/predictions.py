"""Predictions on disk: a shard a (recipe, method, size, replicate) and condition, written once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.files import written_whole
from benchmarks.records import members_text
from methods import Prediction

_EXACT = 0
"""How a shard spells ``members=None``, the exact distribution."""

_SCORE = "score:"
"""What the names of a method's own scores begin with in a shard."""


@dataclass(frozen=True, order=True)
class RunUnit:
    """One replicate of one method: what is fitted once and then judges every condition.

    Attributes:
        recipe: how its networks were trained; ``own`` where it trains itself.
        method: the method's name.
        size: how many members it is asked to have; ``None`` where that is not to be chosen.
        replicate: which repetition.
    """

    recipe: str
    method: str
    size: int | None
    replicate: int

    @property
    def name(self) -> str:
        """For progress lines and file names."""
        size = "" if self.size is None else f"-{self.size}"
        return f"{self.recipe}/{self.method}{size}/replicate-{self.replicate:02d}"


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """What one cell thinks of one condition, with the labels it will be measured against."""

    prediction: Prediction
    labels: Int64[Tensor, " images"] | None


@dataclass(frozen=True)
class PredictionStore:
    """The shards of a run: ``<recipe>/<method>-<size>/replicate-<r>/<condition>.npz``.

    A shard holds ``mean`` and ``vote_share`` [images, classes], ``expected_entropy`` [images],
    ``members`` (0: exact), where there are any ``labels`` [images], and a method's own scores as
    ``score:<name>`` [images].
    """

    folder: Path

    def path(self, unit: RunUnit, condition: str) -> Path:
        """Where the shard lies, or will lie."""
        return self.folder / unit.name / f"{condition}.npz"

    def holds(self, unit: RunUnit, condition: str) -> bool:
        """Whether the shard has been written."""
        return self.path(unit, condition).exists()

    def save(self, unit: RunUnit, condition: str, stored: StoredPrediction) -> None:
        """Write the shard."""
        prediction = stored.prediction
        arrays = {
            "mean": prediction.mean,
            "vote_share": prediction.vote_share,
            "expected_entropy": prediction.expected_entropy,
            "members": torch.tensor(prediction.members or _EXACT),
            **{_SCORE + name: score for name, score in prediction.scores.items()},
        }
        if stored.labels is not None:
            arrays["labels"] = stored.labels
        with (
            written_whole(self.path(unit, condition)) as temporary,
            temporary.open("wb") as file,
        ):
            # Through a file object: given a name, NumPy would append its own suffix.
            np.savez_compressed(
                file,
                **{key: value.numpy() for key, value in arrays.items()},  # type: ignore[arg-type]
            )

    def load_if_there(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        """Read the shard, if it has been written."""
        return self.load(unit, condition) if self.holds(unit, condition) else None

    def load(self, unit: RunUnit, condition: str) -> StoredPrediction:
        """Read the shard.

        Raises:
            UserError: the file is damaged.
        """
        path = self.path(unit, condition)
        try:
            return _read(path)
        # What damaged bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(
                f"the shard {path} cannot be read ({said}); delete it and run again: "
                "that one shard is then predicted anew"
            ) from error


def members_of(unit: RunUnit, stored: StoredPrediction | None) -> str:
    """How many members judged; where nothing was judged, how many were to."""
    if stored is None:
        return "" if unit.size is None else str(unit.size)
    return members_text(stored.prediction.members)


def _read(path: Path) -> StoredPrediction:
    # Through a file object: NumPy leaves its own open where the archive is damaged.
    with path.open("rb") as file, np.load(file) as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    return StoredPrediction(
        Prediction(
            mean=arrays["mean"],
            vote_share=arrays["vote_share"],
            expected_entropy=arrays["expected_entropy"],
            members=int(arrays["members"]) or None,
            scores={
                name.removeprefix(_SCORE): array
                for name, array in arrays.items()
                if name.startswith(_SCORE)
            },
        ),
        arrays.get("labels"),
    )
