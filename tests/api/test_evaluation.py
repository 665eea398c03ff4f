"""A user's own network, and predictions of others: the numbers of scikit-learn, in any form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.api import (
    ArgumentError,
    BenchmarkResults,
    evaluate,
    load_results,
    score_predictions,
)
from benchmarks.schema import where
from methods import MCDropout, Prediction, Softmax, TemperatureScaling, UncertaintyMethod
from methods.pooled import NotFittedError


class Own(NamedTuple):
    """A network, and points of 3 classes in 5 dimensions."""

    module: nn.Module
    points: Tensor
    labels: Tensor


@pytest.fixture(scope="module")
def own() -> Own:
    """Some points are predicted wrongly."""
    random = torch.Generator().manual_seed(0)
    centres = 2 * torch.eye(3, 5)
    labels = torch.randint(3, (300,), generator=random)
    points = centres[labels] + torch.randn(300, 5, generator=random)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(50):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(points), labels).backward()
        optimiser.step()
    return Own(module, points, labels)


FAR = torch.full((40, 5), 0.3) + 3 * torch.randn(40, 5, generator=torch.Generator().manual_seed(1))


def value(
    results: BenchmarkResults, method: str, condition: str, metric: str, score: str = ""
) -> Any:
    rows = where(results.summary, method=method, condition=condition, metric=metric, score=score)
    (row,) = rows.to_dict("records")
    return row


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluated") / "out"


@pytest.fixture(scope="module")
def evaluated(own: Own, folder: Path) -> BenchmarkResults:
    methods = {
        "softmax": Softmax.from_network(own.module),
        "mc": MCDropout.from_network(own.module, passes=4),
    }
    return evaluate(
        methods,
        (own.points, own.labels),
        ood={"far<away": FAR},
        calibration=(own.points[:100], own.labels[:100]),
        resamples=100,
        out=folder,
    )


def test_numbers_are_those_of_scikit_learn(evaluated: BenchmarkResults, own: Own) -> None:
    own.module.eval()
    with torch.no_grad():
        near, far = (own.module(x).double().softmax(1).numpy() for x in (own.points, FAR))
    labels = own.labels.numpy()
    expected = {
        "accuracy": accuracy_score(labels, near.argmax(axis=1)),
        "nll": log_loss(labels, near),
    }
    for metric, number in expected.items():
        row = value(evaluated, "softmax", "clean", metric)
        assert row["value"] == pytest.approx(number, abs=1e-6)
        assert row["lower"] < row["value"] < row["upper"]
    entropy = [-(p * np.log(p)).sum(axis=1) for p in (near, far)]
    auroc = roc_auc_score([0] * len(near) + [1] * len(far), np.concatenate(entropy))
    row = value(evaluated, "softmax", "ood-far-away", "auroc", "predictive_entropy")
    assert row["value"] == pytest.approx(auroc, abs=1e-6)


def test_methods_are_compared_and_calibrated(evaluated: BenchmarkResults, folder: Path) -> None:
    answer, summary = evaluated.answer, evaluated.summary
    assert set(answer["metric"]) == {"accuracy", "nll", "auroc"}
    assert "yes" in set(answer["best"]) <= {"yes", "no"}
    for row in answer.query("metric == 'nll'").to_dict("records"):
        expected = value(evaluated, row["method"], "clean", "nll")["value"]
        assert row["value"] == pytest.approx(expected, abs=1e-3)
    assert set(summary["members"]) == {"1", "4"}
    for fitted in ("recalibrated|temperature", "coverage"):
        rows = summary[summary["metric"].str.contains(fitted) & (summary["condition"] == "clean")]
        assert rows["value"].notna().any()
    assert set(answer["worth"]) == {""}
    pd.testing.assert_frame_equal(load_results(folder).summary, summary)


def test_it_is_what_scoring_the_same_probabilities_gives(
    evaluated: BenchmarkResults, own: Own
) -> None:
    method = MCDropout.from_network(own.module, passes=4)
    members, far = (method.member_logits(x) for x in (own.points, FAR))
    scored = score_predictions(
        {"mc": members},
        own.labels,
        ood={"far<away": far},
        calibration=(members[:, :100], own.labels[:100]),
        from_logits=True,
        resamples=100,
    )
    rows = evaluated.measurements
    expected = rows[rows["method"] == "mc"].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, scored.measurements.reset_index(drop=True))


class Items(list[Any], Dataset[Any]):
    """A data set of a user's own class."""


