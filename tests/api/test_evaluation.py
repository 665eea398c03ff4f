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
    rows = results.summary
    chosen = rows[
        (rows["method"] == method)
        & (rows["condition"] == condition)
        & (rows["metric"] == metric)
        & (rows["score"] == score)
    ]
    (row,) = chosen.to_dict("records")
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


def test_methods_are_compared_and_calibrated(evaluated: BenchmarkResults) -> None:
    answer = evaluated.answer
    assert set(answer["metric"]) == {"accuracy", "nll", "auroc"}
    assert set(answer["best"]) == {"yes", "no"} or set(answer["best"]) == {"yes"}
    for row in answer.query("metric == 'nll'").to_dict("records"):
        expected = value(evaluated, row["method"], "clean", "nll")["value"]
        assert row["value"] == pytest.approx(expected, abs=1e-3)
    assert set(evaluated.summary["members"]) == {"1", "4"}
    recalibrated = evaluated.summary[
        evaluated.summary["metric"].str.contains("recalibrated|temperature")
    ]
    sets = evaluated.summary[evaluated.summary["metric"].str.contains("coverage")]
    assert len(recalibrated) > 0
    assert sets.loc[sets["condition"] == "clean", "value"].notna().any()
    assert set(answer["worth"]) == {""}
    assert "reliability" in evaluated.figures()


def test_it_is_written_as_a_run_is(evaluated: BenchmarkResults, folder: Path) -> None:
    pd.testing.assert_frame_equal(load_results(folder).summary, evaluated.summary)
    assert (folder / "summary.csv").exists()
    assert "| mc, M = 4 |" in (folder / "tables" / "main.md").read_text(encoding="utf-8")
    page = (folder / "index.html").read_text(encoding="utf-8")
    for name in ("reliability", "abstaining", "roc"):
        assert list(folder.glob(f"figures/{name}*.png")), name
        assert f'id="{name}' in page or f"figures/{name}" in page
    for name in ("softmax", "mc, M = 4", "far&lt;away"):
        assert name in page
    assert "far<away" not in page


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


