"""The tables and arrays of a run: what they hold, and how they are written and read.

The fields of a row are the columns of its table, in their order; `TABLES` says which row each file
has. Files in folders of a run, such as ``curves/``, have whatever columns they need.
"""

from __future__ import annotations

import errno
import math
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
from numpy.lib.format import read_magic
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from benchmarks.io import UserError, content_of, path_of, written_whole
from benchmarks.vocabulary import (
    ANSWER_CSV,
    CLAIMS_CSV,
    EPISTEMIC_CSV,
    EXPERIMENTS_CSV,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    SUMMARY_CSV,
    TRAINING_CSV,
)


@dataclass(frozen=True)
class Measured:
    """What a number of a run is of: the columns that its tables begin with.

    Attributes:
        task: what is classified; empty for the predictions of others.
        method: how one trains and predicts.
        members: how many members a prediction has, ``"exact"``, or empty if unknown.
        budget: the training compute, in networks of the run's recipe.
        condition: on which images.
        score: by which images are ranked, for detection and selective metrics; else empty.
        metric: what is computed.
    """

    task: str = field(default="", kw_only=True)
    method: str
    members: str
    budget: float
    condition: str
    score: str
    metric: str


@dataclass(frozen=True)
class Measurement(Measured):
    """A metric of one replicate under one condition, or the reason why it has no value.

    Attributes:
        replicate: of which networks and masks.
        value: the number; ``None`` if there is none.
        images: on how many images.
        status: ``ok``; ``ill-defined labels`` (measured against labels that are not well defined);
            ``undefined``, ``unavailable``, ``not applicable`` or ``failed``: no value.
        reason: why the status is not ``ok``, or a remark.
    """

    replicate: int
    value: float | None
    images: int
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class SummaryRow(Measured):
    """The mean of a measure over replicates.

    Attributes:
        value: the mean; ``None`` if no replicate has a value.
        lower, upper: its 95 % interval; ``None`` if there is none.
        replicates: how many have a value.
        images, status: as in `Measurement`.
        reason: why the status is not ``ok``, why there is no interval, or a remark.
    """

    value: float | None
    lower: float | None
    upper: float | None
    replicates: int
    images: int
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class AnswerRow(Measured):
    """What the rule says of a contestant by one of the measures of `benchmarks.headline`.

    Attributes:
        value, lower, upper: as in `SummaryRow`.
        best: ``yes`` or ``no``: whether it is in the set that contains the best of its budget with
            95 % confidence; empty where the rule does not apply.
        stays: the share of redraws of images and replicates in which it stays in this set; ``None``
            if it is not in it.
        difference, difference_lower, difference_upper: to one network of its budget, with an
            interval that is simultaneous over the contestants; ``None`` where there is none.
        worth, worth_lower, worth_upper: in networks: the size of the deep ensemble that does as
            well, with its 95 % interval; ``<1`` and ``>50`` are values and open ends; empty if
            undefined.
        images: on how many images; of several sets, of the smallest.
        status: ``ok``, or ``undefined``: there is no finite value.
        reason: why the rule does not apply.
        worth_reason: why there is no worth, or what its interval leaves out.
    """

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    best: str = ""
    stays: float | None = None
    difference: float | None = None
    difference_lower: float | None = None
    difference_upper: float | None = None
    worth: str = ""
    worth_lower: str = ""
    worth_upper: str = ""
    images: int
    status: str = "ok"
    reason: str = ""
    worth_reason: str = ""


@dataclass(frozen=True)
class Latency:
    """Duration of a call in one place, and its other costs.

    Attributes:
        method, members: as in `Measured`.
        score: of the method's network, computed in its place; empty for what the method predicts.
        batch_size: images of a call.
        device, device_name: in torch's words, and the device's full name.
        threads: of torch on the CPU. The kernels use one.
        engine: ``torch``, or ``numba`` for the kernels.
        mode: how the members are evaluated: by ``kernels``, a ``single`` one, in a ``loop`` or
            ``batched`` (see `methods.engines.torch`); ``custom`` where the method decides.
        p50_ms, p50_lower_ms, p50_upper_ms: median over rounds of the median of the calls, and its
            95 % interval.
        images_per_s: the batch size divided by the median.
        peak_memory_mb, parameters, multiply_adds: see `benchmarks.latency.cost`.
        training_s: wall seconds of training the method's networks, of budget 1 each, summed, where
            this engine trained them on this device; see `TrainedNetwork.seconds`.
        fit_s: wall seconds of fitting and calibrating with trained networks at hand.
        torch_version, cuda_version, numba_version: empty where there is none.
        status, reason: as in `Measurement`.
    """

    method: str
    members: str
    score: str
    batch_size: int
    device: str
    device_name: str
    threads: int
    engine: str
    mode: str
    p50_ms: float | None = None
    p50_lower_ms: float | None = None
    p50_upper_ms: float | None = None
    images_per_s: float | None = None
    peak_memory_mb: float | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    training_s: float | None = None
    fit_s: float | None = None
    torch_version: str = ""
    cuda_version: str = ""
    numba_version: str = ""
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class TrainingRow:
    """Loss and accuracy of a network on one split after an epoch of training.

    Attributes:
        training, network: how it is trained, and its number.
        epoch, and what follows: as in `methods.networks.training.EpochLog`.
    """

    training: str
    network: int
    epoch: int
    split: str
    images: int
    loss: float
    accuracy: float
    precision: float
    recall: float
    accuracy_dropout_on: float | None


