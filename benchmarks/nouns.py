"""The nouns of a run as data, what they are called in print, and the order they are shown in.

A run writes the fields of its registers as `nouns.json`; whoever draws or reads needs neither the
registers nor what they import.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from benchmarks.io import UserError, read_json, require_file_name, write_json
from benchmarks.vocabulary import NOUNS_JSON


@dataclass(frozen=True)
class Noun:
    """What records of nouns have in common."""

    name: str


Record = TypeVar("Record", bound=Noun)


@dataclass(frozen=True)
class TaskRecord(Noun):
    """What is classified; see `benchmarks.tasks.task.Task`.

    Attributes:
        shape: of an image: channels, height, width.
    """

    label: str
    shape: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    test_images: int = 0
    article_images: tuple[int, ...] = ()


@dataclass(frozen=True)
class ConditionRecord(Noun):
    """Images under which methods are evaluated; see `benchmarks.tasks.task.Condition`.

    Attributes:
        severity: NaN where there is none.
        headline: whether the mean over its group is one of the shifts that methods are judged by.
        is_mean: whether it is the mean over the conditions of its group that are ``in_mean``.
    """

    label: str
    group: str = ""
    data: str = ""
    severity: float = math.nan
    unit: str = ""
    labels: Literal["valid", "ill-defined", "none"] = "valid"
    reason: str = ""
    reference: str = ""
    paired_with: str = ""
    subset: bool = False
    in_mean: bool = False
    headline: bool = True
    is_mean: bool = False

    @property
    def is_one_of_many(self) -> bool:
        """Whether it is one of a group of shifts, for which their mean can stand."""
        is_shift = not math.isnan(self.severity) or self.in_mean
        return is_shift and self.labels != "none"


@dataclass(frozen=True)
class MethodRecord(Noun):
    """A way to train and predict; see `methods.UncertaintyMethod`.

    Attributes:
        position: in the register, by which it looks alike in all runs; −1: not the suite's.
        images: how many images it is fitted on, if it trains itself; 0: those of the recipe.
        pooled: whether its networks are those of a pool that other methods use as well.
        usual_sizes: those that users run.
        is_network: whether it is the prediction of a network of the recipe, and nothing else.
    """

    label: str
    citation: str = ""
    group: str = ""
    size: str = ""
    symbol: str = ""
    counts_networks: bool = False
    needs: tuple[str, ...] = ()
    slow: bool = False
    primary_score: str = ""
    pooled: bool = False
    position: int = -1
    images: int = 0
    usual_sizes: tuple[int, ...] = ()
    is_network: bool = False

    @property
    def is_users_own(self) -> bool:
        """Whether it is not one of the suite's."""
        return self.position < 0


@dataclass(frozen=True)
class ScoreRecord(Noun):
    """A number an image by which images are ranked as uncertain; see `methods.scores.Score`."""

    label: str
    unit: str = ""
    citation: str = ""
    formula: str = ""
    needs: tuple[str, ...] = ()
    fitted: bool = False
    in_figures: bool = True


@dataclass(frozen=True)
class MetricRecord(Noun):
    """A number computed from predictions; see `benchmarks.metrics.Metric`.

    Attributes:
        path, function: what computes it, within the repository.
        guessing: the value of equal probabilities for all of the run's classes; NaN: not known.
        coverage: the share of images on which the method does not abstain; 1: it judges all.
        level: the coverage that prediction sets are to have; 0: it is of no sets.
    """

    label: str
    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    family: str = ""
    needs: tuple[str, ...] = ()
    biased: bool = False
    guessing: float = math.nan
    shown: str = ""
    summary: str = ""
    formula: str = ""
    edge_cases: str = ""
    source: str = ""
    path: str = ""
    function: str = ""
    coverage: float = 1.0
    level: float = 0.0

    def is_worse_than_guessing(
        self, value: float, lower: float = math.nan, upper: float = math.nan
    ) -> bool:
        """Whether all of an interval is, or the value alone where it has none (NaN).

        >>> nll = MetricRecord("nll", "NLL", better="lower", guessing=math.log(10))
        >>> nll.is_worse_than_guessing(2.4), nll.is_worse_than_guessing(2.4, 2.2, 2.6)
        (True, False)
        """
        best = lower if self.better == "lower" else upper
        bound = value if math.isnan(best) else best
        return bound > self.guessing if self.better == "lower" else bound < self.guessing


