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
from benchmarks.nouns import Contestant, MethodRecord, Names
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
    for record in NAMES.methods:
        kind = METHODS[record.name]
        assert (record.size or None, record.needs) == (kind.size, tuple(sorted(kind.needs)))
    assert NAMES.recipe is not None
    assert (NAMES.recipe.network, NAMES.recipe.mean) == ("lenet5", (ARTICLE.mean,))
    assert NAMES.task.shape == (1, 28, 28)


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