@pytest.mark.parametrize(
    "form",
    [
        lambda points, labels: DataLoader(TensorDataset(points, labels), batch_size=70),
        lambda points, labels: Items([*zip(points, labels.tolist(), strict=True)]),
        lambda points, labels: (points.double().numpy(), labels.numpy().astype("int8")),
        lambda points, labels: (points.numpy().astype(">f4"), labels.numpy().astype(">i8")),
        lambda points, labels: [points.half().float(), labels.tolist()],
    ],
)
def test_data_may_come_in_any_form(form: Any, evaluated: BenchmarkResults, own: Own) -> None:
    data, method = form(own.points, own.labels), Softmax.from_network(own.module)
    results = evaluate({"softmax": method}, data, resamples=100)
    for metric in ("accuracy", "nll"):
        expected = value(evaluated, "softmax", "clean", metric)["value"]
        same = pytest.approx(expected, abs=4e-3)  # half precision may move one of the 300 images
        assert value(results, "softmax", "clean", metric)["value"] == same


class Exact(UncertaintyMethod):
    """A method without members, that says how many classes it knows."""

    name = "exact"

    def fit(self, images: Tensor, labels: Tensor) -> Exact:
        return self

    def predict(self, images: Tensor) -> Prediction:
        mean = images[:, :3].double().softmax(1)
        return Prediction(mean, mean, torch.special.entr(mean).sum(1), members=None)


def test_method_without_members_or_calibration_is_measured(own: Own) -> None:
    methods = {"exact": Exact(), "scaled": TemperatureScaling.from_network(own.module)}
    with pytest.warns(UserWarning, match="scaled: not calibrated: the temperature is 1"):
        results = evaluate(methods, (own.points, own.labels), resamples=100)
    expected = log_loss(own.labels.numpy(), own.points[:, :3].double().softmax(1).numpy())
    assert value(results, "exact", "clean", "nll")["value"] == pytest.approx(expected, abs=1e-9)


def test_module_random_state_and_output_are_as_before(
    own: Own, capfd: pytest.CaptureFixture[str]
) -> None:
    own.module.train()
    loader = DataLoader(TensorDataset(own.points, own.labels), batch_size=100, shuffle=True)
    before = torch.get_rng_state()
    evaluate({"mc": MCDropout.from_network(own.module, passes=2)}, loader, resamples=100)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(layer.training for layer in own.module.modules())
    assert capfd.readouterr() == ("", "")


POINTS, LABELS = torch.zeros(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])