@dataclass(frozen=True)
class RecipeRecord(Noun):
    """A way to train networks; see `methods.networks.recipes.Recipe`.

    Attributes:
        images: how many images of the task its networks are trained on.
    """

    network: str
    split: str
    images: int
    loss: str
    shuffled: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dropout: float
    optimiser: str
    schedule: str
    weight_decay: float
    epochs: float
    batch_size: int
    learning_rate: float
    l2_penalty: float = 0.0
    momentum: float = 0.9
    bootstrap: bool = False


class Contestant(NamedTuple):
    """A method of a size at a budget: what is compared, and what lines of figures stand for.

    Attributes:
        score: by which it ranks images; empty where its method's primary score is meant, and in
            tables where the metric uses none.
    """

    method: str
    members: str
    budget: float = 1.0
    score: str = ""

    @property
    def unscored(self) -> Contestant:
        """The contestant by its method's primary score."""
        return self._replace(score="")

    @property
    def size(self) -> int:
        """The number of its members; 0 where it is exact or unknown."""
        return int(self.members) if self.members.isdigit() else 0

    @property
    def columns(self) -> dict[str, str | float]:
        """Its columns in a table, whatever the score."""
        return dict(zip(METHOD_COLUMNS, self, strict=False))


METHOD_COLUMNS = Contestant._fields[:3]
"""Columns of a contestant, without its score."""