class Points(Dataset[tuple[Tensor, int]]):
    def __init__(self, own: Own) -> None:
        self.own = own

    def __len__(self) -> int:
        return len(self.own.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.own.points[index], int(self.own.labels[index])


@pytest.mark.parametrize(
    "form",
    [
        lambda own: DataLoader(TensorDataset(own.points, own.labels), batch_size=70),
        lambda own: Points(own),
        lambda own: (own.points.double().numpy(), own.labels.numpy().astype("int8")),
        lambda own: (
            own.points.numpy().astype(">f4")[::-1],
            own.labels.numpy().astype(">i8")[::-1],
        ),
        lambda own: [own.points.half().float(), own.labels.tolist()],
    ],
    ids=["loader", "dataset", "arrays of float64", "arrays of other byte order", "list"],
)
def test_data_may_come_in_any_form(form: Any, evaluated: BenchmarkResults, own: Own) -> None:
    results = evaluate({"softmax": Softmax.from_network(own.module)}, form(own), resamples=100)
    for metric in ("accuracy", "nll"):
        expected = value(evaluated, "softmax", "clean", metric)["value"]
        assert value(results, "softmax", "clean", metric)["value"] == pytest.approx(
            expected,
            abs=4e-3,  # half precision may move one of the 300 images
        )


def test_images_of_any_shape_and_networks_of_any_precision() -> None:
    images, labels = torch.rand(12, 2, 3, 4, 5), torch.arange(12) % 7
    module = nn.Sequential(nn.Flatten(), nn.Linear(120, 7))
    single, double = (
        value(
            evaluate({"a": Softmax.from_network(network)}, (images, labels), resamples=100),
            *("a", "clean", "nll"),
        )["value"]
        for network in (module, module.double())
    )
    assert single == pytest.approx(double, abs=1e-5)


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


def test_method_that_was_not_calibrated_says_so(own: Own) -> None:
    method = TemperatureScaling.from_network(own.module)
    with pytest.warns(UserWarning, match="scaled: not calibrated: the temperature is 1"):
        evaluate({"scaled": method}, (own.points, own.labels), resamples=100)


class Exact(UncertaintyMethod):
    """A method without members, that says how many classes it knows."""

    name = "exact"

    def fit(self, images: Tensor, labels: Tensor) -> Exact:
        return self

    def predict(self, images: Tensor) -> Prediction:
        mean = images[:, :3].double().softmax(1)
        return Prediction(mean, mean, torch.special.entr(mean).sum(1), members=None)


def test_method_without_members_is_measured(own: Own) -> None:
    results = evaluate({"exact": Exact()}, (own.points, own.labels), resamples=100)
    expected = log_loss(own.labels.numpy(), own.points[:, :3].double().softmax(1).numpy())
    assert value(results, "exact", "clean", "nll")["value"] == pytest.approx(expected, abs=1e-9)


class Pictures(Dataset[tuple[Image.Image, int]]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.new("L", (5, 5)), 0


class Dictionaries(Dataset[dict[str, Tensor]]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": torch.zeros(5)}


POINTS, LABELS = torch.zeros(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])

WRONG_DATA: dict[str, tuple[Any, type[Exception], str]] = {
    "pictures": (Pictures(), TypeError, r"data: the data set gives .*PIL.*transforms\.ToTensor"),
    "dictionaries": (Dictionaries(), TypeError, r"data: there is dict; expected a DataLoader"),
    "no labels": (POINTS, TypeError, r"data: there is Tensor; expected a DataLoader"),
    "too few labels": (
        (POINTS, LABELS[:4]),
        ValueError,
        r"data: there are 6 images and labels \[4\]",
    ),
    "no image": (
        (POINTS[:0], LABELS[:0]),
        ValueError,
        r"data: 'labels' is empty|data: there is no image",
    ),
    "other shape": (
        (torch.zeros(6, 4), LABELS),
        ValueError,
        r"'softmax' cannot predict data, a batch \[6, 4\] of torch.float32: RuntimeError: mat1",
    ),
    "labels that are no class": (
        DataLoader(TensorDataset(POINTS, LABELS + (torch.arange(6) == 5)), batch_size=2),
        ValueError,
        r"data: 'labels' has 1 of 2 .*; the first is 3, of image 5; expected 0 to 2",
    ),
    "not finite": (
        (POINTS / 0, LABELS),
        ValueError,
        r"'softmax' cannot predict data, .*: mean must be finite",
    ),
}


@pytest.mark.parametrize("case", WRONG_DATA)
def test_wrong_data_are_named_in_one_line(case: str, own: Own) -> None:
    data, kind, message = WRONG_DATA[case]
    with pytest.raises(kind, match=message) as raised:
        evaluate({"softmax": Softmax.from_network(own.module)}, data, resamples=100)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("methods", "kind", "message"),
    [
        ({}, ArgumentError, "methods: expected at least one method"),
        ([1], TypeError, "methods: this is a list; expected a dictionary"),
        ({1: Exact()}, TypeError, "methods: the name 1 is a int, no text"),
        ({"a": nn.Linear(5, 3)}, TypeError, r"'a' is a Linear; .*Softmax\.from_network"),
        ({"a": MCDropout()}, NotFittedError, "not fitted"),
    ],
)
def test_wrong_methods_are_named(methods: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        evaluate(methods, (POINTS, LABELS), resamples=100)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"resamples": 3}, ArgumentError, "resamples: 3 is too small"),
        ({"ood": POINTS}, TypeError, "ood: this is a Tensor; expected a dictionary"),
        ({"ood": {"": POINTS}}, ArgumentError, "ood: the name '' is empty"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    for call in (
        lambda **chosen: evaluate({"a": Exact()}, (POINTS, LABELS), **chosen),
        lambda **chosen: score_predictions({"a": POINTS.softmax(1)}, LABELS, **chosen),
    ):
        with pytest.raises(kind, match=f"^{re.escape(message)}"):
            call(**arguments)


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

WRONG_PREDICTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no dictionary": ({"predictions": GOOD}, TypeError, "expected a dictionary"),
    "logits": (
        {"predictions": {"mine": LOGITS}},
        ValueError,
        r"'mine': .* of 180 rows .*from_logits",
    ),
    "of which method": (
        {"predictions": {**MINE, "other": GOOD}, "ood": {"far": GOOD}},
        ValueError,
        "ood_far: there are predictions of mine; expected a dictionary with .*: mine, other",
    ),
    "missing method": (
        {"predictions": {**MINE, "other": GOOD}, "ood": {"far": MINE}},
        ValueError,
        "ood_far: there are predictions of mine; expected",
    ),
    "calibration alone": (
        {"predictions": MINE, "calibration": GOOD[0]},
        TypeError,
        "calibration: expected a pair",
    ),
}


@pytest.mark.parametrize("case", WRONG_PREDICTIONS)
def test_wrong_predictions_are_named_in_one_line(case: str) -> None:
    arguments, kind, message = WRONG_PREDICTIONS[case]
    with pytest.raises(kind, match=message) as raised:
        score_predictions(**{"labels": SCORED_LABELS, **arguments})
    assert "\n" not in str(raised.value)
    assert "--" not in str(raised.value)
    if kind is ValueError:
        assert isinstance(raised.value, ArgumentError)
