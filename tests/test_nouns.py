"""The nouns of a run as data: written and read again, and what they are called in print."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.nouns import Contestant, MethodRecord, MetricRecord, Names, RecipeRecord, record_of
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from methods import METHODS
from methods.networks.recipes import ARTICLE

PLAN = Plan(configuration_of("article"))
NAMES = nouns_of(PLAN, metric_records(10))


def test_nouns_are_read_back_as_they_were(tmp_path: Path) -> None:
    NAMES.write(tmp_path)
    assert repr(Names.read(tmp_path)) == repr(NAMES)  # NaN is NaN
    assert "NaN" not in (tmp_path / "nouns.json").read_text()
    Names().write(tmp_path)
    assert Names.read(tmp_path) == Names()


def test_fields_are_the_attributes_of_the_same_name() -> None:
    for noun, record in zip(METRICS.values(), NAMES.metrics, strict=True):
        assert (record.family, record.needs) == (noun.family.__name__, tuple(sorted(noun.needs)))
        assert Path(record.path).is_file()
        for name in ("label", "unit", "better", "biased", "formula", "source", "coverage"):
            assert getattr(record, name) == getattr(noun, name)
    assert NAMES.metric("nll").guessing == math.log(10)
    assert math.isnan(NAMES.metric("ece").guessing)
    by_name = {record.name: record for record in NAMES.methods}
    assert by_name.keys() == METHODS.keys()
    assert by_name["softmax"].size == ""
    assert by_name["temperature_scaling"].needs == ("calibration",)
    article = NAMES.recipe
    assert article is not None
    assert (article.network, article.mean, article.std) == ("lenet5", (0.137,), (0.3081,))
    assert article.images == 60_000
    assert NAMES.task.shape == (1, 28, 28)


def test_field_that_a_noun_lacks_or_has_as_something_else_is_refused() -> None:
    with pytest.raises(AttributeError, match="images"):
        record_of(RecipeRecord, ARTICLE)
    assert record_of(RecipeRecord, ARTICLE, images=1).images == 1
    metric = METRICS["nll"]
    of_metric = {"needs": {"labels", "calibration"}, "level": 1, "path": "", "function": ""}
    of_metric |= {"guessing": 2.3}
    record = record_of(MetricRecord, metric, **of_metric)
    assert (record.needs, record.level) == (("calibration", "labels"), 1.0)
    with pytest.raises(ValueError, match="images is 'many'"):
        record_of(RecipeRecord, ARTICLE, images="many")


def test_mean_of_a_group_follows_its_last_condition() -> None:
    names = [condition.name for condition in NAMES.conditions if not condition.subset]
    assert names[names.index("rotated-mean") - 1].startswith("rotated-")
    mean = NAMES.condition("rotated-mean")
    assert (mean.is_mean, mean.group, mean.is_one_of_many) == (True, "rotated", False)
    assert sum(condition.group == "rotated" for condition in NAMES.conditions) > 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content.pop("metrics"), "metrics"),
        (lambda content: content["tasks"][0].pop("label"), "label"),
        (lambda content: content["conditions"][0].update(labels="good"), "labels is 'good'"),
        (lambda content: content["recipes"].insert(0, "article"), "string indices"),
        (lambda content: content["recipes"][0].update(name="x/../../../victim"), "not of letters"),
        (lambda content: content["metrics"][0].update(name="C:x"), "not of letters"),
        (lambda content: content["conditions"][0].update(name=".."), "not of letters"),
        (lambda content: content["conditions"][0].update(group="x/../y"), "not of letters"),
    ],
)
def test_damaged_file_is_refused_in_one_line(
    change: Callable[[dict[str, Any]], object], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "nouns.json"
    NAMES.write(tmp_path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"nouns\.json is damaged \(.*{why}.*\); delete it"):
        Names.read(tmp_path)
    with pytest.raises(UserError, match=r"no nouns\.json in nowhere: this is no folder of a run"):
        Names.read(Path("nowhere"))


def test_unknown_name_is_its_own_label_and_comes_last() -> None:
    for kind in ("condition", "method", "metric", "score"):
        record = getattr(NAMES, kind)("mine")
        assert (record.name, record.label) == ("mine", "mine")
    known = [condition.name for condition in NAMES.conditions]
    assert sorted(["mine", *reversed(known)], key=NAMES.condition_rank) == [*known, "mine"]
    assert NAMES.label(Contestant("mine", "7")) == "mine, M = 7"
    own = replace(NAMES, methods=(MethodRecord("mine", "Mine", symbol="K"), *NAMES.methods))
    contestants = [
        Contestant("mine", "7"),
        Contestant("mc_dropout", "100"),
        Contestant("mc_dropout", "10"),
    ]
    assert sorted(contestants, key=own.rank) == contestants[::-1]
    assert own.size(contestants[0]) == "K = 7"


def test_own_methods_stand_in_the_order_in_which_they_are_given() -> None:
    given = [Contestant(name, "1") for name in ("zebra", "ant", "mole")]
    own = replace(NAMES, methods=tuple(MethodRecord(v.method, v.method) for v in given))
    assert [*map(own.rank, given)] == sorted(map(own.rank, given))
