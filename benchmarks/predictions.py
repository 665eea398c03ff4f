"""Predictions and outputs on disk: of each run unit, or network, a file a condition."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.io import UserError, write_whole
from benchmarks.schema import ArraysByName, DamagedArraysError, members_text, packed, unpacked
from methods import Prediction
from methods.determinism import machine

ABOUT = "about"
"""The name of the JSON in a prediction file."""

SCORE = "score:"
"""The prefix of the names of scores in a prediction file."""

THE_RUN = "run"
"""Among the sources of a prediction: a hash of the run that it was predicted in."""


@dataclass(frozen=True, order=True)
class RunUnit:
    """One replicate of one method: fitted once, it then predicts under every condition.

    Attributes:
        method: the method's name.
        size: the number of members that was chosen; ``None`` where there is nothing to choose.
        budget: the training compute that it takes, in networks of the run's recipe.
        replicate: which repetition, from 0.
    """

    method: str
    size: int | None
    budget: float
    replicate: int

    @property
    def name(self) -> str:
        """Name in messages and of files: ``<method>-<size>/budget-<b>/replicate-<r>``."""
        return f"{self.folder}/replicate-{self.replicate:02d}"

    @property
    def folder(self) -> str:
        """The folder of its replicates."""
        size = "" if self.size is None else f"-{self.size}"
        return f"{self.method}{size}/budget-{self.budget:g}"


class PoolNetwork(NamedTuple):
    """A network of the pool, by its training (see `Plan.trainings`) and its number."""

    training: str
    number: int

    @property
    def name(self) -> str:
        """Name in messages and of files: ``<training>/network-<number>``."""
        return f"{self.training}/network-{self.number:03d}"


Owner = RunUnit | PoolNetwork
"""Whose files there are in a `PredictionStore`."""


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """A run unit's prediction under a condition, with what it is measured by.

    Attributes:
        labels: ``None`` where the images belong to none of the classes.
        sources: of the suite's scores, by name, a hash of what computed them; and that of
            `THE_RUN`.
        reasons: by its name, why a score of the suite has no value.
        machine: what predicted it; empty where it is not known.
        groups: by image the number of the group that it belongs to; ``None``: each is one.
    """

    prediction: Prediction
    labels: Int64[Tensor, " images"] | None
    sources: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=machine)
    groups: Int64[Tensor, " images"] | None = None


@dataclass(frozen=True, eq=False)
class StoredOutputs:
    """What one forward of a network gives for the images of a condition, dropout off.

    Attributes:
        labels: ``None`` where the images belong to none of the classes.
        scores: by its name, each image's value of a score of the network's features.
        sources, reasons, machine, groups: see `StoredPrediction`.
    """

    logits: Float[Tensor, "images classes"]
    labels: Int64[Tensor, " images"] | None
    scores: Mapping[str, Float[Tensor, " images"]] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=machine)
    groups: Int64[Tensor, " images"] | None = None


Stamp = tuple[int, int, int]
"""Inode, time and size of a file, by which it is noticed that it was written anew."""


class UnusableFileError(UserError):
    """A prediction file is damaged, or of something else."""


@dataclass(frozen=True)
class PredictionStore:
    """The files of a run: ``<method>-<size>/budget-<b>/replicate-<r>/<condition>.npz``.

    That of a run unit has ``mean`` [images, classes] in single precision, ``votes`` [images,
    classes] as whole numbers (or ``vote_share`` where there is no such number of votes),
    ``expected_entropy`` [images], where there are any ``labels`` and ``groups`` [images], and
    scores as ``score:<name>`` [images]. That of a network,
    ``<training>/network-<number>/<condition>.npz``, has ``logits`` [images, classes] in single
    precision, ``labels``, ``groups``, and scores of its features. What else there is is JSON in
    ``about``, of which the file is among it, so that one under another's name is noticed. Each
    array has a checksum (CRC-32), which is verified whenever it is read; a file that is damaged is
    removed then, so that the stage `predict` makes it again.
    """

    folder: Path

    def path(self, owner: Owner, condition: str) -> Path:
        """The path of a file, whether it has been written or not."""
        return self.folder / owner.name / f"{condition}.npz"

    def stamp(self, owner: Owner, condition: str) -> Stamp | None:
        """The stamp of a file as it is; ``None`` where there is none."""
        try:
            status = self.path(owner, condition).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def conditions(self, owner: Owner) -> list[str]:
        """The conditions that are stored."""
        return sorted(path.stem for path in (self.folder / owner.name).glob("[!.]*.npz"))

    def complete(self, owner: Owner, sources: Mapping[str, int]) -> set[str]:
        """The conditions that are stored with all values that these compute."""
        complete = set()
        for condition in self.conditions(owner):
            with suppress(UnusableFileError):  # as if it were not there
                about, _ = self._read(owner, condition, [ABOUT])
                if sources.items() <= about["sources"].items():
                    complete.add(condition)
        return complete

    def load_if_there(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        """Read a prediction, if it is stored.

        Raises:
            UnusableFileError: it is damaged, or of something else.
        """
        return self.load(unit, condition) if self.path(unit, condition).exists() else None

    def load(self, unit: RunUnit, condition: str) -> StoredPrediction:
        """Read a prediction; see `load_if_there`.

        Raises:
            UserError: there is none.
        """
        about, arrays = self._read(unit, condition)
        members = about.pop("members")
        share = arrays["votes"] / members if "votes" in arrays else arrays["vote_share"]
        prediction = Prediction(
            mean=torch.from_numpy(in_double_precision(arrays["mean"])),
            vote_share=torch.from_numpy(share),
            expected_entropy=torch.from_numpy(arrays["expected_entropy"]),
            members=members,
            scores=_scores_in(arrays),
            remark=about.pop("remark"),
        )
        return StoredPrediction(prediction, **_labels_and_groups(arrays), **about)

    def load_outputs(self, network: PoolNetwork, condition: str) -> StoredOutputs:
        """Read a network's outputs; see `load`."""
        about, arrays = self._read(network, condition)
        logits, scores = torch.from_numpy(arrays["logits"]), _scores_in(arrays)
        return StoredOutputs(logits, scores=scores, **_labels_and_groups(arrays), **about)

    def save(self, owner: Owner, condition: str, stored: StoredPrediction | StoredOutputs) -> None:
        """Write what is predicted under a condition; the same predictions give the same bytes.

        Raises:
            NotWrittenError: the disk is full, for example.
        """
        arrays = _arrays(stored, f"{owner.name}/{condition}")
        write_whole(self.path(owner, condition), packed(arrays))

    def _read(
        self, owner: Owner, condition: str, only: Collection[str] | None = None
    ) -> tuple[dict[str, Any], ArraysByName]:
        """What stands in ``about``, and all arrays, or only these."""
        path = self.path(owner, condition)
        try:
            arrays = unpacked(path, only)
            about = dict(json.loads(str(arrays.pop(ABOUT, "{}"))))
            if about.pop("of", None) != f"{owner.name}/{condition}":
                raise DamagedArraysError("it is not whole, or that of another run unit")
        except FileNotFoundError as error:
            raise UserError(f"there is no prediction {path}; run without --only") from error
        except DamagedArraysError as error:
            path.unlink(missing_ok=True)
            raise UnusableFileError(
                f"the prediction file {path} cannot be used ({error}) and is removed; run again, "
                "without --only"
            ) from error
        return about, arrays