class Printed(NamedTuple):
    """A metric or score in print: its name, its unit if it has one, and the better direction.

    >>> Printed("NLL", "nats", "↓").heading, Printed("Mutual information", "nats").heading
    ('NLL\\n(nats) ↓', 'Mutual\\ninformation\\n(nats)')
    """

    name: str
    unit: str = ""
    arrow: str = ""

    @property
    def title(self) -> str:
        """The name, and the arrow if it has one."""
        return f"{self.name} {self.arrow}".rstrip()

    @property
    def heading(self) -> str:
        """Heading of a column: name, and unit and arrow in a line of their own."""
        below = " ".join(filter(None, [self.unit and f"({self.unit})", self.arrow]))
        split = self.name.replace(", ", ",\n") if "," in self.name else self.name.replace(" ", "\n")
        return f"{split}\n{below}" if below else split

    @property
    def axis_label(self) -> str:
        """Label of an axis: name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def axis_title(self) -> str:
        """Label of an axis that has no title above it: name, unit and arrow."""
        return f"{self.axis_label} {self.arrow}".rstrip()


@dataclass(frozen=True)
class Names:
    """The nouns of a run, each kind in the order in which it is shown.

    An unknown name is its own label, and comes last.

    Raises:
        ValueError: the name of a recipe, say, could not be part of a file's name.
    """

    tasks: tuple[TaskRecord, ...] = ()
    conditions: tuple[ConditionRecord, ...] = ()
    methods: tuple[MethodRecord, ...] = ()
    scores: tuple[ScoreRecord, ...] = ()
    metrics: tuple[MetricRecord, ...] = ()
    recipes: tuple[RecipeRecord, ...] = ()

    def __post_init__(self) -> None:
        named = (noun.name for noun in (*self.conditions, *self.metrics, *self.recipes))
        for name in (*named, *(condition.group for condition in self.conditions)):
            require_file_name(name)

    @cached_property
    def _by_name(self) -> dict[str, dict[str, Any]]:
        """The records of each kind, in their order."""
        kinds = [field.name for field in fields(self)]
        return {kind: {noun.name: noun for noun in getattr(self, kind)} for kind in kinds}

    def _position(self, kind: str, name: str) -> tuple[int, str]:
        known = list(self._by_name[kind])
        return (known.index(name), "") if name in known else (len(known), name)

    def write(self, folder: Path) -> None:
        """Write `nouns.json`."""
        content = asdict(self)
        for noun in chain.from_iterable(content.values()):  # JSON knows no NaN
            noun |= {name: None for name, value in noun.items() if value != value}
        write_json(content, folder / NOUNS_JSON)

    @classmethod
    def read(cls, folder: Path) -> Names:
        """Read `nouns.json` of a run.

        Raises:
            UserError: there is none, or it is damaged.
        """
        path = folder / NOUNS_JSON
        if not path.exists():
            raise UserError(
                f"there is no {path.name} in {folder}: this is no folder of a run, or the run is "
                "of an earlier version of the suite; name another folder, or run it again in one"
            )
        content = read_json(path)
        try:
            kinds = {kind: get_args(hint)[0] for kind, hint in get_type_hints(cls).items()}
            return cls(
                **{k: tuple(_record(r, noun) for noun in content[k]) for k, r in kinds.items()}
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is damaged ({error}); delete it and run again") from error

    @property
    def task(self) -> TaskRecord:
        """What is classified."""
        return next(iter(self.tasks), TaskRecord("", ""))

    def condition(self, name: str) -> ConditionRecord:
        """A condition, or the mean over a group."""
        return self._by_name["conditions"].get(name) or ConditionRecord(name, name)

    def condition_rank(self, name: str) -> tuple[int, str]:
        """The position among other conditions."""
        return self._position("conditions", name)

    def method(self, name: str) -> MethodRecord:
        """A method."""
        return self._by_name["methods"].get(name) or MethodRecord(name, name)

    @property
    def usual_sizes(self) -> dict[str, tuple[int, ...]]:
        """Sizes that users run, by method."""
        return {method.name: method.usual_sizes for method in self.methods}

    def metric(self, name: str) -> MetricRecord:
        """A metric."""
        return self._by_name["metrics"].get(name) or MetricRecord(name, name)

    def score(self, name: str) -> ScoreRecord:
        """An uncertainty score; a method's own has the name that it gives it."""
        return self._by_name["scores"].get(name) or ScoreRecord(name, name)

    def by_primary(self, contestant: Contestant) -> Contestant:
        """The contestant without its score, where that is the method's primary one."""
        is_primary = contestant.score == self.method(contestant.method).primary_score
        return contestant.unscored if is_primary else contestant

    @property
    def recipe(self) -> RecipeRecord | None:
        """Recipe by which networks of the run are trained; ``None``: it has none."""
        return next(iter(self.recipes), None)

    @property
    def main(self) -> list[MetricRecord]:
        """The metrics that the main table shows, those of the overview too."""
        return [metric for metric in self.metrics if metric.shown in ("overview", "main")]

    def printed(self, metric: str) -> Printed:
        """A metric in print."""
        record = self.metric(metric)
        arrow = {"higher": "↑", "lower": "↓", "": ""}[record.better]
        return Printed(record.label, record.unit, arrow)

    def label(self, contestant: Contestant) -> str:
        """The method with its number of members, and each network's training, if not one.

        >>> names = Names(methods=(MethodRecord("e", "Ensemble", counts_networks=True),))
        >>> names.label(Contestant("e", "10", 10.0)), names.label(Contestant("e", "10", 5.0))
        ('Ensemble, M = 10', 'Ensemble, M = 10, each trained 0.5×')
        >>> names.label(Contestant("softmax", "1", 5.0))
        'softmax, budget 5'
        """
        method, own = self.method(contestant.method), []
        if contestant.members not in ("", "1"):
            own.append(self.size(contestant))
        if (each := self.each(contestant)) != 1:
            several = method.counts_networks
            own.append(f"each trained {each:g}×" if several else f"budget {each:g}")
        return ", ".join([method.label, *own])

    def each(self, contestant: Contestant) -> float:
        """The budget of each network."""
        return contestant.budget / self.natural(contestant).budget

    def natural(self, contestant: Contestant) -> Contestant:
        """Its method of its size, of networks of budget 1 each."""
        several = self.method(contestant.method).counts_networks
        return contestant._replace(budget=float(contestant.size or 1) if several else 1.0)

    def size(self, contestant: Contestant) -> str:
        """The number of members with its symbol, such as ``T = 100``."""
        if not contestant.size:
            return contestant.members
        return f"{self.method(contestant.method).symbol or 'M'} = {contestant.members}"

    def key(self, contestant: Contestant) -> str:
        """What it is called in commands and marks: with its budget, if not the usual one.

        >>> Names().key(Contestant("swag", "10")), Names().key(Contestant("swag", "10", 5.0))
        ('swag-10', 'swag-10-budget-5')
        """
        own = "" if self.each(contestant) == 1 else f"-budget-{contestant.budget:g}"
        return f"{contestant.method}-{contestant.members}{own}"

    def rank(self, contestant: Contestant) -> tuple[bool, int, tuple[int, str], float, float]:
        """The position among other contestants: the suite's methods first, others as given."""
        method, given = contestant.method, self._position("methods", contestant.method)
        place = self.method(method).position
        return place < 0, place, given, contestant.size or math.inf, contestant.budget

    def class_name(self, number: int) -> str:
        """What a class is called."""
        classes = self.task.classes
        return classes[number] if 0 <= number < len(classes) else str(number)