@dataclass(frozen=True)
class ClaimRow:
    """A number by which a claim of the article is judged.

    Attributes:
        claim: its name.
        method, condition, score: as in `Measured`, where they tell numbers of a claim apart; a
            condition may also be a group, a single image or a split of the training log.
        metric: what is computed: a metric's name, or another one.
        case: what else tells numbers apart: the class voted for, the lower edge of a bin, a pair
            of predictions, an epoch, an engine, what networks were trained on, what is subtracted.
        network: the number of the network, of the ensemble or of the repetition; ``None`` where
            there is one number.
        value: ``None`` if it is undefined, or only a bound of it is known.
        lower, upper: its 95 % interval; ``None`` if there is none.
    """

    claim: str
    method: str
    condition: str
    metric: str
    score: str
    case: str
    network: int | None
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class ExperimentRow:
    """A number of a replicate of a method, by the training images of an experiment's level.

    Attributes:
        level: of `benchmarks.epistemic.experiments`, or a kind of draws of the training images.
        method, members, replicate, condition: as in `Measurement`; a mean over conditions, too.
        measure: of uncertainty, see `benchmarks.epistemic.measures`; empty where there is none.
        statistic: ``mean`` over images; ``augrc``, ``auroc``; ``people``, the rank correlation with
            the entropy of people's answers; ``doubtful``, the AUROC of images whose label most
            people do not give; ``accuracy``, ``nll``; ``people-nll`` and ``people-brier``, against
            people's shares; ``draw``, ``seed``, ``both``, components of variance; ``failed``, with
            the reason as the measure.
        value: the number.
    """

    level: str
    method: str
    members: str
    replicate: int
    condition: str
    measure: str
    statistic: str
    value: float | None


@dataclass(frozen=True)
class EpistemicRow:
    """What follows from an experiment, as a mean over replicates.

    Attributes:
        experiment: its name, or ``variance``, ``people``, ``jobs`` and ``disentanglement``.
        method, members, condition, measure, statistic: as in `ExperimentRow`; what else is computed
            says `benchmarks.epistemic.analysis`.
        level: by name, and ``x``, what is varied; of a change there is none.
        value, lower, upper: the mean over replicates with its 95 % interval (Student's t).
        verdict: of a change: ``falls``, ``rises``, ``stays``, or ``not shown``.
        expected: what a faithful measure would do.
    """

    experiment: str
    method: str
    members: str
    condition: str
    measure: str
    statistic: str
    level: str = ""
    x: float | None = None
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    verdict: str = ""
    expected: str = ""

    def measured(self, interval: tuple[float, float, float]) -> EpistemicRow:
        """The row with a value and the ends of its interval."""
        value, lower, upper = interval
        return replace(self, value=value, lower=lower, upper=upper)


TABLES: Mapping[str, type[Any]] = {
    MEASUREMENTS_CSV: Measurement,
    SUMMARY_CSV: SummaryRow,
    ANSWER_CSV: AnswerRow,
    LATENCY_CSV: Latency,
    TRAINING_CSV: TrainingRow,
    CLAIMS_CSV: ClaimRow,
    EXPERIMENTS_CSV: ExperimentRow,
    EPISTEMIC_CSV: EpistemicRow,
}
"""Kinds of rows, by the name of a file in the folder of a run."""


def types_of(kind: type[Any], if_missing: str = "float64") -> dict[str, str]:
    """The columns of a table in their order, with what they hold.

    Args:
        if_missing: what whole numbers are where some may be missing; in memory they are floats,
            whose NaN everybody knows.

    >>> list(types_of(TrainingRow).items())[:2]
    [('training', 'str'), ('network', 'int64')]
    """
    numbers = {int: "int64", int | None: if_missing, float: "float64", float | None: "float64"}
    hints = get_type_hints(kind)
    return {column.name: numbers.get(hints[column.name], "str") for column in fields(kind)}


_FREE_TYPES = {
    name: dtype
    for kind in TABLES.values()
    for name, dtype in types_of(kind).items()
    if dtype == "str" or name in ("value", "lower", "upper")
}
"""What columns hold wherever they stand: texts of any table, and what is measured."""


def table_of(kind: type[Any], rows: Iterable[Any]) -> pd.DataFrame:
    """The rows of a kind as a table, which has all columns even if there is no row."""
    table = pd.DataFrame([vars(row) for row in rows], columns=list(types_of(kind)))
    return _typed(table, types_of(kind))


