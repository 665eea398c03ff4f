"""Predictions and outputs on disk: of each run unit, or network, one file with all conditions."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile, ZipInfo

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.io import UserError, one_line, printable, written_whole
from benchmarks.schema import (
    ArraysByName,
    DamagedArraysError,
    is_of_the_machine,
    members_text,
    packed,
    unpacked,
)
from methods import Prediction
from methods.determinism import machine

ABOUT = "about"
"""The name of the JSON in a prediction file."""

SCORE = "score:"
"""The prefix of the names of scores in a prediction file."""

THE_RUN = "run"
"""Among the sources of a prediction: a hash of the run that it was predicted in."""

WRITTEN_AFTER = 60.0
"""After so many seconds what was predicted is written: a kill loses no more."""


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
        """For messages and file names: ``<method>-<size>/budget-<b>/replicate-<r>``."""
        return f"{self.variant}/replicate-{self.replicate:02d}"

    @property
    def variant(self) -> str:
        """The name without the replicate."""
        size = "" if self.size is None else f"-{self.size}"
        return f"{self.method}{size}/budget-{self.budget:g}"


class PoolNetwork(NamedTuple):
    """A network of the pool, by its training (see `Plan.trainings`) and its number."""

    training: str
    number: int

    @property
    def name(self) -> str:
        """For messages and file names: ``<training>/network-<number>``."""
        return f"{self.training}/network-{self.number:03d}"


Owner = RunUnit | PoolNetwork
"""Whose file it is in a `PredictionStore`."""


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


Save = Callable[[Owner, str, StoredPrediction | StoredOutputs], None]
"""Stores what is predicted under a condition."""

Stamp = tuple[int, int, int]
"""By which it is noticed that a file was written anew."""


class UnusableFileError(UserError):
    """A prediction file is damaged, or of something else."""


@dataclass(frozen=True)
class PredictionStore:
    """The files of a run: ``<method>-<size>/budget-<b>/replicate-<r>.zip``, and of networks.

    A file is an archive with a ``<condition>.npz`` for each condition. That of a run unit has
    ``mean`` [images, classes] in single precision, ``votes`` [images, classes] as whole numbers (or
    ``vote_share`` where there is no such number of votes), ``expected_entropy`` [images], where
    there are any ``labels`` and ``groups`` [images], and scores as ``score:<name>`` [images]. That
    of a network, ``<training>/network-<number>.zip``, has ``logits`` [images, classes] in single
    precision, ``labels``, ``groups``, and scores of its features.
    What else there is is JSON in ``about``. The archive's comment is the unit's or network's name,
    so that a file under the name of another is noticed. Of each ``.npz`` it has the checksum
    (CRC-32), which is verified whenever that is read.

    A file must not be written by two processes at once.
    """

    folder: Path

    def path(self, owner: Owner) -> Path:
        """The path of a file, whether it has been written or not."""
        return self.folder / f"{owner.name}.zip"

    def stamp(self, owner: Owner) -> Stamp | None:
        """Of the file as it is; ``None`` where there is none."""
        try:
            status = self.path(owner).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def conditions(self, owner: Owner) -> tuple[str, ...]:
        """The conditions that are stored; only the directory of a new file is read.

        Raises:
            UnusableFileError: it is damaged.
        """
        stamp = self.stamp(owner)
        return () if stamp is None else _conditions_in(self, owner, stamp)

    def complete(
        self, owner: Owner, sources: Mapping[str, int], *, remove: bool = True
    ) -> frozenset[str]:
        """The conditions that are stored with all values that these compute.

        Args:
            remove: whether a file that cannot be used is removed, so that it is predicted again,
                with one line.
        """
        try:
            with self._opened(owner) as archive:
                return frozenset(
                    name.removesuffix(".npz")
                    for name in archive.namelist()
                    if sources.items()
                    <= _about(unpacked(archive.read(name), ABOUT))["sources"].items()
                )
        except UnusableFileError as error:
            if remove:
                self.path(owner).unlink()
                print(printable(str(error)), file=sys.stderr)
            return frozenset()

    def load_if_there(self, unit: RunUnit, condition: str) -> StoredPrediction | None:
        """Read a prediction, if it is stored, and no other of its file.

        Raises:
            UnusableFileError: it is damaged, or of something else.
        """
        return self.load(unit, condition) if condition in self.conditions(unit) else None

    def load(self, unit: RunUnit, condition: str) -> StoredPrediction:
        """Read a prediction; see `load_if_there`.

        Raises:
            UserError: there is none.
        """
        stored: StoredPrediction = self._loaded(unit, condition)
        return stored

    def load_outputs(self, network: PoolNetwork, condition: str) -> StoredOutputs:
        """Read a network's outputs; see `load`."""
        stored: StoredOutputs = self._loaded(network, condition)
        return stored

    def save(self, owner: Owner, condition: str, stored: StoredPrediction | StoredOutputs) -> None:
        """Write what is predicted under one condition; several are written faster by `saving`."""
        with self.saving() as save:
            save(owner, condition, stored)

    @contextmanager
    def saving(self, *, after: float = WRITTEN_AFTER) -> Iterator[Save]:
        """A function that stores predictions; at the end, however it comes, all are written.

        Args:
            after: so many seconds after what was written last, more is written.

        Raises:
            NotWrittenError: the disk is full, for example.
            UnusableFileError: the file that predictions are added to is damaged.
        """
        waiting: dict[Owner, dict[str, bytes]] = {}
        written = time.monotonic()

        def save(owner: Owner, condition: str, stored: StoredPrediction | StoredOutputs) -> None:
            nonlocal written
            content = packed(_arrays(stored))
            waiting.setdefault(owner, {})[f"{condition}.npz"] = content
            if time.monotonic() >= written + after:
                self._write(waiting)
                written = time.monotonic()

        try:
            yield save
        finally:
            self._write(waiting)

    def _write(self, waiting: dict[Owner, dict[str, bytes]]) -> None:
        """Add what waits to the files; then nothing waits any more."""
        while waiting:
            owner, added = waiting.popitem()
            with self._opened(owner) as archive:
                contents = {name: archive.read(name) for name in archive.namelist()} | added
            path = self.path(owner)
            with written_whole(path) as temporary, ZipFile(temporary, "w") as archive:
                archive.comment = owner.name.encode()
                for name in sorted(contents):
                    # Without a date: the same predictions give the same bytes.
                    archive.writestr(ZipInfo(name), contents[name])

    def _loaded(self, owner: Owner, condition: str) -> Any:
        if condition not in self.conditions(owner):
            raise UserError(
                f"{self.path(owner)} holds no prediction of {condition}; run without --only"
            )
        with self._opened(owner) as archive:
            return _formed(unpacked(archive.read(f"{condition}.npz")))

    @contextmanager
    def _opened(self, owner: Owner) -> Iterator[ZipFile]:
        """The file, or an empty archive where there is none."""
        path = self.path(owner)
        if not path.exists():
            with ZipFile(BytesIO(), "w") as archive:
                yield archive
            return
        with path.open("rb") as file:
            try:
                with ZipFile(file) as archive:
                    # Of a file that is cut off, zipfile reads the last `.npz` as the archive.
                    if archive.comment != owner.name.encode():
                        raise DamagedArraysError("it is not whole, or that of another run unit")
                    yield archive
            # What damaged bytes raise is up to zipfile, and is nearly anything.
            except Exception as error:
                if is_of_the_machine(error):
                    raise
                why = str(error) if isinstance(error, DamagedArraysError) else one_line(error)
                raise UnusableFileError(
                    f"the prediction file {path} cannot be used ({why}); the stage predict "
                    "computes it again"
                ) from error