def record_of(record: type[Record], noun: object, **own: object) -> Record:
    """The record of a noun: its fields are the noun's attributes of the same names.

    Args:
        own: the fields that are something else.
    """
    alike = (field.name for field in fields(record) if field.name not in own)
    return _record(record, {name: getattr(noun, name) for name in alike} | own)


def _record(record: type[Record], values: Mapping[str, Any]) -> Record:
    """A record of these values; a field without one has its default."""
    hints = get_type_hints(record)
    given = [f.name for f in fields(record) if f.name in values or f.default is MISSING]
    return record(**{name: _value(hints[name], values[name], name) for name in given})


def _value(hint: Any, value: Any, name: str) -> Any:
    """A value as a record has it.

    Sets are sorted, a single value is one of several, a class is its name, and without a value text
    is empty and a number NaN.

    Raises:
        ValueError: it is of another type.
    """
    if get_origin(hint) is tuple:
        several = (value,) if isinstance(value, (str, int, float)) else value
        several = sorted(several) if isinstance(several, (set, frozenset)) else several
        return tuple(_value(get_args(hint)[0], single, name) for single in several)
    if isinstance(value, type):
        value = getattr(value, "name", value.__name__)
    if value is None and hint in (str, float):
        value = hint("nan") if hint is float else ""
    types = (int, float) if hint is float else hint
    fits = value in get_args(hint) if get_origin(hint) is Literal else isinstance(value, types)
    if not fits or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{name} is {value!r}")
    return float(value) if hint is float else value


def compared_sizes(
    sizes: Mapping[str, Iterable[int]], usual: Mapping[str, Collection[int]]
) -> dict[str, tuple[int, ...]]:
    """Sizes at which methods are compared: each one's largest, and those largest of another.

    Plug-in mutual information, vote entropy and variation ratio depend on the number of members, so
    methods are also compared at equal sizes, where they have them. Of a method with one or two
    sizes all are compared, since the user chose exactly these. Where a method's only size is a
    usual one, others need not have it.

    Args:
        sizes: the numbers of members of each method.
        usual: those that users run of it; see `MethodRecord.usual_sizes`.

    >>> compared_sizes({"mc_dropout": [5, 50, 100], "deep_ensemble": [5, 20, 50]}, {})
    {'mc_dropout': (50, 100), 'deep_ensemble': (50,)}
    >>> compared_sizes({"mc_dropout": [10, 20], "deep_ensemble": [50]}, {})
    {'mc_dropout': (10, 20), 'deep_ensemble': (50,)}
    >>> compared_sizes({"swag": [30], "deep_ensemble": [5, 30, 50]}, {"swag": [30]})
    {'swag': (30,), 'deep_ensemble': (50,)}
    """
    ascending = {method: sorted(set(numbers)) for method, numbers in sizes.items()}
    largest = {
        numbers[-1]
        for method, numbers in ascending.items()
        if len(numbers) > 1 or not {*numbers} <= {*usual.get(method, ())}
    }
    return {
        method: tuple(n for n in numbers if n in {*largest, numbers[-1]} or len(numbers) <= 2)
        for method, numbers in ascending.items()
    }


def compared(
    contestants: Collection[Contestant], usual: Mapping[str, Collection[int]]
) -> list[Contestant]:
    """Contestants of `compared_sizes`.

    A size of 1 is compared only for methods that have no other (softmax); a method whose members
    are not counted is always compared.

    >>> pairs = [("softmax", "1"), ("mine", "1"), ("mine", "5"), ("it", "exact")]
    >>> [each.method for each in compared([Contestant(*pair) for pair in pairs], {})]
    ['softmax', 'mine', 'it']
    """
    sizes: dict[str, list[int]] = {}
    for each in contestants:
        if each.size > 1:
            sizes.setdefault(each.method, []).append(each.size)
    chosen = compared_sizes(sizes, usual)
    return [c for c in contestants if not c.size or c.size in chosen.get(c.method, (c.size,))]