def _typed(table: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Only numbers: pandas before 3 would write "nan" for a missing text."""
    return table[[*types]].astype({name: t for name, t in types.items() if t != "str"})


ORDER = ("training", "method", "members", "budget", "replicate", "condition", "metric", "score")
"""The columns by which rows are sorted, those that there are."""


def in_order(table: pd.DataFrame, by: Sequence[str] = ORDER) -> pd.DataFrame:
    """The rows in a fixed order, so that equal runs write equal bytes; members by their number."""
    ranks = {name: table[name] for name in by if name in table}
    if "members" in ranks:  # those that are no number come last
        ranks["members"] = table["members"].map(lambda text: (not text.isdigit(), text.zfill(9)))
    order = pd.DataFrame(ranks).sort_values(list(ranks), kind="stable").index
    return table.loc[order].reset_index(drop=True)


def members_text(members: int | None) -> str:
    """Number of a prediction's members as tables write it; ``None`` is the exact distribution.

    >>> members_text(100), members_text(None)
    ('100', 'exact')
    """
    return "exact" if members is None else str(members)


def where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values in the columns of these names.

    >>> where(pd.DataFrame({"a": [1, 1, 2], "b": [3, 4, 4]}), a=1, b=4)
       a  b
    1  1  4
    """
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def write_table(
    table: pd.DataFrame, folder: Path, name: str, kind: type[Any] | None = None
) -> None:
    """Write a table as CSV; numbers are read back to the same bits.

    Args:
        name: of the file, by which `TABLES` says what its columns are.
        kind: what a row is, if the file is none of those; by default columns are free.
    """
    if kind := kind or TABLES.get(name):
        table = _typed(table, types_of(kind, if_missing="Int64"))
    with written_whole(folder / name) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(folder: Path, name: str, kind: type[Any] | None = None) -> pd.DataFrame:
    """Read a table that `write_table` wrote; empty text stays empty text, no number is NaN.

    Args:
        name, kind: as for `write_table`. The file may be compressed, with ``.xz`` behind its name.

    Raises:
        UserError: there is no such file, or it is not such a table.
    """
    path = path_of(folder, name)
    kind = kind or TABLES.get(name)
    types = types_of(kind) if kind else _FREE_TYPES
    floats = [name for name, dtype in types.items() if dtype == "float64"]
    try:
        content = content_of(path)
        if not content.endswith(b"\n"):
            raise ValueError("it ends within a row")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                BytesIO(content),
                index_col=False,
                dtype={name: dtype for name, dtype in types.items() if name not in floats},
                # Python's own float, since pandas before 3 reads some numbers in other bits.
                converters=dict.fromkeys(floats, lambda text: float(text or "nan")),
                # A method may be called "null", and a column of reasons may be empty: texts.
                keep_default_na=False,
                na_values="",
            )
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}; run again without --only to write it") from error
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({why}); delete it and run again") from error
    if kind and "recipe" in table:
        raise UserError(
            f"{path} has a column 'recipe': it is of version 0.3 or earlier; run again in another "
            "folder"
        )
    if kind and (missing := [column for column in types if column not in table]):
        raise UserError(
            f"{path} has no column {missing[0]!r}: it is of another version of the suite; use that "
            "version, or make the run again in another folder"
        )
    return table.fillna(
        {name: "" for name, dtype in types.items() if dtype == "str" and name in table}
    )


ArraysByName = dict[str, NDArray[Any]]


class DamagedArraysError(Exception):
    """A file holds no arrays, or others than were written; the message is the reason."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The content of a file of arrays (NumPy's ``.npz``); the same arrays give the same bytes."""
    # In memory: where a disk is full, NumPy's archive fails again while it is closed.
    with BytesIO() as archive:
        np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
        return archive.getvalue()


def unpacked(path: Path, only: Collection[str] | None = None) -> ArraysByName:
    """The arrays of such a file, or only those of these names: the others are not decompressed.

    Raises:
        DamagedArraysError: they cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return arrays_of(archive, archive.files if only is None else only)
    # What damaged bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        if is_of_the_machine(error):
            raise
        raise DamagedArraysError(" ".join(f"{type(error).__name__}: {error}".split())) from error


def arrays_of(archive: NpzFile, names: Collection[str]) -> ArraysByName:
    """The arrays of these names; NumPy would ask for all the memory that a damaged header states.

    Raises:
        Exception: of nearly any kind: they are damaged.
    """
    assert archive.zip is not None
    for info in archive.zip.infolist():
        if info.filename.removesuffix(".npy") in names:
            with archive.zip.open(info) as member:
                major, minor = read_magic(member)
                read_header = getattr(np.lib.format, f"read_array_header_{major}_{minor}")
                shape, _, kind = read_header(member)
            if math.prod(shape) * kind.itemsize > info.file_size:
                raise ValueError(f"{info.filename} has fewer bytes than its shape {shape} needs")
    return {name: archive[name] for name in names}


def is_of_the_machine(error: Exception) -> bool:
    """Whether a file could not be read for a reason that says nothing about its content."""
    if isinstance(error, OSError):
        return error.errno != errno.EINVAL  # a place before the file's beginning
    return isinstance(error, MemoryError)