@lru_cache(maxsize=4096)
def _conditions_in(store: PredictionStore, owner: Owner, stamp: Stamp) -> tuple[str, ...]:
    """The conditions in the file of a stamp."""
    with store._opened(owner) as archive:
        return tuple(name.removesuffix(".npz") for name in archive.namelist())


def members_of(unit: RunUnit, members: int | None) -> str:
    """The size as records write it: the chosen one, else the members of the prediction."""
    return members_text(members) if unit.size is None else str(unit.size)


def _arrays(stored: StoredPrediction | StoredOutputs) -> ArraysByName:
    about: dict[str, object] = {
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


def _about(arrays: ArraysByName) -> dict[str, Any]:
    return dict(json.loads(str(arrays[ABOUT])))


def _formed(arrays: ArraysByName) -> Any:
    """A unit's prediction, or a network's outputs."""
    about = _about(arrays)
    for name in ("labels", "groups"):
        about[name] = torch.from_numpy(arrays[name].astype(np.int64)) if name in arrays else None
    scores = {
        name.removeprefix(SCORE): torch.from_numpy(values)
        for name, values in arrays.items()
        if name.startswith(SCORE)
    }
    if "logits" in arrays:
        return StoredOutputs(torch.from_numpy(arrays["logits"]), scores=scores, **about)
    members = about.pop("members")
    share = arrays["votes"] / members if "votes" in arrays else arrays["vote_share"]
    prediction = Prediction(
        mean=torch.from_numpy(in_double_precision(arrays["mean"])),
        vote_share=torch.from_numpy(share),
        expected_entropy=torch.from_numpy(arrays["expected_entropy"]),
        members=members,
        scores=scores,
        remark=about.pop("remark"),
    )
    return StoredPrediction(prediction, **about)


def _votes(prediction: Prediction) -> dict[str, np.ndarray]:
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
