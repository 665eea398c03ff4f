"""The nouns of a run as records: what the report must know of them, in a file each.

A run writes ``tasks.csv``, ``conditions.csv``, ``methods.csv``, ``scores.csv``, ``metrics.csv`` and
``recipes.csv``; whoever draws or reads needs neither the registers nor the names' form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.schema import write_table

SEPARATOR = "|"
"""Between the parts of a field of several texts."""

Texts = tuple[str, ...]


@dataclass(frozen=True)
class TaskRecord:
    """What is classified; see `benchmarks.tasks.task.Task`.

    Attributes:
        shape: of an image: channels, height, width.
    """

    name: str
    label: str
    shape: Texts
    classes: Texts
    training_images: int
    test_images: int
    calibration_images: int
    article_images: Texts


@dataclass(frozen=True)
class ConditionRecord:
    """Images under which methods are evaluated; see `benchmarks.tasks.conditions.Condition`.

    Attributes:
        severity: NaN where there is none.
        is_mean: whether it is the mean over the conditions of its group that are ``in_mean``.
    """

    name: str
    label: str
    group: str
    data: str
    severity: float = math.nan
    unit: str = ""
    labels: Literal["valid", "ill-defined", "none"] = "valid"
    reason: str = ""
    reference: str = ""
    paired_with: str = ""
    subset: bool = False
    in_mean: bool = False
    is_mean: bool = False

    @property
    def is_one_of_many(self) -> bool:
        """Whether it is one of a group of shifts, for which their mean can stand."""
        return not math.isnan(self.severity) or self.in_mean


@dataclass(frozen=True)
class MethodRecord:
    """How predictions are formed; see `methods.UncertaintyMethod`.

    Attributes:
        in_text: in a sentence; empty: the label.
        position: in the register, by which it looks alike in all runs; −1: not the suite's.
        images: how many images it is fitted on, if it trains itself; 0: those of the recipe.
        shares_networks: whether its networks are those of a pool that other methods use as well.
        usual_sizes: those that users run.
    """

    name: str
    label: str
    in_text: str = ""
    citation: str = ""
    group: str = ""
    size: str = ""
    symbol: str = ""
    counts_networks: bool = False
    needs: Texts = ()
    exact: bool = False
    slow: bool = False
    primary_score: str = ""
    probabilities_of: str = ""
    shares_networks: bool = False
    position: int = -1
    images: int = 0
    usual_sizes: Texts = ()


@dataclass(frozen=True)
class ScoreRecord:
    """A number an image by which images are ranked as uncertain; see `methods.scores.Score`."""

    name: str
    label: str
    unit: str = ""
    citation: str = ""
    formula: str = ""
    needs: Texts = ()
    fitted: bool = False
    in_figures: bool = True


@dataclass(frozen=True)
class MetricRecord:
    """A number computed from predictions; see `benchmarks.metrics.Metric`.

    Attributes:
        path, function: what computes it, within the repository.
        coverage: the share of images on which the method does not abstain; 1: it judges all.
        level: the coverage that prediction sets are to have; 0: it is of no sets.
        nominal: the value that it has on images like the calibration images; NaN: none is known.
    """

    name: str
    label: str
    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    family: str = ""
    needs: Texts = ()
    biased: bool = False
    margin: float = 0.0
    shown: str = ""
    summary: str = ""
    formula: str = ""
    edge_cases: str = ""
    source: str = ""
    path: str = ""
    function: str = ""
    coverage: float = 1.0
    level: float = 0.0
    nominal: float = math.nan


@dataclass(frozen=True)
class RecipeRecord:
    """How networks are trained; see `methods.networks.recipes.Recipe`.

    Attributes:
        images: how many images of the task its networks are trained on.
        reported_training, reported_validation: accuracies after all epochs that its source reports;
            NaN where it reports none, or networks are trained for other epochs here.
    """

    name: str
    network: str
    split: str
    images: int
    loss: str
    shuffled: bool
    mean: Texts
    std: Texts
    dropout: float
    optimiser: str
    schedule: str
    weight_decay: float
    epochs: int
    batch_size: int
    learning_rate: float
    reported_training: float = math.nan
    reported_validation: float = math.nan
    l2_penalty: float = 0.0


Record = TypeVar("Record")


@dataclass(frozen=True)
class Nouns:
    """The nouns of a run, each kind in the order in which it is shown."""

    tasks: tuple[TaskRecord, ...] = ()
    conditions: tuple[ConditionRecord, ...] = ()
    methods: tuple[MethodRecord, ...] = ()
    scores: tuple[ScoreRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    recipes: tuple[RecipeRecord, ...] = ()

    def write(self, folder: Path) -> None:
        """Write a file a kind."""
        for kind, record in KINDS.items():
            columns = [field.name for field in fields(record)]
            rows = [_as_text(one) for one in getattr(self, kind)]
            write_table(pd.DataFrame(rows, columns=columns), folder, f"{kind}.csv")

    @classmethod
    def read(cls, folder: Path) -> Nouns:
        """Read the files of a run.

        Raises:
            UserError: one is missing or damaged.
        """
        return cls(**{kind: _read(folder, kind, record) for kind, record in KINDS.items()})


def measured_metrics(folder: Path) -> tuple[MetricRecord, ...]:
    """The metrics of a run in the folder; none where nothing was measured.

    Raises:
        UserError: their file is damaged.
    """
    return _read(folder, "metrics", MetricRecord) if (folder / "metrics.csv").exists() else ()


KINDS: Mapping[str, Any] = {
    "tasks": TaskRecord,
    "conditions": ConditionRecord,
    "methods": MethodRecord,
    "scores": ScoreRecord,
    "metrics": MetricRecord,
    "recipes": RecipeRecord,
}

FILES = tuple(f"{kind}.csv" for kind in KINDS)


def _as_text(record: Any) -> dict[str, str]:
    return {name: _text(value) for name, value in asdict(record).items()}


def _text(value: object) -> str:
    if isinstance(value, float) and math.isnan(value):
        return ""
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)


_PARSERS: Mapping[object, Callable[[str], object]] = {
    str: str,
    int: int,
    bool: lambda text: {"True": True, "False": False}[text],
    float: lambda text: float(text or "nan"),
    Texts: lambda text: tuple(filter(None, text.split(SEPARATOR))),
}
"""From a field's type to what reads its text."""


def _parser(hint: Any) -> Callable[[str], object]:
    choices = {text: text for text in get_args(hint)} if get_origin(hint) is Literal else {}
    return choices.__getitem__ if choices else _PARSERS[hint]


def _read(folder: Path, kind: str, record: Callable[..., Record]) -> tuple[Record, ...]:
    path = folder / f"{kind}.csv"
    if not path.exists():
        raise UserError(
            f"there is no {path.name} in {path.parent}: this is no folder of a run, or the "
            "run is of an earlier version of the suite; name another folder, or run it again in one"
        )
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    parsers = {name: _parser(hint) for name, hint in get_type_hints(record).items()}
    if missing := [name for name in parsers if name not in table]:
        raise UserError(f"{path} is damaged: it has no column {missing[0]!r}; run again")
    try:
        return tuple(
            record(**{name: parse(str(row[name])) for name, parse in parsers.items()})
            for row in table.to_dict("records")
        )
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run again") from error