def members_of(unit: RunUnit, members: int | None) -> str:
    """The size as records write it: the chosen one, else the members of the prediction."""
    return members_text(members) if unit.size is None else str(unit.size)


def _arrays(stored: StoredPrediction | StoredOutputs, name: str) -> ArraysByName:
    about: dict[str, object] = {
        "of": name,
        "machine": stored.machine,
        "sources": dict(stored.sources),
        "reasons": dict(stored.reasons),
    }
    per_image = {} if stored.labels is None else {"labels": stored.labels.numpy()}
    if (groups := stored.groups) is not None:
        per_image["groups"] = groups.numpy().astype(np.min_scalar_type(int(groups.max())))
    if isinstance(stored, StoredOutputs):
        arrays, scores = {"logits": stored.logits.numpy()}, stored.scores
    else:
        prediction, scores = stored.prediction, stored.prediction.scores
        about |= {"members": prediction.members, "remark": prediction.remark}
        arrays = {
            "mean": in_single_precision(prediction.mean.numpy()),
            **_votes(prediction),
            "expected_entropy": prediction.expected_entropy.numpy(),
        }
    return {
        ABOUT: np.array(json.dumps(about)),
        **per_image,
        **arrays,
        **{SCORE + name: score.numpy() for name, score in scores.items()},
    }


def _scores_in(arrays: ArraysByName) -> dict[str, Tensor]:
    return {
        name.removeprefix(SCORE): torch.from_numpy(values)
        for name, values in arrays.items()
        if name.startswith(SCORE)
    }


def _labels_and_groups(arrays: ArraysByName) -> dict[str, Any]:
    """Labels and groups, where there are any."""
    return {
        name: torch.from_numpy(arrays[name].astype(np.int64)) if name in arrays else None
        for name in ("labels", "groups")
    }


def _votes(prediction: Prediction) -> ArraysByName:
    """The votes as whole numbers, where the shares are exactly those of such numbers."""
    share, members = prediction.vote_share.numpy(), prediction.members
    votes = np.rint(share * (members or 0))
    if not members or not np.array_equal(votes / members, share):
        return {"vote_share": share}
    return {"votes": votes.astype(np.min_scalar_type(members))}


def in_single_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities, rounded unless one would lose its digits, or a class its first place."""
    tiny = (mean > 0) & (mean < np.finfo(np.float32).tiny)
    rounded = mean.astype(np.float32)
    moved = in_double_precision(rounded).argmax(axis=1) != mean.argmax(axis=1)
    return mean if tiny.any() or moved.any() else rounded


def in_double_precision(mean: np.ndarray) -> np.ndarray:
    """The probabilities as before they were rounded, to a relative error of 1.2e-7; rows sum to 1.

    In single precision all above 1 − 3e-8 are 1. But the others of such a row are known as well as
    ever, so a probability above one half is what these leave of 1; else images of which a network
    is very certain would be equally uncertain.
    """
    rounded = mean.astype(np.float64)
    if mean.dtype == np.float64:
        return rounded
    total = rounded.sum(axis=1, keepdims=True)
    largest = rounded.argmax(axis=1, keepdims=True)
    values = np.take_along_axis(rounded, largest, axis=1)
    above_half = values > 0.5
    left = np.where(above_half, 1 - (total - values), values)
    np.put_along_axis(rounded, largest, left, axis=1)
    return rounded / np.where(above_half, 1.0, total)