LOADED = DataLoader(TensorDataset(POINTS, LABELS + (torch.arange(6) == 5)), batch_size=2)
PICTURES = Items([(Image.new("L", (5, 5)), 0)] * 4)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (PICTURES, TypeError, r"data: the data set gives .*PIL.*transforms\.ToTensor"),
        (
            Items([{"image": POINTS[0]}] * 4),
            TypeError,
            "data: there is dict; expected a DataLoader",
        ),
        (POINTS, TypeError, r"data: there is Tensor; expected a DataLoader"),
        ((POINTS, LABELS[:4]), ValueError, r"data: there are 6 images and labels \[4\]"),
        ((POINTS[:0], LABELS[:0]), ValueError, r"data: 'labels' is empty|data: there is no image"),
        (
            (torch.zeros(6, 4), LABELS),
            ValueError,
            r"'softmax' cannot predict .* \[6, 4\] of .*mat1",
        ),
        (LOADED, ValueError, "data: 'labels' has 1 of 2 .*; the first is 3, of image 5; .*0 to 2"),
        (
            (POINTS / 0, LABELS),
            ValueError,
            r"'softmax' cannot predict data, .*: mean must be finite",
        ),
    ],
)
def test_wrong_data_are_named_in_one_line(
    data: Any, kind: type[Exception], message: str, own: Own
) -> None:
    with pytest.raises(kind, match=rf"\A[^\n]*({message})[^\n]*\Z"):
        evaluate({"softmax": Softmax.from_network(own.module)}, data, resamples=100)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"methods": {}}, ArgumentError, "methods: expected at least one method"),
        ({"methods": [1]}, TypeError, "methods: this is a list; expected a dictionary"),
        ({"methods": {1: Exact()}}, TypeError, "methods: the name 1 is a int, no text"),
        ({"methods": {"a": nn.ReLU()}}, TypeError, r"'a' is a ReLU; .*Softmax\.from_network"),
        ({"methods": {"a": MCDropout()}}, NotFittedError, "not fitted"),
        ({"resamples": 3}, ArgumentError, "^resamples: 3 is too small"),
        ({"ood": POINTS}, TypeError, "^ood: this is a Tensor; expected a dictionary"),
        ({"ood": {"": POINTS}}, ArgumentError, "^ood: the name '' is empty"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        evaluate(**({"methods": {"a": Exact()}, "data": (POINTS, LABELS)} | arguments))
    if "methods" not in arguments:
        with pytest.raises(kind, match=message):
            score_predictions({"a": POINTS.softmax(1)}, LABELS, **arguments)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_network_on_a_gpu_gives_the_same_numbers(own: Own, evaluated: BenchmarkResults) -> None:
    method = Softmax.from_network(own.module, device="cuda")
    results = evaluate({"softmax": method}, (own.points.cuda(), own.labels.cuda()), resamples=100)
    expected = value(evaluated, "softmax", "clean", "nll")["value"]
    assert value(results, "softmax", "clean", "nll")["value"] == pytest.approx(expected, abs=1e-5)


RANDOM = np.random.default_rng(0)
SCORED_LABELS = RANDOM.integers(4, size=60)
LOGITS = RANDOM.normal(size=(3, 60, 4)) + 2 * np.eye(4)[SCORED_LABELS]
GOOD = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)


def nll(**predictions: Any) -> float:
    results = score_predictions(**{"labels": SCORED_LABELS, "resamples": 100, **predictions})
    rows = results.summary
    return float(rows[rows["metric"] == "nll"].iloc[0]["value"])


def test_forms_of_probabilities_and_logits_are_alike() -> None:
    expected = -np.log(GOOD.mean(axis=0)[np.arange(60), SCORED_LABELS]).mean()
    for form in (GOOD, torch.tensor(GOOD, requires_grad=True), list(GOOD)):
        assert nll(predictions={"mine": form}) == pytest.approx(expected, abs=1e-9)
    logits = torch.tensor(LOGITS)
    assert nll(predictions={"mine": logits}, from_logits=True) == pytest.approx(expected, abs=1e-9)
    half = logits.to(torch.bfloat16)
    assert nll(predictions={"mine": half}, from_logits=True) == pytest.approx(expected, abs=0.02)
    single = -np.log(GOOD[0][np.arange(60), SCORED_LABELS]).mean()
    assert nll(predictions={"mine": pd.DataFrame(GOOD[0])}) == pytest.approx(single, abs=1e-9)


MINE = {"mine": GOOD}
TWO = {**MINE, "other": GOOD}


@pytest.mark.parametrize(
    ("predictions", "further", "kind", "message"),
    [
        (GOOD, {}, TypeError, "expected a dictionary"),
        ({"mine": LOGITS}, {}, ArgumentError, "'mine': .* of 180 rows .*from_logits"),
        (TWO, {"ood": {"far": GOOD}}, ArgumentError, "ood_far: .* a dictionary with .*mine, other"),
        (TWO, {"ood": {"far": MINE}}, ArgumentError, "ood_far: there are predictions of mine; exp"),
        (MINE, {"calibration": GOOD[0]}, TypeError, "calibration: expected a pair"),
    ],
)
def test_wrong_predictions_are_named_in_one_line(
    predictions: Any, further: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as raised:
        score_predictions(predictions, SCORED_LABELS, **further)
    assert not re.search("\n|--", str(raised.value))
