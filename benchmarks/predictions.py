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
        size = "" if self.size is None else f"-{self.size}"
        return f"{self.recipe}/{self.method}{size}/replicate-{self.replicate:02d}"


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

    A file has ``mean`` and ``vote_share`` [images, classes], ``expected_entropy`` [images],
    ``members`` (0: exact), where there are any ``labels`` [images], a method's own scores as
    ``score:<name>`` [images], metrics of the members as ``members:<name>`` [images], and a hash of
    what computed such values as ``source:<name>``.
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
            "mean": prediction.mean,
            "vote_share": prediction.vote_share,
            "expected_entropy": prediction.expected_entropy,
            "members": torch.tensor(prediction.members or _EXACT),
            **{_SCORE + name: score for name, score in prediction.scores.items()},
            **{_MEMBER_VALUE + name: values for name, values in stored.member_values.items()},
            **{_SOURCE + name: torch.tensor(source) for name, source in stored.sources.items()},
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
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}

    def named(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): arrays[k] for k in arrays if k.startswith(prefix)}

    return StoredPrediction(
        Prediction(
            mean=arrays["mean"],
            vote_share=arrays["vote_share"],
            expected_entropy=arrays["expected_entropy"],
            members=int(arrays["members"]) or None,
            scores=named(_SCORE),
        ),
        arrays.get("labels"),
        named(_MEMBER_VALUE),
        {name: int(source) for name, source in named(_SOURCE).items()},
    )
