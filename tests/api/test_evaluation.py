"""A user's own network: the numbers of scikit-learn, whatever the data come in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
from tests.api.conftest import Own

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
def found(own: Own, folder: Path) -> BenchmarkResults:
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


def test_numbers_are_those_of_scikit_learn(found: BenchmarkResults, own: Own) -> None:
    own.module.eval()
    with torch.no_grad():
        near, far = (own.module(x).double().softmax(1).numpy() for x in (own.points, FAR))
    labels = own.labels.numpy()
    expected = {
        "accuracy": accuracy_score(labels, near.argmax(axis=1)),
        "nll": log_loss(labels, near),
    }
    for metric, number in expected.items():
        row = value(found, "softmax", "clean", metric)
        assert row["value"] == pytest.approx(number, abs=1e-6)
        assert row["lower"] < row["value"] < row["upper"]
    entropy = [-(p * np.log(p)).sum(axis=1) for p in (near, far)]
    auroc = roc_auc_score([0] * len(near) + [1] * len(far), np.concatenate(entropy))
    row = value(found, "softmax", "ood-far-away", "auroc", "predictive_entropy")
    assert row["value"] == pytest.approx(auroc, abs=1e-6)


def test_methods_are_compared_and_calibrated(found: BenchmarkResults) -> None:
    compared = found.comparisons[found.comparisons["metric"] == "nll"].iloc[0]
    differing = [value(found, one, "clean", "nll")["value"] for one in ("softmax", "mc")]
    assert abs(compared["difference"]) == pytest.approx(abs(differing[0] - differing[1]), abs=1e-5)
    assert set(found.summary["members"]) == {"1", "4"}
    recalibrated = found.summary[found.summary["metric"].str.contains("recalibrated|temperature")]
    sets = found.summary[found.summary["metric"].str.contains("coverage")]
    assert len(recalibrated) + len(sets) > 0
    assert sets.loc[sets["condition"] == "clean", "value"].notna().any()
    assert found.worth.empty
    assert "entropy-split" in found.figures()


def test_it_is_written_as_a_run_is(found: BenchmarkResults, folder: Path) -> None:
    pd.testing.assert_frame_equal(load_results(folder).summary, found.summary)
    assert (folder / "summary.csv").exists()
    assert "| mc, M = 4 |" in (folder / "tables" / "main.md").read_text(encoding="utf-8")
    page = (folder / "index.html").read_text(encoding="utf-8")
    for name in ("reliability", "risk-coverage", "roc"):
        assert list(folder.glob(f"figures/{name}*.png")), name
        assert f'id="{name}' in page or f"figures/{name}" in page
    for name in ("softmax", "mc, M = 4", "far&lt;away"):
        assert name in page
    assert "far<away" not in page


def test_folder_of_something_else_is_refused(own: Own, tmp_path: Path) -> None:
    (tmp_path / "summary.csv").write_text("mine")
    with pytest.raises(ArgumentError, match=r"^out .* holds summary\.csv, but no score\.json"):
        evaluate({"exact": Exact()}, (own.points, own.labels), resamples=100, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.csv"]


def test_it_is_what_scoring_the_same_probabilities_gives(found: BenchmarkResults, own: Own) -> None:
    method = MCDropout.from_network(own.module, passes=4)
    members, far = (method.member_logits(x).double().softmax(-1) for x in (own.points, FAR))
    scored = score_predictions(
        {"mc": members},
        own.labels,
        ood={"far<away": far},
        calibration=(members[:, :100], own.labels[:100]),
        resamples=100,
    )
    evaluated = found.measurements[found.measurements["method"] == "mc"].reset_index(drop=True)
    pd.testing.assert_frame_equal(evaluated, scored.measurements.reset_index(drop=True))


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
def test_data_may_come_in_any_form(form: Any, found: BenchmarkResults, own: Own) -> None:
    results = evaluate({"softmax": Softmax.from_network(own.module)}, form(own), resamples=100)
    for metric in ("accuracy", "nll"):
        expected = value(found, "softmax", "clean", metric)["value"]
        assert value(results, "softmax", "clean", metric)["value"] == pytest.approx(
            expected,
            abs=4e-3,  # half precision may move one of the 300 images
        )


def test_images_of_any_shape_and_networks_of_any_precision() -> None:
    images, labels = torch.rand(12, 2, 3, 4, 5), torch.arange(12) % 7
    module = nn.Sequential(nn.Flatten(), nn.Linear(120, 7))
    numbers = [
        evaluate({"a": Softmax.from_network(one)}, (images, labels), resamples=100)
        for one in (module, module.double())
    ]
    nll = [value(one, "a", "clean", "nll")["value"] for one in numbers]
    assert nll[0] == pytest.approx(nll[1], abs=1e-5)


def test_module_random_state_and_output_are_as_before(
    own: Own, capfd: pytest.CaptureFixture[str]
) -> None:
    own.module.train()
    loader = DataLoader(TensorDataset(own.points, own.labels), batch_size=100, shuffle=True)
    before = torch.get_rng_state()
    evaluate({"mc": MCDropout.from_network(own.module, passes=2)}, loader, resamples=100)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(one.training for one in own.module.modules())
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
    "dictionaries": (Dictionaries(), TypeError, r"data: a batch is a dict; expected a DataLoader"),
    "no labels": (POINTS, TypeError, r"data: this is a Tensor; expected a DataLoader"),
    "a string": ("mnist", TypeError, r"data: this is a str; expected a DataLoader"),
    "too few labels": ((POINTS, LABELS[:4]), ValueError, r"data: 6 images have 4 labels"),
    "one-hot labels": (
        (POINTS, torch.eye(6, 3)),
        ValueError,
        r"data: 'labels' has the shape \[6, 3\].*one-hot",
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
        r"data: 1 of 2 'labels' are not a class; the first is 3, of image 5; expected 0 to 2",
    ),
    "not finite": (
        (POINTS / 0, LABELS),
        ValueError,
        r"'softmax' predicts what is no prediction: mean must be finite",
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
        ({"a": nn.Linear(5, 3)}, TypeError, r"'a' is a torch module.*Softmax\.from_network"),
        ({"a": 3}, TypeError, "'a' is a int; expected a fitted method"),
        ({"a\nb": Exact()}, ArgumentError, "control character"),
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
        ({"resamples": "100"}, TypeError, "resamples: '100' is a str; expected a whole number"),
        ({"seed": 1.5}, TypeError, "seed: 1.5 is a float; expected a whole number"),
        ({"ood": POINTS}, TypeError, "ood: this is a Tensor; expected a dictionary"),
        ({"ood": {2: POINTS}}, TypeError, "ood: the name 2 is a int, no text"),
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


class Pair(nn.Module):
    """What gives more than logits, as detectors and networks with several heads do."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


def test_method_whose_module_does_not_return_logits_is_named(own: Own) -> None:
    for module, message in (
        (Pair(), "the module returns a tuple; wrap it"),
        (nn.Sequential(own.module, nn.Softmax(1)), r"the module returns probabilities \(rows sum"),
        (nn.Linear(5, 1), r"the module returns the shape \[6, 1\] for 6 images"),
    ):
        methods = {"good": Exact(), "bad": Softmax.from_network(module)}
        with pytest.raises(ArgumentError, match=rf"^'bad' cannot predict data, .*: {message}"):
            evaluate(methods, (POINTS, LABELS), resamples=100)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_network_on_a_gpu_gives_the_same_numbers(own: Own, found: BenchmarkResults) -> None:
    method = Softmax.from_network(own.module, device="cuda")
    results = evaluate({"softmax": method}, (own.points.cuda(), own.labels.cuda()), resamples=100)
    expected = value(found, "softmax", "clean", "nll")["value"]
    assert value(results, "softmax", "clean", "nll")["value"] == pytest.approx(expected, abs=1e-5)
